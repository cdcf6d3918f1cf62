//! Turns a library's hint into the option or command that helps.

use lab_codec::Hint;

/// The advice that is appended to an error.
pub(super) fn text(hint: Hint) -> &'static str {
    match hint {
        Hint::RaiseMemoryLimit => "raise it with --memory-limit",
        Hint::SmallerSegments => "use a smaller --segment",
        Hint::Overwrite => "use --force to replace it",
        Hint::Resume => {
            "use --resume to continue with the same samples, chains and options, or --force to start again"
        }
        Hint::FindResource => "give its file or directory with --resource",
        Hint::Salvage => "`lab decode --salvage` recovers the intact segments",
        Hint::NotATerminal => "give -o FILE, redirect, or use --force",
        Hint::ListCodecs => "`lab codecs` lists all codecs and carriers",
        Hint::RebuildTable => "build it again with `lab telomere table build --force`",
        Hint::OtherSource => {
            "try again later, use --mirror URL, or download the files yourself and use --from DIR"
        }
        // `Hint` is non-exhaustive: the error is complete without a hint.
        _ => "",
    }
}

/// An error's text with its hint.
pub(super) fn line(error: &lab_codec::Error) -> String {
    match error.hint().map(text) {
        Some(hint) if !hint.is_empty() => format!("{error}; {hint}"),
        _ => error.to_string(),
    }
}
