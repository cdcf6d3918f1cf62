//! Identifiers of Matroska elements (RFC 9559), with their length marker.

pub(super) const EBML: u32 = 0x1A45_DFA3;
pub(super) const EBML_VERSION: u32 = 0x4286;
pub(super) const EBML_READ_VERSION: u32 = 0x42F7;
pub(super) const EBML_MAX_ID_LENGTH: u32 = 0x42F2;
pub(super) const EBML_MAX_SIZE_LENGTH: u32 = 0x42F3;
pub(super) const DOC_TYPE: u32 = 0x4282;
pub(super) const DOC_TYPE_VERSION: u32 = 0x4287;
pub(super) const DOC_TYPE_READ_VERSION: u32 = 0x4285;

pub(super) const SEGMENT: u32 = 0x1853_8067;
pub(super) const SEEK_HEAD: u32 = 0x114D_9B74;
pub(super) const SEEK: u32 = 0x4DBB;
pub(super) const SEEK_ID: u32 = 0x53AB;
pub(super) const SEEK_POSITION: u32 = 0x53AC;

pub(super) const INFO: u32 = 0x1549_A966;
pub(super) const TIMESTAMP_SCALE: u32 = 0x002A_D7B1;
pub(super) const DURATION: u32 = 0x4489;
pub(super) const MUXING_APP: u32 = 0x4D80;
pub(super) const WRITING_APP: u32 = 0x5741;

pub(super) const TRACKS: u32 = 0x1654_AE6B;
pub(super) const TRACK_ENTRY: u32 = 0xAE;
pub(super) const TRACK_NUMBER: u32 = 0xD7;
pub(super) const TRACK_UID: u32 = 0x73C5;
pub(super) const TRACK_TYPE: u32 = 0x83;
pub(super) const FLAG_DEFAULT: u32 = 0x88;
pub(super) const FLAG_LACING: u32 = 0x9C;
pub(super) const TRACK_NAME: u32 = 0x536E;
pub(super) const CODEC_ID: u32 = 0x86;
pub(super) const CODEC_PRIVATE: u32 = 0x63A2;
pub(super) const VIDEO: u32 = 0xE0;
pub(super) const CONTENT_ENCODINGS: u32 = 0x6D80;
pub(super) const DEFAULT_DURATION: u32 = 0x0023_E383;
pub(super) const CODEC_DELAY: u32 = 0x56AA;
pub(super) const SEEK_PRE_ROLL: u32 = 0x56BB;

pub(super) const CLUSTER: u32 = 0x1F43_B675;
pub(super) const CLUSTER_TIMESTAMP: u32 = 0xE7;
pub(super) const SIMPLE_BLOCK: u32 = 0xA3;
pub(super) const BLOCK_GROUP: u32 = 0xA0;
pub(super) const BLOCK: u32 = 0xA1;
pub(super) const REFERENCE_BLOCK: u32 = 0xFB;

pub(super) const CUES: u32 = 0x1C53_BB6B;
pub(super) const CUE_POINT: u32 = 0xBB;
pub(super) const CUE_TIME: u32 = 0xB3;
pub(super) const CUE_TRACK_POSITIONS: u32 = 0xB7;
pub(super) const CUE_TRACK: u32 = 0xF7;
pub(super) const CUE_CLUSTER_POSITION: u32 = 0xF1;

pub(super) const ATTACHMENTS: u32 = 0x1941_A469;
pub(super) const ATTACHED_FILE: u32 = 0x61A7;
pub(super) const FILE_NAME: u32 = 0x466E;
pub(super) const FILE_MEDIA_TYPE: u32 = 0x4660;
pub(super) const FILE_DATA: u32 = 0x465C;
pub(super) const FILE_UID: u32 = 0x46AE;
