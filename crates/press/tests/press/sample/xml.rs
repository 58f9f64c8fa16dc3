//! A strict reader of XML, as much of it as feeds and sitemaps use: what it reads is well-formed (XML 1.0 §2.1).

/// Every element in order of its end, with the text directly in it.
pub fn nodes(xml: &str) -> Result<Vec<(String, String)>, String> {
    let (mut open, mut done) = (Vec::<(String, String)>::new(), Vec::new());
    let mut rest = xml.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>").unwrap_or(xml);
    while let Some((text, markup)) = rest.split_once('<') {
        let text = unescaped(text)?;
        match open.last_mut() {
            Some((_, inside)) => inside.push_str(&text),
            None if text.trim().is_empty() => {}
            None => return Err(format!("text outside: {text}")),
        }
        let (tag, after) = tag(markup)?;
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            let (opened, inside) = open.pop().ok_or(format!("nothing is open at </{name}>"))?;
            if opened != name.trim_end() {
                return Err(format!("<{opened}> is ended by </{name}>"));
            }
            done.push((opened, inside));
            continue;
        }
        let (tag, empty) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
        let name = element(tag)?;
        match empty {
            true => done.push((name, String::new())),
            false if open.is_empty() && !done.is_empty() => return Err(format!("a second root: {name}")),
            false => open.push((name, String::new())),
        }
    }
    match (open.pop(), rest.trim()) {
        (None, "") => Ok(done),
        (Some((name, _)), _) => Err(format!("<{name}> is never ended")),
        (None, left) => Err(format!("text outside: {left}")),
    }
}

/// A tag up to its `>`; one inside a quoted value does not end it.
fn tag(markup: &str) -> Result<(&str, &str), String> {
    let mut quoted = false;
    for (at, c) in markup.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '>' if !quoted => return Ok((&markup[..at], &markup[at + 1..])),
            '<' => break,
            _ => {}
        }
    }
    Err(format!("a tag that does not end: {}", markup.chars().take(40).collect::<String>()))
}

/// An element's name, its attributes checked: each a name and a quoted value, none twice.
fn element(tag: &str) -> Result<String, String> {
    let is_name =
        |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-:_.".contains(c));
    let (name, mut rest) = tag.split_once(' ').unwrap_or((tag, ""));
    let mut seen = Vec::new();
    while !rest.trim().is_empty() {
        let (attribute, value) = rest.split_once("=\"").ok_or(format!("an attribute without value: {rest}"))?;
        let (value, after) = value.split_once('"').ok_or(format!("a value that does not end: {rest}"))?;
        unescaped(value)?;
        let attribute = attribute.trim().to_owned();
        if !is_name(&attribute) || seen.contains(&attribute) {
            return Err(format!("an attribute: {attribute}"));
        }
        seen.push(attribute);
        rest = after;
    }
    is_name(name).then(|| name.to_owned()).ok_or(format!("an element: {name}"))
}

/// Text with its references read; what XML 1.0 §2.2 does not allow is an error.
fn unescaped(text: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let (name, after) = after.split_once(';').ok_or(format!("a bare & in {text}"))?;
        out.push(match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" | "#39" => '\'',
            _ => return Err(format!("a reference to {name}")),
        });
        rest = after;
    }
    out.push_str(rest);
    let forbidden = |c: char| (c < ' ' && !matches!(c, '\t' | '\n' | '\r')) || matches!(c, '\u{fffe}' | '\u{ffff}');
    if out.contains(forbidden) { Err("a forbidden character".to_owned()) } else { Ok(out) }
}
