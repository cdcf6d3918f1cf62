//! Test vectors in the pages of the formats.

/// The lines of the fenced block ```` ```name ```` in `page`, split into columns at `|`. Empty without such a
/// block.
pub fn vectors(page: &str, name: &str) -> Vec<Vec<String>> {
    let fence = format!("```{name}");
    page.lines()
        .skip_while(|line| *line != fence)
        .skip(1)
        .take_while(|line| *line != "```")
        .map(|line| line.split('|').map(|column| column.trim().to_string()).collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::vectors;

    #[test]
    fn the_named_block_in_columns() {
        let page = "```\na | b\n```\ntext\n```codes\n1 | 0x1\n | two words\n```\nc";
        assert_eq!(vectors(page, "codes"), [["1", "0x1"], ["", "two words"]]);
        assert!(vectors(page, "code").is_empty());
    }
}
