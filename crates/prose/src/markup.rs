//! `Clean`: the only string a template prints unescaped.
//!
//! It can be made only in this crate, from a [`Document`](crate::Document) or by escaping, so that text from outside reaches
//! a page through the document model or not at all. It never holds a script, a style element, an event handler or a foreign
//! namespace.

use crate::escape;
use minijinja::Value;
use minijinja::value::Object;
use std::fmt;
use std::sync::Arc;

/// HTML that is safe to print as it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clean(String);

impl Clean {
    /// Vouches for markup made in this crate.
    pub(crate) fn vouch(html: String) -> Self {
        Self(html)
    }

    /// Plain text, escaped.
    pub fn from_text(text: &str) -> Self {
        Self(escape::html_string(text))
    }

    /// A JSON value for inside a `<script type="application/ld+json">`, which no value in it can close.
    pub fn json_ld(value: &serde_json::Value) -> Self {
        let mut out = String::new();
        for c in value.to_string().chars() {
            match c {
                // HTML 13.2.5.6: only `</` and `<!--` matter in a script; the others cost nothing and help old parsers.
                '<' => out.push_str("\\u003c"),
                '>' => out.push_str("\\u003e"),
                '&' => out.push_str("\\u0026"),
                '\u{2028}' => out.push_str("\\u2028"),
                '\u{2029}' => out.push_str("\\u2029"),
                c if escape::is_control(c) => out.push('\u{fffd}'),
                c => out.push(c),
            }
        }
        Self(out)
    }

    /// The markup.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Two pieces, one after the other.
    pub fn then(mut self, next: &Clean) -> Self {
        self.0.push_str(&next.0);
        self
    }

    /// Whether there is nothing to print.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Clean {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How templates recognise it; see `templates`.
impl Object for Clean {
    fn repr(self: &Arc<Self>) -> minijinja::value::ObjectRepr {
        minijinja::value::ObjectRepr::Plain
    }

    fn is_true(self: &Arc<Self>) -> bool {
        !self.0.is_empty()
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// In a template's context it stays itself; anywhere else it is a string.
impl serde::Serialize for Clean {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Value::from_object(self.clone()).serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_cannot_close_its_script() {
        let clean = Clean::json_ld(&serde_json::json!({ "headline": "</script><!-- & \u{2028}" }));
        assert_eq!(clean.as_str(), r#"{"headline":"\u003c/script\u003e\u003c!-- \u0026 \u2028"}"#);
        let back: serde_json::Value = serde_json::from_str(clean.as_str()).expect("still JSON");
        assert_eq!(back["headline"], "</script><!-- & \u{2028}");
    }
}
