//! An HTTP server with selectable failures.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The content of an address, and its failures.
#[derive(Clone, Default)]
pub(crate) struct Page {
    pub body: Vec<u8>,
    pub etag: Option<&'static str>,
    /// Ranges are ignored.
    pub no_ranges: bool,
    /// The first answers have these status codes instead.
    pub errors: Vec<u16>,
    /// The next answers end after this number of bytes of the body, each.
    pub cuts: Vec<usize>,
    /// After this number of bytes of the body, the server stalls and keeps the connection open.
    pub stall: Option<usize>,
    /// The answer has no length.
    pub no_length: bool,
    /// The answer redirects to this address.
    pub moved_to: Option<String>,
}

/// A request and its answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seen {
    pub path: String,
    pub range: Option<String>,
    pub if_range: Option<String>,
    pub status: u16,
    pub sent: usize,
}

/// A server on this machine; it lives as long as the test.
pub(crate) struct Server {
    address: String,
    pages: Arc<Mutex<Vec<(String, Page)>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    /// Serves `pages` by their addresses.
    pub(crate) fn new(pages: &[(&str, Page)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            address: format!("http://{}", listener.local_addr().unwrap()),
            pages: Arc::new(Mutex::new(
                pages.iter().map(|(p, page)| ((*p).to_string(), page.clone())).collect(),
            )),
            seen: Arc::default(),
        };
        let (pages, seen) = (server.pages.clone(), server.seen.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (pages, seen) = (pages.clone(), seen.clone());
                std::thread::spawn(move || drop(answer(&stream, &pages, &seen)));
            }
        });
        server
    }

    /// The whole address of a page.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    /// Replaces a page.
    pub(crate) fn set(&self, path: &str, page: Page) {
        let mut pages = self.pages.lock().unwrap();
        pages.retain(|(p, _)| p != path);
        pages.push((path.to_string(), page));
    }

    /// All requests so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

fn answer(
    stream: &TcpStream,
    pages: &Mutex<Vec<(String, Page)>>,
    seen: &Mutex<Vec<Seen>>,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let path = lines.next().unwrap()?.split(' ').nth(1).unwrap().to_string();
    let (mut range, mut if_range) = (None, None);
    for line in lines {
        let line = line?;
        let Some((name, value)) = line.split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "range" => range = Some(value.to_string()),
            "if-range" => if_range = Some(value.to_string()),
            _ => {}
        }
    }
    // Failures are used up: remove this answer's from the page.
    let page = pages.lock().unwrap().iter_mut().find(|(p, _)| *p == path).map(|(_, page)| {
        let now = page.clone();
        if !page.errors.is_empty() {
            page.errors.remove(0);
        } else if !page.cuts.is_empty() {
            page.cuts.remove(0);
        }
        now
    });
    let mut stream = stream;
    let mut log = Seen { path, range: range.clone(), if_range: if_range.clone(), status: 404, sent: 0 };
    let Some(page) = page else {
        seen.lock().unwrap().push(log);
        return stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    };
    if let Some(status) = page.errors.first() {
        log.status = *status;
        seen.lock().unwrap().push(log);
        let head = format!("HTTP/1.1 {status} Trouble\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        return stream.write_all(head.as_bytes());
    }
    if let Some(location) = page.moved_to {
        log.status = 302;
        seen.lock().unwrap().push(log);
        let head = "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nConnection: close\r\n";
        return stream.write_all(format!("{head}Location: {location}\r\n\r\n").as_bytes());
    }
    let is_same = if_range.is_none() || if_range.as_deref() == page.etag;
    let start = range.filter(|_| is_same && !page.no_ranges).map_or(0, |range| {
        range.strip_prefix("bytes=").unwrap().strip_suffix('-').unwrap().parse::<usize>().unwrap()
    });
    let total = page.body.len();
    let rest = &page.body[start..];
    log.status = if start > 0 { 206 } else { 200 };
    let mut head = format!("HTTP/1.1 {} OK\r\nConnection: close\r\n", log.status);
    if start > 0 {
        head += &format!("Content-Range: bytes {start}-{}/{total}\r\n", total - 1);
    }
    if !page.no_length {
        head += &format!("Content-Length: {}\r\n", rest.len());
    }
    if let Some(etag) = page.etag {
        head += &format!("ETag: {etag}\r\n");
    }
    let sent = page.cuts.first().copied().or(page.stall).unwrap_or(rest.len()).min(rest.len());
    log.sent = sent;
    seen.lock().unwrap().push(log);
    stream.write_all((head + "\r\n").as_bytes())?;
    stream.write_all(&rest[..sent])?;
    if page.stall.is_some() {
        std::thread::sleep(Duration::from_secs(60));
    }
    stream.flush()
}
