//! Values for a generator's parameters.

use lab_codec::{Error, Param, Result, Value, nearest};

/// One value for each parameter of a generator.
#[derive(Debug, Clone)]
pub struct Values {
    params: &'static [Param],
    values: Vec<Value>,
}

impl Values {
    /// Parses `key=value:key=value`; missing keys get their defaults.
    ///
    /// # Errors
    /// [`Param`](lab_codec::ErrorKind::Param), with the nearest parameter or the range.
    pub fn parse(params: &'static [Param], text: Option<&str>) -> Result<Self> {
        let mut values: Vec<Value> = params.iter().map(Param::default).collect();
        for item in text.into_iter().flat_map(|text| text.split(':')) {
            let (key, value) =
                item.split_once('=').ok_or_else(|| Error::param(format!("{item:?} is not key=value")))?;
            let Some(index) = params.iter().position(|p| p.name == key) else {
                let hint = match nearest(key, params.iter().map(|p| p.name)) {
                    Some(near) => format!("did you mean {near:?}?"),
                    None if params.is_empty() => "it takes none".to_string(),
                    None => {
                        format!("there are {}", params.iter().map(|p| p.name).collect::<Vec<_>>().join(", "))
                    }
                };
                return Err(Error::param(format!("unknown parameter {key:?}; {hint}")));
            };
            values[index] = params[index].parse(value)?;
        }
        Ok(Self { params, values })
    }

    /// The value of an integer parameter.
    pub fn int(&self, param: &Param) -> i64 {
        let index = self.params.iter().position(|p| p.name == param.name);
        match index.map(|index| &self.values[index]) {
            Some(Value::Int(value)) => *value,
            other => unreachable!("{} is not a whole number: {other:?}", param.name),
        }
    }
}
