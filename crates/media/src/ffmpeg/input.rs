//! Restricts ffmpeg to one file of a known format: never a file that names other files.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use lab_codec::{Error, ErrorKind, Result};

use super::{file_argument, words};

/// Demuxers that may read an input, by ffmpeg's names: containers, bare streams, pictures and sound. Excluded
/// are playlists (concat, hls, dash, imf), subtitles, text as pictures (tty), devices and networks.
const FORMATS: &str = "mov,matroska,avi,asf,flv,live_flv,mpeg,mpegts,mpegvideo,mxf,nut,ogg,rm,wtv,dv,gxf,\
    ivf,yuv4mpegpipe,h264,hevc,av1,obu,m4v,mjpeg,mjpeg_2000,vc1,vc1test,h261,h263,cavsvideo,avs2,avs3,\
    dirac,dnxhd,vvc,gif,apng,flic,bink,smk,roq,swf,nuv,fits,film_cpk,4xm,idcin,ea,amv,image2,png_pipe,\
    jpeg_pipe,jpegxl_pipe,jpegxl_anim,jpegls_pipe,webp_pipe,webp_anim,bmp_pipe,tiff_pipe,pam_pipe,\
    pbm_pipe,pgm_pipe,ppm_pipe,exr_pipe,qoi_pipe,sgi_pipe,dpx_pipe,j2k_pipe,ico,wav,w64,mp3,flac,aac,ac3,\
    eac3,aiff,caf,ape,tta,wv,au,amr";

/// Bytes to search for signs of a playlist.
const PLAYLIST_SEARCH_BYTES: usize = 4096;

/// Arguments for an input: options and the file.
pub(super) fn arguments(path: &Path) -> impl Iterator<Item = OsString> {
    words(["-protocol_whitelist", "file,pipe", "-format_whitelist", FORMATS, "-i"])
        .chain([file_argument(path)])
}

/// Arguments for a list of our own files, which [`arguments`] would refuse.
pub(super) fn list_arguments(list: &Path) -> impl Iterator<Item = OsString> {
    let formats = format!("concat,{FORMATS}");
    let options = ["-protocol_whitelist", "file,pipe", "-format_whitelist", &formats];
    let options: Vec<_> = words(options).chain(words(["-f", "concat", "-safe", "0", "-i"])).collect();
    options.into_iter().chain([file_argument(list)])
}

/// Refuses a file that names other files. ffmpeg would refuse it too, but without a reason that people
/// understand.
///
/// # Errors
/// [`Unsupported`](ErrorKind::Unsupported) for a playlist; I/O errors.
pub(super) fn check(path: &Path) -> Result<()> {
    let mut head = Vec::new();
    File::open(path)?.take(PLAYLIST_SEARCH_BYTES as u64).read_to_end(&mut head)?;
    match playlist(&head) {
        Some(kind) => Err(Error::unsupported(format!(
            "a playlist ({kind}) names other files; give the media file itself"
        ))),
        None => Ok(()),
    }
}

fn playlist(head: &[u8]) -> Option<&'static str> {
    let text = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head).trim_ascii_start();
    let has = |what: &[u8]| text.windows(what.len()).any(|window| window == what);
    match text {
        _ if text.starts_with(b"ffconcat version") => Some("ffconcat"),
        _ if text.starts_with(b"#EXTM3U") => Some("HLS"),
        _ if text.starts_with(b"<") && has(b"<MPD") => Some("DASH"),
        _ if text.starts_with(b"<") && has(b"<CompositionPlaylist") => Some("IMF"),
        _ if text.starts_with(b"[playlist]") => Some("PLS"),
        _ if text.starts_with(b"v=0") && has(b"\nm=") => Some("SDP"),
        _ => None,
    }
}

/// Turns ffprobe's error about the file into words; returns `error` if it has no better message.
pub(super) fn refusal(error: Error) -> Error {
    if error.kind() != ErrorKind::Tool || !error.message().contains("Format not on whitelist") {
        return error;
    }
    // ffmpeg prints `[NAME @ 0xADDRESS] Format not on whitelist`.
    let name = error.message().split_once(" @ 0x").and_then(|(before, _)| before.rsplit_once('['));
    let name = name.map_or("another format", |(_, name)| name);
    Error::unsupported(format!("not a video: ffmpeg identifies the file as {name}, which is not supported"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn playlists_are_told_by_their_first_bytes() {
        for (head, kind) in [
            ("ffconcat version 1.0\nfile a.mp4\n", "ffconcat"),
            ("\u{feff}#EXTM3U\n#EXTINF:1,\na.ts\n", "HLS"),
            ("<?xml version=\"1.0\"?>\n<MPD xmlns=\"x\">", "DASH"),
            ("v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\nm=video 5004 RTP/AVP 96\r\n", "SDP"),
        ] {
            assert_eq!(playlist(head.as_bytes()), Some(kind));
        }
        assert_eq!(playlist(b"YUV4MPEG2 W4 H4 F25:1\n#EXTM3U"), None);
        assert_eq!(playlist(b""), None);
    }
}
