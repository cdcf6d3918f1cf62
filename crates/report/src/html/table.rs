//! One semantic table, sortable where there is a script.

use super::safe::escape;

/// A column.
pub(super) struct Column {
    /// The heading.
    pub name: &'static str,
    /// What it means, where the heading does not say.
    pub help: &'static str,
    /// Whether it holds numbers.
    pub numeric: bool,
}

/// A column of names.
pub(super) fn name(name: &'static str) -> Column {
    Column { name, help: "", numeric: false }
}

/// A column of numbers.
pub(super) fn number(name: &'static str, help: &'static str) -> Column {
    Column { name, help, numeric: true }
}

/// A cell: what it says, and by what it is sorted.
pub(super) struct Field {
    text: String,
    value: Option<f64>,
    class: &'static str,
}

/// A name.
pub(super) fn words(text: impl Into<String>) -> Field {
    Field { text: text.into(), value: None, class: "" }
}

/// A number, already written out; none is a dash and comes last.
pub(super) fn value(value: Option<f64>, text: impl Fn(f64) -> String) -> Field {
    let value = value.filter(|v| v.is_finite());
    Field { text: value.map_or("–".to_string(), text), value, class: "" }
}

impl Field {
    /// Red, where `bad`.
    pub(super) fn bad(self, bad: bool) -> Self {
        Self { class: if bad { "bad" } else { self.class }, ..self }
    }
}

/// A row: what the filters look at, and the cells.
pub(super) struct Row {
    /// The corpus; empty for all.
    pub corpus: String,
    /// The chain without parameters.
    pub family: String,
    /// The first one is the row's heading.
    pub fields: Vec<Field>,
}

/// A table as HTML.
pub(super) fn table(id: &str, caption: &str, columns: &[Column], rows: &[Row]) -> String {
    let mut html = format!(
        "<div class=\"scroll\" role=\"region\" aria-labelledby=\"{id}-caption\" tabindex=\"0\">\n\
         <table id=\"{id}\">\n<caption id=\"{id}-caption\">{}</caption>\n<thead><tr>",
        escape(caption)
    );
    for column in columns {
        let class = if column.numeric { " class=\"n\"" } else { "" };
        let title = if column.help.is_empty() {
            String::new()
        } else {
            format!(" title=\"{}\"", escape(column.help))
        };
        html += &format!("<th scope=\"col\"{class}{title}>{}</th>", escape(column.name));
    }
    html += "</tr></thead>\n<tbody>\n";
    for row in rows {
        html +=
            &format!("<tr data-corpus=\"{}\" data-family=\"{}\">", escape(&row.corpus), escape(&row.family));
        for (place, (field, column)) in row.fields.iter().zip(columns).enumerate() {
            let mut attributes = String::new();
            let class = [if column.numeric { "n" } else { "" }, field.class].join(" ");
            if !class.trim().is_empty() {
                attributes += &format!(" class=\"{}\"", class.trim());
            }
            if let Some(value) = field.value {
                attributes += &format!(" data-v=\"{value}\"");
            }
            let text = escape(&field.text);
            html += &match (place, column.numeric) {
                (0, _) => format!("<th scope=\"row\"{attributes}><bdi>{text}</bdi></th>"),
                (_, true) => format!("<td{attributes}>{text}</td>"),
                (_, false) => format!("<td{attributes}><bdi>{text}</bdi></td>"),
            };
        }
        html += "</tr>\n";
    }
    html + "</tbody>\n</table>\n</div>\n"
}
