//! Parameter sets to test an entry with: the defaults, and each parameter at its bounds.

use lab_codec::{Info, ParamKind, Params, Value};

/// One parameter set.
pub(crate) struct Variant {
    pub params: Params,
    /// The canonical text.
    pub text: String,
    /// Whether all parameters are at their defaults.
    pub default: bool,
    /// Whether to damage small inputs only: a numeric bound seldom changes the format.
    pub numeric: bool,
}

/// The defaults, then each parameter at its bounds or at each of its choices, with the others at their
/// defaults. Given texts and resources replace their defaults.
pub(crate) fn of(info: &'static Info, texts: &[(String, String, String)]) -> Vec<Variant> {
    let mut defaults = Params::defaults(info);
    for (_, name, value) in texts.iter().filter(|(id, ..)| id == info.id) {
        if let Some((index, param)) = info.param(name)
            && let Ok(value) = param.parse(value)
        {
            defaults.set(index, value);
        }
    }
    let text = defaults.to_string();
    let mut variants = vec![Variant { params: defaults.clone(), text, default: true, numeric: false }];
    for (index, param) in info.params.iter().enumerate() {
        let values: Vec<Value> = match param.kind {
            ParamKind::Int { min, max } => vec![Value::Int(min), Value::Int(max)],
            ParamKind::Size { min, max } => vec![Value::Size(min), Value::Size(max)],
            ParamKind::Choice(words) => (0..words.len()).map(Value::Choice).collect(),
            ParamKind::Flag => vec![Value::Flag(false), Value::Flag(true)],
            ParamKind::Text | ParamKind::Resource => Vec::new(),
        };
        let numeric = matches!(param.kind, ParamKind::Int { .. } | ParamKind::Size { .. });
        for value in values {
            let mut params = defaults.clone();
            params.set(index, value);
            let text = params.to_string();
            // A duplicate text is the defaults again.
            if variants.iter().all(|v| v.text != text) {
                variants.push(Variant { params, text, default: false, numeric });
            }
        }
    }
    variants
}
