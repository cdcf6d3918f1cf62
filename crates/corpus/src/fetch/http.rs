//! One download over HTTP: resumes after an interruption (RFC 9110, sections 13.1.5 and 14) and enforces a
//! maximum size.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use lab_codec::{Context, Error, Result};
use ureq::http::{HeaderMap, Response, header};
use ureq::{Agent, Body, Timeout};

use super::part::{Origin, Part};
use super::{Bar, Tries};
use crate::published::sources::download_name;

/// Why an address did not deliver the download.
#[derive(Debug)]
pub(super) enum Failure {
    /// The server does not answer.
    Unreachable(String),
    /// The server answers without the download, after all retries.
    Refused(String),
    /// The content differs from the listed size or digest.
    Wrong(String),
    /// An error unrelated to the address: the disk, or cancellation.
    Fatal(Error),
}

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Fatal(error.into())
    }
}

/// Known facts about a download.
pub(super) struct Expected {
    /// Exact size, if listed.
    pub bytes: Option<u64>,
    /// Maximum size in bytes.
    pub limit: u64,
    /// Whether a digest verifies the result, so that a wrong continuation is detected.
    pub is_checked: bool,
    /// Whether all addresses are known to deliver the same bytes.
    pub is_same_everywhere: bool,
}

/// Progress in bytes that resets the count of failures: a long download may be interrupted many times.
const RESET_BYTES: u64 = 1 << 20;
/// Maximum pause between two retries.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// An HTTP client with its retry policy.
pub(super) struct Client<'a> {
    agent: Agent,
    tries: Tries,
    bar: &'a Bar<'a>,
}

/// Result of one request.
enum Answer {
    /// The download is complete.
    Whole,
    /// A temporary failure: retry.
    Again(String),
}

impl<'a> Client<'a> {
    /// Creates a client. Proxies come from the environment (`HTTPS_PROXY`, `NO_PROXY`, ...).
    pub(super) fn new(tries: Tries, bar: &'a Bar<'a>) -> Self {
        let config = Agent::config_builder()
            .user_agent(concat!("lab/", env!("CARGO_PKG_VERSION")))
            .accept_encoding("identity")
            .http_status_as_error(false)
            .timeout_resolve(Some(tries.timeout))
            .timeout_connect(Some(tries.timeout))
            .timeout_recv_response(Some(tries.timeout))
            .timeout_per_read(Some(tries.timeout))
            .build();
        Self { agent: config.new_agent(), tries, bar }
    }

    /// Completes `part` from `url`, with retries after temporary failures.
    pub(super) fn fetch(
        &self,
        url: &str,
        part: &mut Part,
        expected: &Expected,
        cx: &Context,
    ) -> Result<(), Failure> {
        let mut failures = 0;
        loop {
            let before = part.length();
            let why = match self.request(url, part, expected, cx)? {
                Answer::Whole => return Ok(()),
                Answer::Again(why) => why,
            };
            if part.length() >= before.saturating_add(RESET_BYTES) {
                failures = 0;
            }
            if failures >= self.tries.retries {
                return Err(Failure::Refused(match failures {
                    0 => why,
                    n => format!("{why}, {} times", n + 1),
                }));
            }
            self.pause(failures, cx)?;
            failures += 1;
        }
    }

    /// Waits before a retry; the pause doubles with each failure.
    fn pause(&self, failures: u32, cx: &Context) -> Result<()> {
        let wait = self.tries.wait.saturating_mul(1 << failures.min(16)).min(MAX_WAIT);
        let end = Instant::now() + wait;
        while let Some(left) = end.checked_duration_since(Instant::now()).filter(|d| !d.is_zero()) {
            cx.check()?;
            std::thread::sleep(left.min(Duration::from_millis(50)));
        }
        cx.check()
    }

    fn request(
        &self,
        url: &str,
        part: &mut Part,
        expected: &Expected,
        cx: &Context,
    ) -> Result<Answer, Failure> {
        cx.check()?;
        let origin = part.origin();
        let is_same = origin.url == url;
        let validator = origin.validator.clone().filter(|_| is_same);
        let may_go_on = validator.is_some() || expected.is_checked && is_same || expected.is_same_everywhere;
        if part.length() > 0 && !may_go_on {
            part.clear()?;
        }
        if part.length() > 0 && expected.bytes == Some(part.length()) {
            return Ok(Answer::Whole);
        }
        let mut request = self.agent.get(url);
        if part.length() > 0 {
            request = request.header(header::RANGE, format!("bytes={}-", part.length()));
            if let Some(validator) = validator {
                request = request.header(header::IF_RANGE, validator);
            }
        }
        match request.call() {
            Ok(response) => self.answer(url, response, part, expected, cx),
            Err(error) => unanswered(error),
        }
    }

    fn answer(
        &self,
        url: &str,
        mut response: Response<Body>,
        part: &mut Part,
        expected: &Expected,
        cx: &Context,
    ) -> Result<Answer, Failure> {
        let status = response.status();
        let again = |why: String| Ok(Answer::Again(why));
        match status.as_u16() {
            200 => {
                part.begin(Origin { url: url.to_string(), validator: validator(response.headers()) })?;
            }
            206 => {
                let range = content_range(response.headers());
                if range.is_none_or(|(start, _)| start != Some(part.length())) {
                    part.clear()?;
                    return again("the server sent a different range than requested".into());
                }
                part.go_on()?;
            }
            416 if part.length() > 0 => {
                let total = content_range(response.headers()).and_then(|(_, total)| total);
                if total == Some(part.length()) {
                    return Ok(Answer::Whole);
                }
                part.clear()?;
                return again("the server cannot send the missing range".into());
            }
            408 | 429 | 500..=599 => return again(format!("HTTP {status}")),
            _ => return Err(Failure::Refused(format!("HTTP {status}"))),
        }
        let announced = response.body().content_length().map(|length| length.saturating_add(part.length()));
        let too_long = |what: &str| {
            let most = expected.bytes.unwrap_or(expected.limit);
            Failure::Wrong(format!("{what} more than the maximum of {most} bytes"))
        };
        if announced.is_some_and(|bytes| bytes > expected.limit) {
            part.clear()?;
            return Err(too_long("announces"));
        }
        let observer = (self.bar)(download_name(url), announced.or(expected.bytes));
        observer.advance(part.length());
        let mut reader = response.body_mut().as_reader();
        let mut piece = vec![0; 1 << 16];
        loop {
            cx.check()?;
            match reader.read(&mut piece) {
                Ok(0) => break,
                Ok(length) if part.length() + length as u64 > expected.limit => {
                    part.clear()?;
                    return Err(too_long("sends"));
                }
                Ok(length) => {
                    part.append(&piece[..length])?;
                    observer.advance(length as u64);
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return again(format!("cut after {} bytes ({e})", part.length())),
            }
        }
        match announced.or(expected.bytes) {
            Some(bytes) if part.length() < bytes => again(format!("cut after {} bytes", part.length())),
            _ => Ok(Answer::Whole),
        }
    }
}

/// Classifies a request without an answer.
fn unanswered(error: ureq::Error) -> Result<Answer, Failure> {
    match error {
        ureq::Error::Io(e) => match e.kind() {
            // A broken connection is worth a retry; any other error means that the server is unreachable.
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof => Ok(Answer::Again(e.to_string())),
            _ => Err(Failure::Unreachable(e.to_string())),
        },
        ureq::Error::Timeout(Timeout::RecvResponse | Timeout::PerRead) => {
            Ok(Answer::Again("no answer in time".into()))
        }
        ureq::Error::Protocol(e) => Ok(Answer::Again(e.to_string())),
        other => Err(Failure::Unreachable(other.to_string())),
    }
}

/// Identifies this version of the download: a strong ETag, or else a date.
fn validator(headers: &HeaderMap) -> Option<String> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::to_string);
    text(header::ETAG).filter(|tag| tag.starts_with('"')).or_else(|| text(header::LAST_MODIFIED))
}

/// First byte and total size, from `bytes 5-9/10` or `bytes */10`.
fn content_range(headers: &HeaderMap) -> Option<(Option<u64>, Option<u64>)> {
    let text = headers.get(header::CONTENT_RANGE)?.to_str().ok()?;
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    Some((range.split_once('-').and_then(|(start, _)| start.parse().ok()), total.parse().ok()))
}
