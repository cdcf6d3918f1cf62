//! Tables and numbers for terminal output.

use comfy_table::{CellAlignment, Table, presets};
pub(super) use lab_codec::format_count as count;

/// A borderless table; all columns but the first are right-aligned. Without a header, the caller aligns.
pub(super) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    if !header.is_empty() {
        table.set_header(header.to_vec());
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table
}

/// The table's text, without trailing blanks.
pub(super) fn text(table: &Table) -> String {
    table.lines().fold(String::new(), |text, line| text + line.trim_end() + "\n")
}

/// Original / encoded bytes; above 1 is good. A dash if either is 0.
pub(super) fn ratio(original: u64, encoded: u64) -> String {
    if original == 0 || encoded == 0 {
        "-".to_string()
    } else {
        format!("{:.3}", original as f64 / encoded as f64)
    }
}

/// Encoded bits per original byte.
pub(super) fn bits_per_byte(original: u64, encoded: u64) -> String {
    if original == 0 { "-".to_string() } else { format!("{:.3}", encoded as f64 * 8.0 / original as f64) }
}

/// Millions of bytes per second.
pub(super) fn rate(bytes: u64, seconds: f64) -> String {
    if bytes == 0 || seconds <= 0.0 {
        return "-".to_string();
    }
    let rate = bytes as f64 / seconds / 1e6;
    if rate < 10.0 { format!("{rate:.2}") } else { format!("{rate:.0}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!([0, 999, 1000, 1234567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(ratio(10, 4), "2.500");
        assert_eq!(bits_per_byte(10, 5), "4.000");
        assert_eq!(rate(5_000_000, 1.0), "5.00");
    }
}
