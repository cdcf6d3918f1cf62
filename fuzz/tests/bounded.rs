//! A bounded run of every target, for every change.

use lab_fuzz::{TARGETS, driver, make};

/// Executions per unit of a target's share.
const UNIT: u64 = 20;

#[test]
fn no_target_finds_anything() {
    let findings = tempfile::tempdir().unwrap();
    for target in TARGETS {
        let options = driver::Options {
            executions: target.share * UNIT,
            findings: findings.path().to_path_buf(),
            ..driver::Options::default()
        };
        let report = driver::run(target, &options).unwrap();
        println!("{}", report.line(target, &options));
        assert!(report.findings.is_empty(), "{}: {:?}", target.name, report.findings);
    }
}

/// A target whose seeds are refused at once tests nothing.
#[test]
fn seeds_are_many_and_small() {
    let mut all = 0;
    for target in TARGETS {
        let seeds = driver::seeds(target).unwrap();
        assert!(!seeds.is_empty(), "{} has no seeds", target.name);
        all += seeds.iter().map(|(_, bytes)| bytes.len()).sum::<usize>();
    }
    assert!(all < 300_000, "{all} bytes of seeds");
}

#[test]
fn hexadecimal_text() {
    assert_eq!(make::hex("00 b0 4d 6162*3"), [0, 0xB0, 0x4D, 0x61, 0x62, 0x61, 0x62, 0x61, 0x62]);
}

/// The driver reports a panic, and the finding's numbers reproduce its input.
#[test]
fn a_finding_is_reported_and_reproduced() {
    let target = lab_fuzz::Target {
        run: |bytes| assert!(bytes.len() < 40, "forty bytes"),
        ..*lab_fuzz::target::find("chain").unwrap()
    };
    let findings = tempfile::tempdir().unwrap();
    let options = driver::Options {
        executions: 5000,
        findings: findings.path().to_path_buf(),
        ..driver::Options::default()
    };
    let report = driver::run(&target, &options).unwrap();
    assert_eq!(report.findings.len(), driver::MOST);
    let finding = &report.findings[0];
    assert_eq!(finding.what, "forty bytes");
    let seeds = driver::seeds(&target).unwrap();
    let input = driver::input(&target, &seeds, options.seed, finding.execution);
    assert_eq!(std::fs::read(&finding.path).unwrap(), input);
}
