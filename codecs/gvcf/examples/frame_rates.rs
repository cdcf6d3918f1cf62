//! Sizes and rates of the types on a file of raw pictures: `frame_rates FILE WIDTH HEIGHT [CHANNELS [TYPE
//! [KEY [REACH]]]]`.

use std::sync::Arc;
use std::time::Instant;

use lab_gvcf::sequence::{Content, Decoder, Encoder, Options, Types};
use lab_gvcf::{Error, Kind, Result, Rules, Shape};

/// Seconds that all threads have worked so far, where the system tells (Linux, in hundredths).
fn worked() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

#[allow(clippy::print_stdout)]
fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number =
        |i: usize, otherwise: u32| arguments.get(i).and_then(|text| text.parse().ok()).unwrap_or(otherwise);
    let file = arguments.first().ok_or_else(|| Error::format("no file"))?;
    let shape = Shape { width: number(1, 0), height: number(2, 0), channels: number(3, 3) };
    let types = match arguments.get(4).map(String::as_str) {
        None | Some("auto") => Types::Auto,
        Some("classic") => Types::Classic,
        Some(number) => Types::Only(number.parse().ok().and_then(Kind::from_number).unwrap_or(Kind::Context)),
    };
    let reach = u64::from(number(6, lab_gvcf::sequence::REACH as u32));
    let options = Options { types, key: number(5, 60), reach };
    let bytes = std::fs::read(file)?;
    let size = shape.bytes().unwrap_or(0).max(1) as usize;
    let pictures: Vec<Vec<u8>> = bytes.chunks_exact(size).map(<[u8]>::to_vec).collect();
    let mut encoder = Encoder::new(shape, 0, options);
    let (start, before) = (Instant::now(), worked());
    let mut blobs: Vec<Arc<Vec<u8>>> = Vec::new();
    let (mut total, mut keys, mut kinds) = (0, 0, [0; 7]);
    let mut sizes = Vec::new();
    let mut colours = [0; 8];
    for batch in pictures.chunks(8) {
        for coded in encoder.encode(batch.to_vec())? {
            match coded.content {
                Content::Blob(kind, blob) => {
                    total += blob.len();
                    kinds[kind as usize] += 1;
                    keys += u32::from(coded.reference.is_none());
                    colours[usize::from(blob[36]) & 7] += 1;
                    sizes.push(blob.len());
                    blobs.push(Arc::new(blob));
                }
                Content::Same(number) => blobs.push(blobs[number as usize].clone()),
            }
        }
    }
    let encoding = (start.elapsed().as_secs_f64(), worked() - before);
    let (start, before) = (Instant::now(), worked());
    let mut decoder = Decoder::new(Rules::default());
    for (i, pixels) in pictures.iter().enumerate() {
        let picture = decoder.picture(i as u32, |n| Ok(blobs[n as usize].clone()))?;
        assert!(picture.pixels() == pixels, "frame {i}");
    }
    let decoding = (start.elapsed().as_secs_f64(), worked() - before);
    let before = worked();
    let mut single: Vec<f64> = (0..pictures.len().min(60))
        .map(|i| {
            let start = Instant::now();
            let picture = Decoder::new(Rules::default()).picture(i as u32, |n| Ok(blobs[n as usize].clone()));
            picture.map(|p| p.pixels().len()).unwrap_or(0);
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    single.sort_by(f64::total_cmp);
    let work = 1e3 * (worked() - before) / single.len() as f64;
    let rate = |(wall, worked): (f64, f64)| {
        let mb = bytes.len() as f64 / 1e6;
        format!("{:.0} MB/s ({:.0} for each second of work)", mb / wall, mb / worked)
    };
    println!("{file}: {total} bytes, types {kinds:?}, colours {colours:?}, {keys} keys");
    println!("encode {}, decode {}", rate(encoding), rate(decoding));
    println!(
        "one frame alone {:.1} ms (median), {:.1} ms (worst); {work:.1} ms of work (mean)",
        single[single.len() / 2],
        single[single.len() - 1],
    );
    if sizes.len() < 45 {
        println!("{sizes:?}");
    }
    Ok(())
}
