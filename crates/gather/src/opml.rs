//! OPML (opml.org, 2.0): the list of sources that every reader of feeds can write.

use crate::{
    encoding::decode,
    markup::{Tag, Token, Tokens, one_line},
};
use url::Url;

/// The largest list read, in bytes: thousands of sources.
pub const OPML_BYTES_MAX: usize = 2_000_000;
/// Sources taken from one list. An outlet that reads more has a list that was not made by a person.
pub const OPML_SOURCES_MAX: usize = 2_000;

/// A source named in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Where its feed is.
    pub url: String,
    /// What the list calls it; may be empty.
    pub title: String,
    /// The folder it stands in, if any: often a topic.
    pub folder: Option<String>,
}

/// The sources of a list, in its order, each address once; `None` when it is no OPML. Lists that point to other lists
/// are not followed, so there is nothing to loop.
pub fn parse_opml(bytes: &[u8]) -> Option<Vec<Listed>> {
    if bytes.len() > OPML_BYTES_MAX {
        return None;
    }
    let text = decode(bytes, None);
    let mut rooted = false;
    let mut folders: Vec<Option<String>> = Vec::new();
    let mut listed: Vec<Listed> = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for token in Tokens::new(&text) {
        match token {
            Token::Open(tag) if tag.name.eq_ignore_ascii_case("opml") => rooted = true,
            Token::Open(tag) if rooted && tag.name.eq_ignore_ascii_case("outline") => {
                let folder = folders.iter().rev().flatten().next().cloned();
                let source = source(tag, folder);
                if !tag.empty {
                    folders.push(source.is_none().then(|| named(tag)).filter(|name| !name.is_empty()));
                }
                let fresh = source.filter(|source| seen.insert(source.url.clone()));
                listed.extend(fresh.filter(|_| listed.len() < OPML_SOURCES_MAX));
            }
            Token::Close(name) if name.eq_ignore_ascii_case("outline") => {
                folders.pop();
            }
            _ => {}
        }
    }
    rooted.then_some(listed)
}

fn source(tag: Tag<'_>, folder: Option<String>) -> Option<Listed> {
    let written = tag.get("xmlUrl")?;
    let url = Url::parse(written.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    Some(Listed { url: url.to_string(), title: named(tag), folder })
}

fn named(tag: Tag<'_>) -> String {
    let name = tag.get("title").filter(|title| !title.trim().is_empty()).or_else(|| tag.get("text"));
    one_line(&name.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_with_its_folders() {
        let opml = br#"<?xml version="1.0"?><opml version="1.0"><head><title>t</title></head><body>
            <outline text="Harbour &amp; sea"><outline text="One" xmlUrl="https://one.example/rss"/>
            <outline title="Two" text="x" xmlurl="https://two.example/feed"></outline></outline>
            <outline text="Three" xmlUrl="https://three.example/"/>
            <outline text="again" xmlUrl="https://one.example/rss"/>
            <outline text="bad" xmlUrl="javascript:alert(1)"/>"#;
        let listed = parse_opml(opml).expect("a list");
        let shown: Vec<_> = listed.iter().map(|s| format!("{} {} {:?}", s.title, s.url, s.folder)).collect();
        assert_eq!(
            shown,
            [
                "One https://one.example/rss Some(\"Harbour & sea\")",
                "Two https://two.example/feed Some(\"Harbour & sea\")",
                "Three https://three.example/ None",
            ]
        );
        assert_eq!(parse_opml(b"<rss/>"), None);
        assert_eq!(parse_opml(&b"<opml><outline>".repeat(100_000)), Some(vec![]));
    }
}
