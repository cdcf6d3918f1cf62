//! Checks that an entry's description is complete and consistent.

use lab_codec::{Info, Param, ParamKind, Params};

use crate::report::{EntryReport, Outcome};

pub(crate) fn check(info: &'static Info, report: &mut EntryReport) {
    report.case("", || "description".into(), || line("summary", info.summary));
    report.case(
        "",
        || "description: format versions".into(),
        || {
            let ascending = info.formats.windows(2).all(|pair| pair[0] < pair[1]);
            if info.formats.is_empty() || !ascending {
                return Err(format!("{:?} is not an ascending list of at least one", info.formats));
            }
            Ok(())
        },
    );
    report.case(
        "",
        || "description: defaults as text".into(),
        || {
            let text = Params::defaults(info).to_string();
            if text.is_empty() { Ok(()) } else { Err(format!("canonical text is {text:?}, not empty")) }
        },
    );
    for (index, param) in info.params.iter().enumerate() {
        report.case("", || format!("description: {}", param.name), || describe(info, index, param));
    }
}

fn describe(info: &Info, index: usize, param: &Param) -> Outcome {
    line("help", param.help)?;
    for name in std::iter::once(&param.name).chain(param.aliases) {
        match info.param(name) {
            Some((found, _)) if found == index => {}
            _ => return Err(format!("the name {name:?} belongs to an earlier parameter")),
        }
    }
    // A text parameter may have any default; a resource has none.
    if matches!(param.kind, ParamKind::Text | ParamKind::Resource) {
        return Ok(());
    }
    let text = param.value_text(&param.default());
    match param.parse(&text) {
        Ok(value) if value == param.default() => Ok(()),
        Ok(value) => Err(format!("the default {text:?} reads back as {value:?}")),
        Err(e) => Err(format!("the default is refused: {e}")),
    }
}

/// Checks for one line without a full stop.
fn line(what: &str, text: &str) -> Outcome {
    if text.trim().is_empty() || text.contains('\n') || text.ends_with('.') {
        return Err(format!("the {what} {text:?} is not one line without a full stop"));
    }
    Ok(())
}
