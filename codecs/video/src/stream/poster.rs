//! The opening picture, readable for a person: it tells that the video holds a file and how to get it back.
//!
//! Noto Sans, Copyright Google, under the SIL Open Font License 1.1; see docs/charts.md.

use std::io::Read;

use ab_glyph::{Font, FontRef, PxScale, ScaleFont, point};
use lab_codec::{Context, Digest, Error, ErrorKind, Result, format_count};
use lab_media::Frame;
use sha2::{Digest as _, Sha256};

use super::Settings;
use crate::profile::Profile;

/// Luma of background and text, in limited range.
const GROUND: u8 = 28;
const TEXT: u8 = 225;

/// Whether videos of this profile begin with a poster. `dense` leaves it out, to spend every picture on data.
pub fn is_shown(profile: &Profile) -> bool {
    profile.name != "dense"
}

/// Size and SHA-256 of a content, for a poster that states them. The observer counts each byte.
///
/// # Errors
/// I/O errors, cancellation.
pub fn content(mut reader: impl Read, cx: &Context) -> Result<(u64, Digest)> {
    let (mut hash, mut buffer, mut len) = (Sha256::new(), vec![0; 1 << 20], 0);
    loop {
        cx.check()?;
        let count = reader.read(&mut buffer)?;
        if count == 0 {
            return Ok((len, Digest(hash.finalize().into())));
        }
        hash.update(&buffer[..count]);
        len += count as u64;
        cx.observer().advance(count as u64);
    }
}

/// Draws the poster of a stream.
///
/// # Errors
/// If the embedded font cannot be parsed.
pub fn draw(settings: &Settings, name: &str) -> Result<Frame> {
    let shape = settings.modem.shape();
    let mut frame = Frame::new(shape);
    frame.data_mut().fill(128);
    frame.fill(0, GROUND);
    let name = if name.is_empty() { "a stream of bytes" } else { name };
    let name: String = name.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    let mut lines = vec![(1.6, "This video is a file".to_string()), (1.2, name)];
    match &settings.content {
        Some((bytes, sha256)) => {
            let sha256 = sha256.to_string();
            lines.push((1.0, format!("{} bytes", format_count(*bytes))));
            lines.push((0.8, format!("SHA-256 {}", &sha256[..32])));
            lines.push((0.8, format!("              {}", &sha256[32..])));
        }
        None => lines.push((0.8, "its size and SHA-256 are in the last frames".to_string())),
    }
    lines.push((1.0, "Get it back:  lab decode VIDEO -o FILE".to_string()));
    lines.push((0.7, format!("lab video, profile {}", settings.profile.name)));
    let unusable = |_| Error::new(ErrorKind::Io, "cannot draw the poster: the embedded font is unusable");
    let font = FontRef::try_from_slice(notosans::REGULAR_TTF).map_err(unusable)?;
    let (width, height) = (shape.width as f32, shape.height as f32);
    let total: f32 = lines.iter().map(|(size, _)| size).sum();
    let unit = height * 0.8 / (total * 1.5);
    let mut top = height * 0.1;
    for (size, text) in lines {
        // A line wider than 88 % of the picture is scaled down to fit.
        let room = width * 0.88;
        let full = length(&font, unit * size, &text);
        let scale = unit * size * (room / full.max(1.0)).min(1.0);
        write(&mut frame, &font, scale, (width * 0.06, top), &text);
        top += unit * size * 1.5;
    }
    Ok(frame)
}

fn length(font: &FontRef, size: f32, text: &str) -> f32 {
    let font = font.as_scaled(PxScale::from(size));
    text.chars().map(|c| font.h_advance(font.glyph_id(c))).sum()
}

/// Draws a line of text with its top left corner at `at`.
fn write(frame: &mut Frame, font: &FontRef, size: f32, at: (f32, f32), text: &str) {
    let scaled = font.as_scaled(PxScale::from(size));
    let (width, height) = (frame.shape().width as i32, frame.shape().height as i32);
    let luma = frame.plane_mut(0);
    let mut x = at.0;
    for c in text.chars() {
        let id = scaled.glyph_id(c);
        let glyph = id.with_scale_and_position(size, point(x, at.1 + scaled.ascent()));
        x += scaled.h_advance(id);
        let Some(outline) = font.outline_glyph(glyph) else { continue };
        let (left, top) = (outline.px_bounds().min.x as i32, outline.px_bounds().min.y as i32);
        outline.draw(|dx, dy, cover| {
            let (x, y) = (left + dx as i32, top + dy as i32);
            if (0..width).contains(&x) && (0..height).contains(&y) {
                let value = f32::from(GROUND) + cover.clamp(0.0, 1.0) * f32::from(TEXT - GROUND);
                let place = &mut luma[(y * width + x) as usize];
                *place = (*place).max(value as u8);
            }
        });
    }
}
