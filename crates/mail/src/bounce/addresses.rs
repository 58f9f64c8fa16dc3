//! Addresses as they stand in strangers' text.

use crate::address::ADDRESS_BYTES_MAX;

/// Every address in `text`, with where it begins, in order.
pub(super) fn all(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.match_indices('@').filter_map(|(at, _)| around(text, at))
}

/// The first address in `text`.
pub(super) fn first(text: &str) -> Option<&str> {
    all(text).next().map(|(_, address)| address)
}

/// The address with which `text` begins, but for brackets, quotes and list marks.
pub(super) fn leading(text: &str) -> Option<&str> {
    let start = text.find(|c: char| !c.is_whitespace() && !"<>\"'(*-•·".contains(c))?;
    all(text).next().filter(|(at, _)| *at == start).map(|(_, address)| address)
}

/// The address of a typed field, `rfc822; a@b.example` (RFC 3464 §2.3.1), or of a plain one.
pub(super) fn typed(value: &str) -> Option<&str> {
    first(value.split_once(';').map_or(value, |(_, address)| address))
}

fn around(text: &str, at: usize) -> Option<(usize, &str)> {
    let bytes = text.as_bytes();
    let is_local = |b: &u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(b);
    let is_domain = |b: &u8| b.is_ascii_alphanumeric() || b"-.".contains(b);
    let before = bytes[..at].iter().rev().take(ADDRESS_BYTES_MAX).take_while(|b| is_local(b)).count();
    let after = bytes[at + 1..].iter().take(ADDRESS_BYTES_MAX).take_while(|b| is_domain(b)).count();
    let (mut from, mut to) = (at - before, at + 1 + after);
    while from < at && b"'`*-./=".contains(&bytes[from]) {
        from += 1;
    }
    while to > at + 1 && b".-".contains(&bytes[to - 1]) {
        to -= 1;
    }
    (from < at && to > at + 1 && to - from <= ADDRESS_BYTES_MAX).then(|| (from, &text[from..to]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_in_any_dress() {
        for (text, found) in [
            ("  <ana@b.example>: host said", Some("ana@b.example")),
            ("  * ana@b.example", Some("ana@b.example")),
            (">>> ana@b.example <ana@b.example>", Some("ana@b.example")),
            ("To: ana@b.example", None),
            ("nothing", None),
        ] {
            assert_eq!(leading(text), found, "{text}");
        }
        assert_eq!(typed("rfc822;ana@b.example."), Some("ana@b.example"));
        assert_eq!(typed("<ana@b.example>"), Some("ana@b.example"));
        assert_eq!(first("@ @@ x@ @y"), None);
    }
}
