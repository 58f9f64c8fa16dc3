//! Reads the forms of a page as a browser without script does, fills one in, and writes what is submitted.
//!
//! Only what forms need: tags, attributes, the few elements that carry values. It knows nothing of any page in particular,
//! so a sign-up here works because the page's form works.

use std::collections::BTreeMap;

/// A page has a handful of forms; one with more is not ours.
const FORMS_MAX: usize = 64;
/// Fields of one form.
const FIELDS_MAX: usize = 512;

/// How a field gets its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Typed by a person.
    Typed,
    /// Set by the page, not shown.
    Hidden,
    /// Checkbox or radio button, on or off.
    Tick(bool),
    /// One option of a list, chosen or not.
    Choice(bool),
}

/// One field of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Field {
    name: String,
    value: String,
    kind: Kind,
}

/// A form as the page has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Form {
    /// Where it is sent, as written.
    pub action: String,
    /// Whether it is sent by POST.
    pub posts: bool,
    fields: Vec<Field>,
}

impl Form {
    /// Whether there is something to type or choose under `name`.
    pub(crate) fn asks_for(&self, name: &str) -> bool {
        self.fields.iter().any(|field| field.name == name && field.kind != Kind::Hidden)
    }

    /// Types `value` into the field called `name`. Hidden fields stay as the page set them.
    pub(crate) fn fill_in(&mut self, name: &str, value: &str) {
        for field in self.fields.iter_mut().filter(|field| field.name == name && field.kind == Kind::Typed) {
            value.clone_into(&mut field.value);
        }
    }

    /// Ticks or chooses, among the boxes and options called `name`, exactly those whose value `wanted` wants.
    pub(crate) fn choose(&mut self, name: &str, wanted: impl Fn(&str) -> bool) {
        for field in self.fields.iter_mut().filter(|field| field.name == name) {
            let on = wanted(&field.value);
            match &mut field.kind {
                Kind::Tick(ticked) | Kind::Choice(ticked) => *ticked = on,
                Kind::Typed | Kind::Hidden => {}
            }
        }
    }

    /// What is submitted: `application/x-www-form-urlencoded`, in the page's order (HTML §4.10.22.4).
    pub(crate) fn body(&self) -> String {
        let submitted =
            self.fields.iter().filter(|field| !matches!(field.kind, Kind::Tick(false) | Kind::Choice(false)));
        submitted
            .map(|field| format!("{}={}", encoded(&field.name), encoded(&field.value)))
            .collect::<Vec<_>>()
            .join("&")
    }
}

/// The URL Standard's form encoding.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for byte in text.bytes() {
        match byte {
            b' ' => out.push('+'),
            b'*' | b'-' | b'.' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// The forms of a page, in order.
pub(crate) fn forms(html: &str) -> Vec<Form> {
    let mut reading = Reading::default();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        rest = &rest[start..];
        if let Some(after) = rest.strip_prefix("<!--") {
            rest = after.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        let Some((tag, after)) = tag(rest) else {
            rest = &rest[1..];
            continue;
        };
        rest = after;
        let raw = matches!(tag.name.as_str(), "script" | "style" | "textarea" | "title");
        let content = if raw { until_end_tag(&mut rest, &tag.name) } else { "" };
        let following = rest.split('<').next().unwrap_or_default();
        reading.take(&tag, content, following);
        if reading.forms.len() == FORMS_MAX {
            break;
        }
    }
    reading.finish()
}

/// Where a reading of a page stands.
#[derive(Default)]
struct Reading {
    forms: Vec<Form>,
    open: Option<Form>,
    /// The name of the list whose options come now.
    list: String,
}

impl Reading {
    fn take(&mut self, tag: &Tag, content: &str, following: &str) {
        match tag.name.as_str() {
            // A form inside a form is not a form (HTML §13.2.6.4.7).
            "form" if self.open.is_none() => {
                let posts = tag.get("method").eq_ignore_ascii_case("post");
                self.open = Some(Form { action: tag.get("action").to_owned(), posts, fields: Vec::new() });
            }
            "/form" => self.forms.extend(self.open.take()),
            "input" => self.input(tag),
            "textarea" => self.field(tag.get("name"), unescape(content), Kind::Typed),
            "select" => tag.get("name").clone_into(&mut self.list),
            "/select" => self.list.clear(),
            "option" => {
                let value = tag.attributes.get("value").cloned().unwrap_or_else(|| unescape(following.trim()));
                let list = self.list.clone();
                self.field(&list, value, Kind::Choice(tag.has("selected")));
            }
            _ => {}
        }
    }

    fn input(&mut self, tag: &Tag) {
        let value = tag.attributes.get("value").cloned();
        let (value, kind) = match tag.get("type").to_ascii_lowercase().as_str() {
            "checkbox" | "radio" => (value.unwrap_or_else(|| "on".to_owned()), Kind::Tick(tag.has("checked"))),
            "hidden" => (value.unwrap_or_default(), Kind::Hidden),
            // Buttons send only when pressed by name; ours have none. Files are never asked for.
            "submit" | "button" | "image" | "reset" | "file" => return,
            _ => (value.unwrap_or_default(), Kind::Typed),
        };
        if !tag.has("disabled") {
            self.field(tag.get("name"), value, kind);
        }
    }

    fn field(&mut self, name: &str, value: String, kind: Kind) {
        if let Some(form) = self.open.as_mut().filter(|form| !name.is_empty() && form.fields.len() < FIELDS_MAX) {
            form.fields.push(Field { name: name.to_owned(), value, kind });
        }
    }

    fn finish(mut self) -> Vec<Form> {
        self.forms.extend(self.open.take());
        self.forms
    }
}

/// A tag with its attributes; an end tag's name begins with `/`.
#[derive(Debug)]
struct Tag {
    name: String,
    attributes: BTreeMap<String, String>,
}

impl Tag {
    fn get(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }

    fn has(&self, name: &str) -> bool {
        self.attributes.contains_key(name)
    }
}

/// The tag at the beginning of `html`, and what follows it.
fn tag(html: &str) -> Option<(Tag, &str)> {
    let inside = html.strip_prefix('<')?;
    let name_bytes = inside.bytes().take_while(|b| b.is_ascii_alphanumeric() || b"/-!".contains(b)).count();
    let (name, mut rest) = inside.split_at(name_bytes);
    if !name.trim_start_matches('/').starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    let mut attributes = BTreeMap::new();
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if let Some(after) = rest.strip_prefix('>') {
            return Some((Tag { name: name.to_ascii_lowercase(), attributes }, after));
        }
        let (name, value, after) = attribute(rest)?;
        attributes.entry(name.to_ascii_lowercase()).or_insert_with(|| unescape(value));
        rest = after;
    }
}

/// Name, value and what follows; `None` at the end of the page.
fn attribute(html: &str) -> Option<(&str, &str, &str)> {
    // HTML §13.2.5.32: a `=` at the beginning is part of the name.
    let more = html.char_indices().skip(1).find(|(_, c)| c.is_ascii_whitespace() || matches!(c, '=' | '>' | '/'));
    let (name, after) = html.split_at(more?.0);
    let Some(value) = after.trim_start().strip_prefix('=') else { return Some((name, "", after)) };
    let value = value.trim_start();
    for quote in ['"', '\''] {
        if let Some(inside) = value.strip_prefix(quote) {
            return inside.split_once(quote).map(|(value, after)| (name, value, after));
        }
    }
    let end = value.find(|c: char| c.is_ascii_whitespace() || c == '>')?;
    Some((name, &value[..end], &value[end..]))
}

/// The content of an element whose content is not tags, and moves `rest` behind its end tag.
fn until_end_tag<'a>(rest: &mut &'a str, name: &str) -> &'a str {
    let html = *rest;
    let end = html
        .match_indices("</")
        .find(|(at, _)| html.get(at + 2..at + 2 + name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name)));
    let (content, after) = html.split_at(end.map_or(html.len(), |(at, _)| at));
    *rest = after;
    content
}

/// The references that a page of ours or anybody's writes into a value.
pub(crate) fn unescape(text: &str) -> String {
    let Some((before, mut rest)) = text.split_once('&') else { return text.to_owned() };
    let mut out = before.to_owned();
    loop {
        let (c, after) = reference(rest).unwrap_or(('&', rest));
        out.push(c);
        let Some((plain, next)) = after.split_once('&') else {
            out.push_str(after);
            return out;
        };
        out.push_str(plain);
        rest = next;
    }
}

fn reference(text: &str) -> Option<(char, &str)> {
    let (name, after) = text.split_once(';')?;
    let c = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    };
    Some((c, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"<!DOCTYPE html><title>a <form> b</title><!-- <form action="/no"> -->
        <script>var s = "<form action='/no'>";</script>
        <form method=post action="/subscribe?a=1&amp;b=2">
        <input type="email" id="email" name="email" required value="">
        <label><input type="checkbox" name="topics" value="harbour" checked> A</label>
        <label><input type="checkbox" name="topics" value='w&#38;r'> B</label>
        <p hidden><input type="text" name="website" tabindex="-1"></p>
        <input type="hidden" name="token" value="x&quot;y"><input disabled name=off value=1>
        <select name="language"><option value="en" selected>English<option value="es">Español</select>
        <textarea name="note">a <b>
c</textarea><button type="submit">Go</button></form>
        <form action=/search><input name=q></form>"#;

    #[test]
    fn a_page_has_the_forms_that_a_browser_sees() {
        let forms = forms(PAGE);
        let seen: Vec<_> = forms.iter().map(|form| (form.action.as_str(), form.posts)).collect();
        assert_eq!(seen, [("/subscribe?a=1&b=2", true), ("/search", false)]);
        assert!(forms[0].asks_for("email") && !forms[0].asks_for("token") && !forms[0].asks_for("off"));
    }

    #[test]
    fn what_is_submitted_is_what_a_browser_submits() {
        let mut form = forms(PAGE).swap_remove(0);
        form.fill_in("email", "a+b@x.example");
        form.fill_in("token", "forged");
        form.choose("topics", |value| value == "w&r");
        form.choose("language", |value| value == "es");
        let want = "email=a%2Bb%40x.example&topics=w%26r&website=&token=x%22y&language=es&note=a+%3Cb%3E%0Ac";
        assert_eq!(form.body(), want);
    }

    #[test]
    fn a_page_cut_off_anywhere_is_no_trouble() {
        for (end, _) in PAGE.char_indices() {
            forms(&PAGE[..end]);
        }
    }
}
