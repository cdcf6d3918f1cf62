//! The H.264 syntax around the samples: parameter sets, slice header, macroblocks without samples
//! (ITU-T H.264, 7.3.2.1, 7.3.2.2, 7.3.3, 7.3.5, E.1.1).
//!
//! Constrained Baseline, one slice per picture, every picture an IDR picture, CAVLC, no deblocking. All
//! fields of the slice header have fixed lengths that do not depend on the parameter sets' variable parts,
//! so a reader of this profile needs no parameter set.

use lab_bits::exp_golomb as ue;
use lab_bits::msb::{BitReader, BitWriter};

use super::emulation::escape;
use super::size::{FRAMES_PER_SECOND, FrameSize};

/// `profile_idc` of Constrained Baseline together with [`CONSTRAINTS`].
pub const PROFILE_IDC: u8 = 66;
/// `constraint_set0_flag` and `constraint_set1_flag`.
pub const CONSTRAINTS: u8 = 0xC0;

/// `nal_unit_type` of an IDR slice.
pub const NAL_IDR: u8 = 5;

/// The first byte of an IDR slice's NAL unit: `nal_ref_idc` 3, type 5.
const IDR_NAL_HEADER: u8 = 0x65;

/// `ue(25)`, the `mb_type` of I_PCM, and the alignment behind it, in an aligned position.
pub const PCM_PREFIX: [u8; 2] = [0x0D, 0x00];

/// The sequence parameter set as a NAL unit without a start code.
pub fn sequence_parameter_set(size: FrameSize) -> Vec<u8> {
    let mut w = BitWriter::default();
    w.write(0x67, 8);
    w.write(u64::from(PROFILE_IDC), 8);
    w.write(u64::from(CONSTRAINTS), 8);
    w.write(u64::from(size.level()), 8);
    ue::write(&mut w, 0); // seq_parameter_set_id
    ue::write(&mut w, 0); // log2_max_frame_num_minus4
    ue::write(&mut w, 2); // pic_order_cnt_type: output order is decoding order
    ue::write(&mut w, 1); // max_num_ref_frames
    w.write(0, 1); // gaps_in_frame_num_value_allowed_flag
    ue::write(&mut w, u32::from(size.columns) - 1);
    ue::write(&mut w, u32::from(size.rows) - 1);
    w.write(1, 1); // frame_mbs_only_flag
    w.write(1, 1); // direct_8x8_inference_flag
    w.write(0, 1); // frame_cropping_flag
    w.write(1, 1); // vui_parameters_present_flag
    w.write(1, 1); // aspect_ratio_info_present_flag
    w.write(1, 8); // aspect_ratio_idc: square samples
    w.write(0, 1); // overscan_info_present_flag
    w.write(1, 1); // video_signal_type_present_flag
    w.write(5, 3); // video_format: unspecified
    w.write(1, 1); // video_full_range_flag
    w.write(0, 1); // colour_description_present_flag
    w.write(0, 1); // chroma_loc_info_present_flag
    w.write(1, 1); // timing_info_present_flag
    w.write(1, 32); // num_units_in_tick
    w.write((2 * FRAMES_PER_SECOND).into(), 32); // time_scale: two ticks a frame
    w.write(1, 1); // fixed_frame_rate_flag
    w.write(0, 1); // nal_hrd_parameters_present_flag
    w.write(0, 1); // vcl_hrd_parameters_present_flag
    w.write(0, 1); // pic_struct_present_flag
    w.write(1, 1); // bitstream_restriction_flag
    w.write(1, 1); // motion_vectors_over_pic_boundaries_flag
    ue::write(&mut w, 0); // max_bytes_per_pic_denom: no limit
    ue::write(&mut w, 0); // max_bits_per_mb_denom: no limit
    ue::write(&mut w, 0); // log2_max_mv_length_horizontal
    ue::write(&mut w, 0); // log2_max_mv_length_vertical
    ue::write(&mut w, 0); // max_num_reorder_frames
    ue::write(&mut w, 1); // max_dec_frame_buffering
    w.write(1, 1); // rbsp_stop_one_bit (7.3.2.11); zeros fill the byte
    let mut nal = Vec::new();
    escape(&w.finish(), &mut nal);
    nal
}

/// The picture parameter set as a NAL unit without a start code.
pub fn picture_parameter_set() -> Vec<u8> {
    let mut w = BitWriter::default();
    w.write(0x68, 8);
    ue::write(&mut w, 0); // pic_parameter_set_id
    ue::write(&mut w, 0); // seq_parameter_set_id
    w.write(0, 1); // entropy_coding_mode_flag: CAVLC
    w.write(0, 1); // bottom_field_pic_order_in_frame_present_flag
    ue::write(&mut w, 0); // num_slice_groups_minus1
    ue::write(&mut w, 0); // num_ref_idx_l0_default_active_minus1
    ue::write(&mut w, 0); // num_ref_idx_l1_default_active_minus1
    w.write(0, 3); // weighted_pred_flag, weighted_bipred_idc
    ue::write(&mut w, 0); // pic_init_qp_minus26 (se)
    ue::write(&mut w, 0); // pic_init_qs_minus26 (se)
    ue::write(&mut w, 0); // chroma_qp_index_offset (se)
    w.write(1, 1); // deblocking_filter_control_present_flag
    w.write(0, 1); // constrained_intra_pred_flag
    w.write(0, 1); // redundant_pic_cnt_present_flag
    w.write(1, 1); // rbsp_stop_one_bit (7.3.2.11); zeros fill the byte
    w.finish()
}

/// The start of a slice's NAL unit, before emulation prevention: NAL header, slice header, and the `mb_type`
/// and alignment of the first macroblock, which is I_PCM. A whole number of bytes.
pub fn slice_start(frame: u32) -> Vec<u8> {
    let mut w = BitWriter::default();
    w.write(u64::from(IDR_NAL_HEADER), 8);
    ue::write(&mut w, 0); // first_mb_in_slice
    ue::write(&mut w, 7); // slice_type: all slices are I
    ue::write(&mut w, 0); // pic_parameter_set_id
    w.write(0, 4); // frame_num
    ue::write(&mut w, frame % 2); // idr_pic_id: neighbours differ
    w.write(0, 2); // no_output_of_prior_pics_flag, long_term_reference_flag
    ue::write(&mut w, 0); // slice_qp_delta (se)
    ue::write(&mut w, 1); // disable_deblocking_filter_idc: off
    ue::write(&mut w, 25); // mb_type: I_PCM
    w.finish() // with pcm_alignment_zero_bit
}

/// Reads what [`slice_start`] writes; returns its length in bytes, `None` where `raw` is anything else.
pub fn parse_slice_start(raw: &[u8]) -> Option<usize> {
    let mut r = BitReader::new(raw);
    let nal_header = r.read(8).ok()?;
    let first_macroblock = ue::read(&mut r).ok()?;
    let slice_type = ue::read(&mut r).ok()?;
    let _parameter_set = ue::read(&mut r).ok()?;
    let _frame_num = r.read(4).ok()?;
    let _idr_pic_id = ue::read(&mut r).ok()?;
    let _flags = r.read(2).ok()?;
    let _slice_qp_delta = ue::read(&mut r).ok()?;
    let deblocking = ue::read(&mut r).ok()?;
    let mb_type = ue::read(&mut r).ok()?;
    r.align().ok()?;
    let ours = nal_header & 0x1F == u64::from(NAL_IDR)
        && first_macroblock == 0
        && matches!(slice_type, 2 | 7)
        && deblocking == 1
        && mb_type == 25;
    ours.then(|| (r.position() / 8) as usize)
}

/// The end of a slice's data behind `used` I_PCM macroblocks, before emulation prevention: the other
/// macroblocks as Intra16x16 with DC prediction and no residual, then the trailing bits.
///
/// The code of "no coefficients" depends on how many the neighbours have (9.2.1), and an I_PCM macroblock
/// counts as 16.
pub fn slice_end(size: FrameSize, used: u32) -> Vec<u8> {
    let mut w = BitWriter::default();
    let columns = u32::from(size.columns);
    for mb in used..size.macroblocks() {
        let coefficients = |neighbour: u32| if neighbour < used { 16 } else { 0 };
        let left = (mb % columns != 0).then(|| coefficients(mb - 1));
        let above = (mb >= columns).then(|| coefficients(mb - columns));
        let expected = match (left, above) {
            (Some(a), Some(b)) => (a + b + 1) >> 1,
            (Some(n), None) | (None, Some(n)) => n,
            (None, None) => 0,
        };
        ue::write(&mut w, 3); // mb_type I_16x16_2_0_0: DC prediction, no coefficients beside the DC's
        ue::write(&mut w, 0); // intra_chroma_pred_mode: DC
        ue::write(&mut w, 0); // mb_qp_delta (se)
        // coeff_token for TotalCoeff 0 (Table 9-5); only 0, 8 and 16 can be expected here.
        if expected >= 8 { w.write(0b00_0011, 6) } else { w.write(1, 1) }
    }
    w.write(1, 1); // rbsp_stop_one_bit (7.3.2.11); zeros fill the byte
    w.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exact::size::{LADDER, LARGEST};

    #[test]
    fn slice_starts_are_read_back() {
        for frame in 0..4 {
            let start = slice_start(frame);
            assert_eq!(parse_slice_start(&start), Some(start.len()));
            assert_eq!(parse_slice_start(&start[..start.len() - 1]), None);
        }
        assert_eq!(parse_slice_start(&[]), None);
    }

    #[test]
    fn an_unused_macroblock_costs_a_byte() {
        let size = LARGEST;
        assert_eq!(slice_end(size, size.macroblocks()), [0x80]);
        let bits = 8 * (size.macroblocks() as usize - 1) + 5 * 2 + 1;
        assert_eq!(slice_end(size, 1).len(), bits.div_ceil(8));
        assert_eq!(slice_end(LADDER[0], 1).len(), (8 * 15 + 5 * 2 + 1usize).div_ceil(8));
    }
}
