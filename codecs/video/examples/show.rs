//! Writes a frame of random payload as raw `yuv420p`: `show PROFILE STYLE OUT.yuv`.
#![allow(clippy::unwrap_used, missing_docs)]

use lab_media::Frame;
use lab_video::modem::{FrameHeader, Kind};
use lab_video::profile::by_name;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let profile = by_name(&arguments[0]).unwrap();
    let modem = (profile.modem)(profile.size.0, profile.size.1, profile.parity).unwrap();
    let header = FrameHeader {
        kind: Kind::Data,
        profile: 0,
        style: arguments[1].parse().unwrap(),
        parity: 0,
        stream_id: 1,
        frame: 1,
        length: 0,
        group: 0,
        index: 1,
        data_frames: 2,
        parity_frames: 0,
    };
    let mut frame = Frame::new(modem.shape());
    // Whitening makes any payload random.
    modem.render(&header, b"payload", &mut frame);
    std::fs::write(&arguments[2], frame.data()).unwrap();
}
