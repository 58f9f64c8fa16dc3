//! robots.txt (RFC 9309): what a site asks of whoever comes by itself.

/// RFC 9309 §2.5: at least 500 KiB must be read; no more is.
pub(crate) const ROBOTS_BYTES_MAX: usize = 512_000;
/// Rules kept for us: enough for every real file.
const RULES_MAX: usize = 2_000;

/// What a robots.txt says to one product.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Robots {
    /// Pattern, and whether it allows.
    rules: Vec<(String, bool)>,
    /// The file could not be had.
    unknown: bool,
}

impl Robots {
    /// Everything is allowed: there is no file (RFC 9309 §2.3.1.3).
    pub fn open() -> Self {
        Self::default()
    }

    /// Nothing is allowed: the file could not be had, so its wishes are unknown (RFC 9309 §2.3.1.4).
    pub fn unknown() -> Self {
        Self { rules: vec![("/".to_owned(), false)], unknown: true }
    }

    /// Whether nothing is allowed only because the file could not be had.
    pub fn is_unknown(&self) -> bool {
        self.unknown
    }

    /// The rules for `product`: its own groups joined, else those for everyone (RFC 9309 §2.2.1).
    pub fn parse(text: &str, product: &str) -> Self {
        let mut ours = Vec::new();
        let mut everyones = Vec::new();
        let mut named = false;
        let (mut for_us, mut for_all, mut in_rules) = (false, false, false);
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or("");
            let Some((key, value)) = line.split_once(':') else { continue };
            let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
            match key.as_str() {
                "user-agent" => {
                    if in_rules {
                        (for_us, for_all, in_rules) = (false, false, false);
                    }
                    let token = value.split(['/', ' ']).next().unwrap_or("");
                    for_us |= token.eq_ignore_ascii_case(product);
                    for_all |= token == "*";
                    named |= for_us;
                }
                "allow" | "disallow" => {
                    in_rules = true;
                    let rule = (value.to_owned(), key == "allow");
                    if for_us && ours.len() < RULES_MAX {
                        ours.push(rule.clone());
                    }
                    if for_all && everyones.len() < RULES_MAX {
                        everyones.push(rule);
                    }
                }
                _ => {}
            }
        }
        Self { rules: if named { ours } else { everyones }, unknown: false }
    }

    /// Whether a path with its query may be fetched: the longest pattern decides, and allowing wins a tie (§2.2.2).
    pub fn allows(&self, path: &str) -> bool {
        let matching = self.rules.iter().filter(|(pattern, _)| !pattern.is_empty() && matches(pattern, path));
        let longest = matching.max_by_key(|(pattern, allow)| (pattern.len(), *allow));
        longest.is_none_or(|(_, allow)| *allow)
    }
}

/// §2.2.3: `*` is any text, `$` at the end is the end. Pieces between stars are found from left to right, each once, so
/// no pattern takes longer than its length times the path's.
fn matches(pattern: &str, path: &str) -> bool {
    let (pattern, to_end) = pattern.strip_suffix('$').map_or((pattern, false), |pattern| (pattern, true));
    let mut pieces = pattern.split('*');
    let Some(mut rest) = path.strip_prefix(pieces.next().unwrap_or("")) else { return false };
    let mut last = None;
    for piece in pieces {
        last = Some(piece);
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    !to_end || rest.is_empty() || last.is_some_and(|piece| path.ends_with(piece) && rest.ends_with(piece))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(text: &str, path: &str) -> bool {
        Robots::parse(text, "coranto").allows(path)
    }

    #[test]
    fn the_most_specific_group_and_rule_decide() {
        let text = "User-agent: *\nDisallow: /private\n\nUser-agent: other\nUser-agent: Coranto/0.1\nDisallow: /drafts # not ready\nAllow: /drafts/open\n";
        assert!(allowed(text, "/private"), "our own group stands alone");
        assert!(!allowed(text, "/drafts/one"));
        assert!(allowed(text, "/drafts/open/one"));
        assert!(!Robots::parse(text, "stranger").allows("/private"));
        assert!(allowed("User-agent: coranto\nDisallow:\nUser-agent: *\nDisallow: /", "/"));
        assert!(!allowed("User-agent: *\nDisallow: /a\nUser-agent: *\nDisallow: /b", "/b"));
    }

    #[test]
    fn stars_and_ends_are_understood() {
        let rule = |pattern: &str, path| !allowed(&format!("User-agent: *\nDisallow: {pattern}"), path);
        assert!(rule("/*.pdf$", "/a/b.pdf"));
        assert!(!rule("/*.pdf$", "/a/b.pdf?x"));
        assert!(rule("/a*b*c", "/axxbxxc"));
        assert!(!rule("/a*b*c", "/axxcxxb"));
        assert!(rule("/*b$", "/b/b"));
        assert!(rule("/exact$", "/exact"));
        assert!(!rule("/exact$", "/exactly"));
        assert!(rule("/", "/anything"));
    }

    #[test]
    fn no_file_allows_and_no_answer_forbids() {
        assert!(Robots::open().allows("/a"));
        assert!(!Robots::unknown().allows("/a"));
        assert!(allowed("nonsense\u{0}\n:::\n", "/a"));
    }
}
