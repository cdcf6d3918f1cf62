//! How long one frame takes to be read from a repository: `random_frames REPOSITORY [COUNT]`. Each is read
//! by a reader that has seen none before, in an order that is as good as random; opening the repository is
//! counted apart.

use std::path::Path;
use std::time::Instant;

use lab_codec::Context;
use lab_gvcf::repository::{Missing, Repository};
use lab_gvcf::{Error, Result, Rules};

#[allow(clippy::print_stdout)]
fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().ok_or_else(|| Error::format("no repository"))?;
    let count = arguments.next().and_then(|count| count.parse().ok()).unwrap_or(100);
    let (mut opening, mut reading) = (Vec::new(), Vec::new());
    let mut state = 1_u64;
    for _ in 0..count {
        let ms = |start: Instant| start.elapsed().as_secs_f64() * 1e3;
        let start = Instant::now();
        let mut repository = Repository::open(
            Path::new(&directory),
            None,
            Missing::Refuse,
            Rules::default(),
            &Context::default(),
        )?;
        opening.push(ms(start));
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let number = (state >> 33) % repository.entries().len() as u64;
        let start = Instant::now();
        let picture = repository.picture(number as u32)?;
        assert!(!picture.pixels().is_empty());
        reading.push(ms(start));
    }
    for (what, mut times) in [("opening", opening), ("one frame", reading)] {
        times.sort_by(f64::total_cmp);
        let at = |part: usize| times[(times.len() - 1) * part / 100];
        println!("{what}: {:.1} ms median, {:.1} ms at 95 %, {:.1} ms at most", at(50), at(95), at(100));
    }
    Ok(())
}
