use lab_codec::*;
use lab_video::stream::*;
use std::time::Instant;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let cx = Context::default();
    let p = lab_video::profile::by_name(&a[1]).unwrap();
    let n: usize = a[2].parse().unwrap();
    let mut w = Wishes::default();
    if a.len() > 3 {
        let (x, y) = a[3].split_once('x').unwrap();
        w.size = Some((x.parse().unwrap(), y.parse().unwrap()));
    }
    let t = Instant::now();
    let s = Settings::new(p, &w, &cx).unwrap();
    eprintln!("settings {:?} layout {:?}", t.elapsed(), s.layout);
    let path = std::path::PathBuf::from("/tmp/frames-x.mp4");
    let mut st = 1u64;
    let data: Vec<u8> = (0..n)
        .map(|_| {
            st = st.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (st >> 33) as u8
        })
        .collect();
    let t = Instant::now();
    let mut wr = Box::new(Writer::create(Target::Path(&path), s, "x", "store", &cx).unwrap());
    wr.write(&data).unwrap();
    wr.finish(&Summary { name: "x".into(), chain: "store".into(), bytes: n as u64, sha256: Digest([0; 32]) })
        .unwrap();
    let sz = std::fs::metadata(&path).unwrap().len();
    eprintln!("write {:?} V/P {:.3} ({sz})", t.elapsed(), sz as f64 / n as f64);
    let t = Instant::now();
    let r = Reader::open(&path, &cx).unwrap();
    eprintln!("open {:?}", t.elapsed());
    r.take_health();
    let t = Instant::now();
    let mut b = vec![0; n];
    let l = r.read_at(0, &mut b).unwrap();
    eprintln!("read {:?} {} {:?}", t.elapsed(), b == data, l.len());
    r.read_rest().unwrap();
    let h = r.take_health();
    eprintln!("{:?}", (h.pictures, h.frames, h.blank, h.refused, h.worst, h.corrected));
}
