//! Colour tags of a video, as code points of ITU-T H.273.

/// Range of the sample values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Range {
    /// Unspecified.
    #[default]
    Unspecified,
    /// Limited: 16 to 235, chroma to 240 (at 8 bits).
    Limited,
    /// Full: 0 to 255 (at 8 bits).
    Full,
}

/// Colour tags. Code point 2 means "unspecified" in all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour {
    /// Range of the sample values.
    pub range: Range,
    /// `MatrixCoefficients` (H.273, table 4).
    pub matrix: u8,
    /// `ColourPrimaries` (H.273, table 2).
    pub primaries: u8,
    /// `TransferCharacteristics` (H.273, table 3).
    pub transfer: u8,
}

impl Default for Colour {
    /// All tags unspecified.
    fn default() -> Self {
        Self { range: Range::Unspecified, matrix: 2, primaries: 2, transfer: 2 }
    }
}

/// ffmpeg's names of code points.
type Names = &'static [(u8, &'static str)];

const MATRIX: Names = &[
    (0, "gbr"),
    (1, "bt709"),
    (4, "fcc"),
    (5, "bt470bg"),
    (6, "smpte170m"),
    (7, "smpte240m"),
    (8, "ycgco"),
    (9, "bt2020nc"),
    (10, "bt2020c"),
];

const PRIMARIES: Names = &[
    (1, "bt709"),
    (4, "bt470m"),
    (5, "bt470bg"),
    (6, "smpte170m"),
    (7, "smpte240m"),
    (8, "film"),
    (9, "bt2020"),
    (10, "smpte428"),
    (11, "smpte431"),
    (12, "smpte432"),
];

const TRANSFER: Names = &[
    (1, "bt709"),
    (4, "gamma22"),
    (5, "gamma28"),
    (6, "smpte170m"),
    (7, "smpte240m"),
    (8, "linear"),
    (13, "iec61966-2-1"),
    (14, "bt2020-10"),
    (15, "bt2020-12"),
    (16, "smpte2084"),
    (18, "arib-std-b67"),
];

fn code(names: Names, name: Option<&str>) -> u8 {
    // ffmpeg has a second name for these transfers.
    let name = match name.unwrap_or_default() {
        "bt470m" if names == TRANSFER => "gamma22",
        "bt470bg" if names == TRANSFER => "gamma28",
        name => name,
    };
    names.iter().find(|(_, known)| *known == name).map_or(2, |(code, _)| *code)
}

fn name(names: Names, code: u8) -> Option<&'static str> {
    names.iter().find(|(known, _)| *known == code).map(|(_, name)| *name)
}

impl Colour {
    /// Parses ffprobe's names; unknown names count as unspecified.
    pub(crate) fn from_names(
        range: Option<&str>,
        matrix: Option<&str>,
        primaries: Option<&str>,
        transfer: Option<&str>,
    ) -> Self {
        let range = match range {
            Some("tv" | "limited" | "mpeg") => Range::Limited,
            Some("pc" | "full" | "jpeg") => Range::Full,
            _ => Range::Unspecified,
        };
        Self {
            range,
            matrix: code(MATRIX, matrix),
            primaries: code(PRIMARIES, primaries),
            transfer: code(TRANSFER, transfer),
        }
    }

    /// ffmpeg options that write these tags.
    pub(crate) fn arguments(self) -> Vec<String> {
        let range = match self.range {
            Range::Unspecified => None,
            Range::Limited => Some("tv"),
            Range::Full => Some("pc"),
        };
        [
            ("-color_range", range),
            ("-colorspace", name(MATRIX, self.matrix)),
            ("-color_primaries", name(PRIMARIES, self.primaries)),
            ("-color_trc", name(TRANSFER, self.transfer)),
        ]
        .into_iter()
        .filter_map(|(option, word)| Some([option.to_string(), word?.to_string()]))
        .flatten()
        .collect()
    }
}
