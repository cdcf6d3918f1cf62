//! Emulation prevention of H.264 (7.4.1.1): coded bytes never look like a start code.

/// Appends `raw` to `out` with a byte 3 before every byte up to 3 that follows two zeros (7.4.1.1).
/// The zeros before the start are none.
pub fn escape(raw: &[u8], out: &mut Vec<u8>) {
    let mut zeros = 0;
    for &byte in raw {
        if zeros == 2 && byte <= 3 {
            out.push(3);
            zeros = 0;
        }
        out.push(byte);
        zeros = if byte == 0 { zeros + 1 } else { 0 };
    }
}

/// Copies `coded` to `out` without the emulation prevention bytes until either ends; returns the bytes taken
/// and the bytes given. The zeros before the start are none.
pub fn unescape(coded: &[u8], out: &mut [u8]) -> (usize, usize) {
    let (mut zeros, mut given) = (0, 0);
    for (i, &byte) in coded.iter().enumerate() {
        if given == out.len() {
            return (i, given);
        }
        if zeros == 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        out[given] = byte;
        given += 1;
        zeros = if byte == 0 { (zeros + 1).min(2) } else { 0 };
    }
    (coded.len(), given)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn emulation_prevention() {
        let mut out = Vec::new();
        escape(&[0, 0, 0, 0, 0, 1, 0, 0, 4, 0, 0, 3, 0, 0], &mut out);
        assert_eq!(out, [0, 0, 3, 0, 0, 3, 0, 1, 0, 0, 4, 0, 0, 3, 3, 0, 0]);
    }

    proptest! {
        #[test]
        fn escaped_bytes_have_no_start_code_and_return(raw in prop::collection::vec(0u8..5, 0..200)) {
            let mut coded = Vec::new();
            escape(&raw, &mut coded);
            prop_assert!(coded.windows(3).all(|w| w[0] != 0 || w[1] != 0 || w[2] > 2));
            let mut back = vec![0; raw.len()];
            let (taken, given) = unescape(&coded, &mut back);
            prop_assert_eq!((taken, given), (coded.len(), raw.len()));
            prop_assert_eq!(back, raw);
        }
    }
}
