//! Which addresses a link or a picture may have.
//!
//! Every address that prose prints passes through here, whoever wrote it: http, https and mailto, nothing else. It never
//! fetches and never repairs: what does not parse is dropped.

use url::Url;

/// Tracking links run to a thousand bytes; what is longer is a payload, not an address.
pub const HREF_BYTES_MAX: usize = 4_096;

/// An absolute link that may be printed: http, https or mailto. `None` for anything else.
pub fn absolute(href: &str) -> Option<Url> {
    allowed(Url::parse(tidy(href)?).ok()?)
}

/// A link resolved against where it stood. `None` when it may not be printed.
pub fn resolve(href: &str, base: &Url) -> Option<Url> {
    allowed(base.join(tidy(href)?).ok()?)
}

/// A link as a page of our own prints it: absolute, or a path on this site.
pub fn on_page(href: &str) -> Option<String> {
    if let Some(url) = absolute(href) {
        return Some(url.into());
    }
    let path = tidy(href)?;
    let own = path.starts_with('/') && !path.starts_with("//") && !path.contains('\\');
    own.then(|| path.to_owned())
}

/// A picture's address: http or https.
pub(crate) fn picture(src: &str, base: Option<&Url>) -> Option<Url> {
    let url = match base {
        Some(base) => resolve(src, base)?,
        None => absolute(src)?,
    };
    (url.scheme() != "mailto").then_some(url)
}

fn allowed(url: Url) -> Option<Url> {
    let plain = match url.scheme() {
        // A name and password before the host is how one site poses as another.
        "http" | "https" => url.host_str().is_some() && url.username().is_empty() && url.password().is_none(),
        "mailto" => true,
        _ => false,
    };
    (plain && url.as_str().len() <= HREF_BYTES_MAX).then_some(url)
}

/// Refuses control characters inside an address: the URL standard drops them silently, which hides a scheme.
fn tidy(href: &str) -> Option<&str> {
    let href = href.trim_matches(|c: char| c.is_whitespace() || c.is_control());
    (!href.is_empty() && href.len() <= HREF_BYTES_MAX && !href.contains(char::is_control)).then_some(href)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_and_mail_addresses_pass() {
        for good in ["http://a.example/x", "HTTPS://a.example", "mailto:a@example.org", "/articles/x"] {
            assert!(on_page(good).is_some(), "{good}");
        }
        for bad in [
            "javascript:alert(1)",
            "java\nscript:alert(1)",
            " \u{1}javascript:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "//evil.example/x",
            "/\\evil.example",
            "https://bank.example@evil.example/",
            "relative/path",
            "",
            "ftp://a.example/",
            "file:///etc/passwd",
        ] {
            assert_eq!(on_page(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_relative_link_is_resolved_against_its_page() {
        let base = Url::parse("https://a.example/news/1").expect("a constant");
        assert_eq!(resolve("../x", &base).map(String::from).as_deref(), Some("https://a.example/x"));
        assert_eq!(resolve("javascript:x", &base), None);
    }
}
