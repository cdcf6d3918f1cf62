//! Frames that each profile's modem draws and reads in a second of one core.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs)]

use lab_media::Frame;
use lab_video::modem::{Detection, FrameHeader, Kind};
use lab_video::profile::PROFILES;

const FRAMES: u32 = 30;

/// Processor time of this process in seconds: other load on the machine does not count.
fn seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

fn main() {
    for profile in PROFILES {
        let modem = (profile.modem)(profile.size.0, profile.size.1, profile.parity).unwrap();
        let mut frame = Frame::new(modem.shape());
        let header = |frame| FrameHeader {
            kind: Kind::Data,
            profile: 0,
            style: 0,
            parity: 0,
            stream_id: 1,
            frame,
            length: 0,
            group: 0,
            index: 0,
            data_frames: 1,
            parity_frames: 0,
        };
        let payload = vec![7; modem.payload_len()];
        // The first frame pays for tables.
        modem.render(&header(0), &payload, &mut frame);
        modem.detect(&frame, None);
        let start = seconds();
        for number in 0..FRAMES {
            modem.render(&header(number), &payload, &mut frame);
        }
        let render = seconds() - start;
        // A hundred disturbed places, so that some words need correction.
        let step = frame.plane(0).len() / 100;
        frame.plane_mut(0).chunks_mut(step).for_each(|samples| samples[..4].fill(128));
        let start = seconds();
        for _ in 0..FRAMES {
            let Detection::Frame { .. } = modem.detect(&frame, None) else { panic!("the frame is not read") };
        }
        let detect = seconds() - start;
        let rate = |seconds: f64| f64::from(FRAMES) / seconds;
        println!(
            "{:6} render {:5.0}, detect {:5.0} frames per core second",
            profile.name,
            rate(render),
            rate(detect)
        );
    }
}
