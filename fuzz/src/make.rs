//! Makes the seeds: small valid files of every format, from the format pages' vectors and from the encoders.

use std::fs;
use std::path::Path;
use std::process::Command;

use lab_codec::{Build, Context, Digest, Error, Params, Resources, Result, Summary, Target};
use lab_conformance::vectors;
use lab_stream::chain::Chain;
use lab_stream::encode::{Input, Options, encode};
use lab_stream::pipeline::Pipeline;
use sha2::{Digest as _, Sha256};

use crate::surroundings::registry;
use crate::target;

/// Chains and segment sizes of the `.lab` seeds.
const STREAMS: &[(&str, u64)] = &[
    ("store", 400),
    ("zstd", 0),
    ("repair,zstd:level=19", 600),
    ("delta,rle,range", 300),
    ("bwt,mtf,rans0", 0),
    ("template", 0),
    ("telomere", 200),
    ("auto", 0),
];

/// Stages of the codec seeds, in addition to each codec's defaults. Small memory settings keep executions
/// fast.
const STAGES: &[&str] = &[
    "repair:coder=raw",
    "repair:coder=packed",
    "repair:coder=mix",
    "sequitur:coder=packed",
    "range:order=2",
    "brotli:lgwin=16",
    "ppmd:memory=1M",
    "bitshuffle:size=8",
    "delta:stride=4",
];

/// Text with repeated lines, followed by random bytes.
fn content(len: usize) -> Vec<u8> {
    let line = |n: usize| format!("segment {} of {len}: the chain, the codec, the carrier\n", n * n % 97);
    let mut bytes: Vec<u8> = (0..).flat_map(|n| line(n).into_bytes()).take(len * 3 / 4).collect();
    let mut random = crate::Random::new(1, len as u64);
    bytes.extend((bytes.len()..len).map(|_| random.word() as u8));
    bytes
}

/// Parses hexadecimal text; `xx*n` is `xx` repeated n times.
pub fn hex(text: &str) -> Vec<u8> {
    let pair = |pair: &[u8]| {
        std::str::from_utf8(pair).ok().and_then(|digits| u8::from_str_radix(digits, 16).ok()).unwrap_or(0)
    };
    let word = |word: &str| {
        let (digits, count) = word.split_once('*').unwrap_or((word, "1"));
        let bytes: Vec<u8> = digits.as_bytes().chunks(2).map(pair).collect();
        bytes.repeat(count.parse().unwrap_or(1))
    };
    text.split_whitespace().flat_map(word).collect()
}

/// Writes all seeds below `directory`, which is created.
///
/// # Errors
/// I/O errors; [`MissingTool`](lab_codec::ErrorKind::MissingTool) without ffmpeg, which re-muxes a video.
pub fn make(directory: &Path) -> Result<()> {
    let put = |target: &str, name: &str, bytes: &[u8]| -> Result<()> {
        let folder = directory.join(target);
        fs::create_dir_all(&folder)?;
        Ok(fs::write(folder.join(name), bytes)?)
    };
    for (number, (chain, segment)) in STREAMS.iter().enumerate() {
        let first = chain.split([':', ',']).next().unwrap_or_default();
        put("lab", &format!("{number}-{first}"), &stream(chain, *segment)?)?;
        put("chain", &number.to_string(), chain.as_bytes())?;
    }
    put("chain", "sweep", b"zstd:1/3/19:window_log=20,repair:min_freq=2..4,video:profile=share")?;
    codecs(&put)?;
    pages(&put)?;
    tables(&put)?;
    texts(&put)?;
    media(&put)
}

type Put<'a> = &'a dyn Fn(&str, &str, &[u8]) -> Result<()>;

fn parse(text: &str) -> Result<Chain> {
    Chain::parse(registry(), text)
}

fn stream(text: &str, segment: u64) -> Result<Vec<u8>> {
    let chain = parse(text)?;
    let pipeline = Pipeline::build(&chain, &Resources::default().with_registry(registry()), None)?;
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("stream");
    let carrier = lab_stream::encode::carrier_of(&chain, registry())?;
    let medium = carrier.create(Target::Path(&path), "seed", text, &Context::default())?;
    let raw = content(1500);
    let input = Input { reader: Box::new(&raw[..]), len: Some(raw.len() as u64), name: "seed".into() };
    let options = Options { segment, threads: 1, bypass: false };
    encode(input, &chain, &pipeline, medium, options, &Context::default())?;
    Ok(fs::read(path)?)
}

/// Every codec with its defaults, then some with other parameters.
fn codecs(put: Put) -> Result<()> {
    let codecs = registry().entries().iter().filter(|entry| matches!(entry.build, Build::Codec(_)));
    let stages = codecs.map(|entry| entry.info.id).chain(STAGES.iter().copied());
    for text in stages {
        let chain = parse(text)?;
        let [stage] = &chain.codecs[..] else { return Err(Error::usage(format!("{text} is not one codec"))) };
        let Build::Codec(build) = stage.entry.build else { continue };
        let codec = build(&stage.params, &Resources::default().with_registry(registry()))?;
        let raw = content(1200);
        let mut encoded = Vec::new();
        codec.worker().encode(&raw, &mut encoded, &Context::default())?;
        let head = format!("{text} {}\n", raw.len());
        put("codec", &text.replace([':', '='], "-"), &[head.as_bytes(), &encoded].concat())?;
    }
    Ok(())
}

/// Vectors of the format pages.
fn pages(put: Put) -> Result<()> {
    for (number, line) in vectors(include_str!("../../docs/formats/tlmr.md"), "files").iter().enumerate() {
        let file = hex(&line[2]);
        // Skips the longest vectors, one byte repeated many times: they would only slow the target down.
        if file.len() < 8192 {
            put("tlmr", &number.to_string(), &file)?;
        }
    }
    for line in vectors(include_str!("../../docs/formats/dictionary.md"), "dictionaries").iter().skip(1) {
        put("dictionary", &line[0], &hex(&line[1]))?;
    }
    for line in vectors(include_str!("../../docs/formats/template.md"), "segments").iter().skip(1) {
        put("template", &line[0], &[format!("{}\n", line[3]).as_bytes(), &hex(&line[4])].concat())?;
    }
    for line in vectors(include_str!("../../docs/formats/gvcf.md"), "frames") {
        put("gvcf", &format!("{}-{}", line[0], line[1]), &hex(&line[2]))?;
    }
    let album = include_str!("../../docs/formats/album.md");
    for line in vectors(album, "manifest") {
        let file = hex(&line[0]);
        put("album", "file", &[&[1][..], &file].concat())?;
        put("album", "unpacked", &target::unpacked(&file)?)?;
    }
    for (number, line) in vectors(album, "recipe").iter().enumerate() {
        let shape: Vec<u8> = line[0].split(' ').filter_map(|field| field.parse().ok()).collect();
        let head = [shape[0], shape[1], shape[2] - 1, shape[3] - 1, 3];
        put("album-block", &format!("recipe-{number}"), &[&head[..], &hex(&line[1])].concat())?;
    }
    for (number, line) in vectors(album, "block").iter().enumerate() {
        put("album-block", &format!("file-{number}"), &[&[1, 1, 0, 7, 2][..], &hex(&line[0])].concat())?;
    }
    pictures(put)
}

/// Blocks of two pictures, and of two recipes.
fn pictures(put: Put) -> Result<()> {
    use lab_album::blocks::{Try, pack_recipes, pack_samples};
    use lab_album::pixels::Shape;
    for (number, shape) in [
        Shape { width: 12, height: 9, channels: 3, bits: 8 },
        Shape { width: 16, height: 8, channels: 1, bits: 12 },
    ]
    .into_iter()
    .enumerate()
    {
        let samples = |add: usize| -> Vec<u8> {
            let value = |i: usize| (i * 7 + add) as u8 & if shape.bits > 8 && i % 2 == 1 { 15 } else { 255 };
            (0..shape.bytes()).map(value).collect()
        };
        let (first, second) = (samples(0), samples(3));
        let block = pack_samples(shape, &[&first, &second], Try::All, &Context::default())?;
        let head = [shape.width as u8, shape.height as u8, shape.channels - 1, shape.bits - 1, 0];
        put("album-block", &format!("samples-{number}"), &[&head[..], &block].concat())?;
    }
    let recipes = pack_recipes(&[content(80), content(40)])?;
    put("album-block", "recipes", &[&[1, 1, 0, 7, 1][..], &recipes].concat())
}

/// Edits of seed tables: none, one in the header, one in the buckets, and one that leaves the checksums
/// wrong.
fn tables(put: Put) -> Result<()> {
    let edit = |place: u32, bytes: [u8; 3]| [&place.to_le_bytes()[..], &bytes].concat();
    put("seed-table", "sound", &[])?;
    put("seed-table", "header", &edit(9 << 2 & !3, [2, 8, 16]))?;
    put("seed-table", "buckets", &edit(4000 << 2 | 2, [255, 255, 0]))?;
    put("seed-table", "unsealed", &edit(70 << 2 | 3, [1, 2, 3]))
}

fn texts(put: Put) -> Result<()> {
    let results = r#"{"schema":"lab-results","version":1,"name":"seed","environment":{},"cells":[{"corpus":"c",
"sample":"a.txt","chain":"zstd","segment_bytes":0,"threads":1,"bytes":1000,"output_bytes":400,"container_bytes":90,
"verified":true,"error":null,"notes":["n"],"fidelity":"exact","channel":"none","entropy":[4.5,3.5,2.5],
"encode":{"n":2,"median":0.1,"min":0.1,"mad":0.0,"confidence":[0.1,0.2],"cpu":0.1,"noisy":false,"samples":[0.1,0.2]},
"encode_memory":1000,"decode_memory":null,"stages":[{"stage":"zstd","bytes_in":1000,"bytes_out":310,
"entropy":[7.5,7.5,7.5],"choices":{"zstd":1}}]}]}"#;
    put("results", "lab.json", results.as_bytes())?;
    let hyperfine = r#"{"results":[{"command":"zstd -3 a","mean":0.5,"stddev":0.01,"median":0.5,"user":0.4,
"system":0.1,"min":0.4,"max":0.6,"times":[0.4,0.5,0.6],"exit_codes":[0,0,0]}]}"#;
    put("results", "hyperfine.json", hyperfine.as_bytes())?;
    let lzbench = "Compressor name,Compression speed,Decompression speed,Original size,Compressed size,\
                   Ratio,Filename\nmemcpy,8000.00,8100.00,1000,1000,100.00,a.txt\n\
                   zstd 1.5.7 -3,400.00,1200.00,1000,400,40.00,a.txt\n";
    put("results", "lzbench.csv", lzbench.as_bytes())?;
    let turbobench = "size,csize,ratio,ctime,dtime,name,file\n1000,400,40.0,400.00,1200.00,zstd 3,a.txt\n";
    put("results", "turbobench.csv", turbobench.as_bytes())?;
    let digest = Digest(Sha256::digest(b"seed").into());
    let manifest = format!(
        r#"{{"format":"lab-corpus-manifest-1","set":"s","files":[{{"corpus":"c","name":"a.txt","bytes":4,
"sha256":"{digest}","stored":"c/a.txt.zst","stored_as":"zstd","stored_bytes":17,"stored_sha256":"{digest}",
"origin":"o","licence":"l","kind":"k"}}]}}"#
    );
    put("manifest", "one-file", manifest.as_bytes())?;
    put("sources", "canterbury", include_bytes!("../../corpora/canterbury.toml"))?;
    let y4m =
        [b"YUV4MPEG2 W4 H2 F25:1 Ip A1:1 C420jpeg\nFRAME\n", &content(12)[..], b"FRAME\n", &content(12)];
    put("y4m", "two-frames", &y4m.concat())?;
    let y4m = [&b"YUV4MPEG2 W3 H3 F30000:1001 C444p10 XCOLORRANGE=FULL\nFRAME X\n"[..], &[1, 2]];
    put("y4m", "ten-bits", &[&y4m.concat()[..], &[0, 1].repeat(26)].concat())
}

/// Writes a stream with the carrier `id`.
fn carried(id: &str, bytes: &[u8]) -> Result<Vec<u8>> {
    let entry = registry().get(id)?;
    let Build::Carrier(build) = entry.build else {
        return Err(Error::usage(format!("{id} is not a carrier")));
    };
    let carrier = build(&Params::defaults(entry.info), &Resources::default())?;
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("medium");
    let mut writer = carrier.create(Target::Path(&path), "seed", id, &Context::default())?;
    writer.write(bytes)?;
    let sha256 = Digest(Sha256::digest(bytes).into());
    writer.finish(&Summary { name: "seed".into(), chain: id.into(), bytes: bytes.len() as u64, sha256 })?;
    Ok(fs::read(path)?)
}

fn media(put: Put) -> Result<()> {
    put("bundle", "one-frame", &carried("gvcf", &content(300))?)?;
    let video = carried("video", &content(300))?;
    put("video", "mp4", &video)?;
    let directory = tempfile::tempdir()?;
    let from = directory.path().join("a.mp4");
    fs::write(&from, &video)?;
    for (name, options) in [
        ("mkv", &["-f", "matroska"][..]),
        ("fragmented", &["-movflags", "frag_keyframe+empty_moov", "-f", "mp4"]),
    ] {
        let to = directory.path().join(name);
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg.args(["-v", "error", "-i"]).arg(&from).args(["-c", "copy", "-fflags", "+bitexact"]);
        if !ffmpeg.args(options).arg(&to).status()?.success() {
            return Err(Error::new(lab_codec::ErrorKind::Tool, "ffmpeg cannot copy the video"));
        }
        let bytes = fs::read(to)?;
        put("video", name, &bytes)?;
        if name == "mkv" {
            put("matroska", "video", &bytes)?;
        }
    }
    let header = lab_video::modem::FrameHeader {
        kind: lab_video::modem::Kind::Data,
        profile: 2,
        style: 0,
        parity: 32,
        stream_id: 7,
        frame: 3,
        length: 900,
        group: 1,
        index: 2,
        data_frames: 8,
        parity_frames: 2,
    };
    put("video-header", "lossy", &header.to_bytes())?;
    let slice = video.windows(8).position(|bytes| bytes == lab_video::exact::header::MAGIC);
    let header = slice.and_then(|at| video.get(at..at + lab_video::exact::HEADER_BYTES));
    put("video-header", "exact", header.ok_or_else(|| Error::corrupt("the video has no header"))?)
}
