//! Pages: what stands at an address, as text, ready for `prose` to find the article in it.

use crate::{
    encoding::decode,
    markup::{Token, Tokens, plain},
};
use url::Url;

/// The largest page read, in bytes: the heaviest news pages are below.
pub const PAGE_BYTES_MAX: usize = 6_000_000;

/// A page, fetched or saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The address that answered, after redirects; what was said about it when it came from a file.
    pub url: Option<String>,
    /// Its HTML as text, not cleaned.
    pub html: String,
}

/// Bytes as a page. `content_type` is the HTTP field, if there was one.
pub fn read_page(bytes: &[u8], content_type: Option<&str>, url: Option<&str>) -> Page {
    let bytes = &bytes[..bytes.len().min(PAGE_BYTES_MAX)];
    Page { url: url.map(str::to_owned), html: decode(bytes, content_type) }
}

impl Page {
    /// Its title as its head gives it; empty when it gives none.
    pub fn title(&self) -> String {
        let named = self.meta(&["og:title", "twitter:title"]);
        named.map(|title| plain(&title)).or_else(|| self.title_element()).unwrap_or_default()
    }

    /// Its lead picture, absolute: the one that `prose` takes for it, so that the words it finds beside it (what it shows,
    /// who made it) are about the picture that is fetched.
    pub fn named_picture(&self) -> Option<String> {
        let url = self.url.as_deref().and_then(|url| Url::parse(url).ok());
        prose::extract(&self.html, url.as_ref()).image?.src.filter(|src| src.starts_with("http"))
    }

    /// The first of `names` that the head has, in the order of `names`.
    fn meta(&self, names: &[&str]) -> Option<String> {
        let mut best: Option<(usize, String)> = None;
        for token in Tokens::new(&self.html) {
            let tag = match token {
                Token::Open(tag) if tag.name.eq_ignore_ascii_case("meta") => tag,
                Token::Open(tag) if tag.name.eq_ignore_ascii_case("body") => break,
                _ => continue,
            };
            let Some(name) = tag.get("property").or_else(|| tag.get("name")) else { continue };
            let Some(rank) = names.iter().position(|known| known.eq_ignore_ascii_case(name.trim())) else { continue };
            let content = tag.get("content").map(String::from).filter(|content| !content.trim().is_empty());
            if let Some(content) = content.filter(|_| best.as_ref().is_none_or(|(known, _)| rank < *known)) {
                best = Some((rank, content));
            }
        }
        best.map(|(_, content)| content)
    }

    fn title_element(&self) -> Option<String> {
        let start = Tokens::new(&self.html);
        let mut inside = false;
        for token in start {
            match token {
                Token::Open(tag) if tag.name.eq_ignore_ascii_case("title") => inside = true,
                Token::Text(text) if inside => return Some(plain(text)),
                Token::Close(_) if inside => return None,
                _ => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_names_its_title_and_picture() {
        let html =
            b"<html><head><title>Long &amp; plain | Outlet</title><meta property=og:title content='Long &amp; plain'>\
            <meta name='twitter:image' content='/t.jpg'><meta property='og:image' content='/p.jpg?a=1&amp;b=2'></head>\
            <body><p>Text</p>";
        let page = read_page(html, Some("text/html; charset=utf-8"), Some("https://outlet.example/a/b"));
        assert_eq!(page.title(), "Long & plain");
        assert_eq!(page.named_picture().as_deref(), Some("https://outlet.example/p.jpg?a=1&b=2"));
        let bare = read_page(b"<title>Only this</title>", None, None);
        assert_eq!((bare.title().as_str(), bare.named_picture()), ("Only this", None));
        let inline = read_page(b"<meta property=og:image content='data:image/png;base64,AA'>", None, None);
        assert_eq!(inline.named_picture(), None);
    }
}
