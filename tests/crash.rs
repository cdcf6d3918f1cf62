//! A process that is killed while it writes: the old file or the complete new one is there, never half of
//! one.
#![allow(clippy::unwrap_used)]
#![cfg(unix)]

mod common;

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use common::{arg, file, lab, names, ok, random, text};

struct Scene {
    dir: tempfile::TempDir,
    old: Vec<u8>,
    new: Vec<u8>,
    time: Duration,
}

impl Scene {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        file(dir.path(), "in", &[text(12_000_000), random(4_000_000, 2)].concat());
        let old = b"the old file".to_vec();
        let mut scene = Self { dir, old, new: Vec::new(), time: Duration::ZERO };
        let start = Instant::now();
        assert!(scene.spawn().wait().unwrap().success());
        scene.time = start.elapsed();
        scene.new = std::fs::read(scene.path("out")).unwrap();
        scene
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    fn reset(&self) {
        std::fs::write(self.path("out"), &self.old).unwrap();
    }

    fn spawn(&self) -> Child {
        let (input, output) = (self.path("in"), self.path("out"));
        lab()
            .args([
                "encode",
                "-q",
                "--force",
                "--chain",
                "zstd:9",
                "--segment",
                "1M",
                arg(&input),
                "-o",
                arg(&output),
            ])
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// The temporary file, where there is one.
    fn temporary(&self) -> Option<std::path::PathBuf> {
        names(self.dir.path()).into_iter().find(|n| n.starts_with('.')).map(|n| self.path(&n))
    }

    fn kill(&self, mut child: Child) {
        child.kill().unwrap();
        child.wait().unwrap();
        let found = std::fs::read(self.path("out")).unwrap();
        assert!(found == self.old || found == self.new, "half a file of {} bytes", found.len());
    }

    fn succeed(&self) {
        assert!(self.spawn().wait().unwrap().success());
        assert_eq!(std::fs::read(self.path("out")).unwrap(), self.new);
        assert_eq!(names(self.dir.path()), ["in", "out"]);
    }
}

fn size(path: Option<&Path>) -> u64 {
    path.and_then(|p| std::fs::metadata(p).ok()).map_or(0, |m| m.len())
}

#[test]
fn killed_at_any_moment() {
    let scene = Scene::new();
    for i in 1..=15 {
        scene.reset();
        let child = scene.spawn();
        std::thread::sleep(scene.time * i / 16);
        scene.kill(child);
    }
    scene.succeed();
}

#[test]
fn killed_right_before_and_after_the_rename() {
    let scene = Scene::new();
    for i in 0..6 {
        scene.reset();
        let inode = std::fs::metadata(scene.path("out")).unwrap().ino();
        let mut child = scene.spawn();
        loop {
            let renamed = std::fs::metadata(scene.path("out")).is_ok_and(|m| m.ino() != inode);
            let complete = size(scene.temporary().as_deref()) == scene.new.len() as u64;
            if renamed || (complete && i % 2 == 0) || child.try_wait().unwrap().is_some() {
                break;
            }
        }
        scene.kill(child);
    }
    scene.succeed();
}

#[test]
fn an_interrupt_cleans_up() {
    let scene = Scene::new();
    scene.reset();
    let mut child = scene.spawn();
    while size(scene.temporary().as_deref()) == 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(std::fs::read(scene.path("out")).unwrap(), scene.old);
    assert_eq!(names(scene.dir.path()), ["in", "out"]);
    ok(["encode", "-q", "--chain", "store", arg(&scene.path("in")), "-o", arg(&scene.path("other"))]);
}
