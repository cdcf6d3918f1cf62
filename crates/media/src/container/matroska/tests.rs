use std::io::Cursor;

use lab_codec::Context;
use proptest::prelude::*;

use super::*;

fn file(samples: &[(u16, u64, bool, Vec<u8>)], manifest: &[u8]) -> Vec<u8> {
    let video = TrackPlan {
        kind: track_type::VIDEO,
        codec: "V_FFV1".into(),
        name: "pictures".into(),
        default: true,
        elements: vec![0xE0, 0x83, 0xB0, 0x81, 7],
    };
    let mut writer = Writer::new("lab album", vec![video, TrackPlan::data("D_LAB/ALBUM", "files")], 4000);
    for (track, time, key, data) in samples {
        writer.sample(Sample { track: *track, time: *time, key: *key, size: data.len() as u64 });
    }
    writer.attach("album.manifest", "application/octet-stream", manifest.to_vec());
    let mut out = Vec::new();
    writer.write(&mut out, &mut |number| Ok(Box::new(Cursor::new(samples[number].3.clone())))).unwrap();
    out
}

fn open(bytes: &[u8]) -> lab_codec::Result<File> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.mkv");
    std::fs::write(&path, bytes).unwrap();
    File::open(&path, &Context::default())
}

#[test]
fn what_was_written_is_read() {
    let samples = vec![
        (1, 0, true, vec![1; 10]),
        (1, 2000, false, vec![2; 70_000]),
        (1, 60_000, true, vec![3; 5]),
        (2, 60_000, true, vec![4; 5_000_000]),
        (2, 60_000, true, vec![5; 7]),
    ];
    let bytes = file(&samples, b"the manifest");
    let file = open(&bytes).unwrap();
    let cx = Context::default();
    assert_eq!(file.tracks.len(), 2);
    assert_eq!((file.tracks[0].plan.codec.as_str(), file.tracks[0].plan.elements.len()), ("V_FFV1", 5));
    assert!(file.tracks[0].is_video() && !file.tracks[1].is_video());
    for (number, (track, index)) in [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)].into_iter().enumerate() {
        let block = file.tracks[track].blocks[index];
        let (_, time, key, data) = &samples[number];
        assert_eq!((block.time.cast_unsigned(), block.key), (*time, *key));
        assert_eq!(&file.block(&file.tracks[track], index as u64, &cx).unwrap(), data);
    }
    assert!(file.block(&file.tracks[0], 3, &cx).is_err());
    let attachment = &file.attachments[0];
    assert_eq!(attachment.name, "album.manifest");
    assert_eq!(file.read(attachment.offset, attachment.size, &cx).unwrap(), b"the manifest");
}

#[test]
fn a_cut_file_is_refused() {
    let bytes = file(&[(1, 0, true, vec![1; 10]), (2, 0, true, vec![2; 300])], b"m");
    for end in 0..bytes.len() {
        assert!(open(&bytes[..end]).is_err(), "cut at {end}");
    }
}

#[test]
fn a_cluster_timestamp_beyond_63_bits_is_refused() {
    let last = i64::MAX.cast_unsigned();
    assert!(open(&file(&[(1, last, true, vec![1; 10])], b"m")).is_ok());
    assert!(open(&file(&[(1, last + 1, true, vec![1; 10])], b"m")).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn damaged_bytes_never_panic(at in 0usize..600, value in any::<u8>()) {
        let mut bytes = file(&[(1, 0, true, vec![1; 10]), (2, 0, true, vec![2; 30])], b"m");
        let at = at % bytes.len();
        bytes[at] = value;
        if let Ok(file) = open(&bytes) {
            for track in &file.tracks {
                for number in 0..track.blocks.len() {
                    let _ = file.block(track, number as u64, &Context::default());
                }
            }
        }
    }
}
