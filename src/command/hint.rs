//! What would help, in the words of this program: its options and commands.

use lab_codec::Hint;

/// The end of an error's line.
pub fn text(hint: Hint) -> &'static str {
    match hint {
        Hint::RaiseMemoryLimit => "raise it with --memory-limit",
        Hint::SmallerSegments => "use a smaller --segment",
        Hint::Overwrite => "use --force to replace it",
        Hint::Resume => {
            "use --resume to go on with the same samples, chains and options, or --force to begin again"
        }
        Hint::FindResource => "give its file or directory with --resource",
        Hint::Salvage => "`lab decode --salvage` recovers the intact segments",
        Hint::NotATerminal => "give -o FILE, redirect, or use --force",
        Hint::ListCodecs => "`lab codecs` lists what there is",
        Hint::RebuildTable => "build it again with `lab telomere table build --force`",
        Hint::OtherSource => {
            "try again later, name another place with --mirror URL, or get the files yourself and use --from DIR"
        }
        // A hint of a newer library: the error says what is wrong without it.
        _ => "",
    }
}

/// An error's text with its hint.
pub fn line(error: &lab_codec::Error) -> String {
    match error.hint().map(text) {
        Some(hint) if !hint.is_empty() => format!("{error}; {hint}"),
        _ => error.to_string(),
    }
}
