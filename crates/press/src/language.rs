//! A story's language as its page declares it. Which way it is written is `prose::direction`'s to say.

/// RFC 5646 §4.1: nobody said which language.
pub(crate) const UNDETERMINED: &str = "und";

/// A language tag fit for a `lang` attribute, or [`UNDETERMINED`] when it is no tag at all.
pub(crate) fn tag(language: &str) -> String {
    /// RFC 5646 §4.4.1: a conforming tag longer than 35 characters does not occur in practice.
    const TAG_BYTES_MAX: usize = 35;
    let tag = language.trim().replace('_', "-");
    let subtag = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
    let whole = tag.len() <= TAG_BYTES_MAX
        && tag.split('-').all(subtag)
        && tag.bytes().next().is_some_and(|b| b.is_ascii_alphabetic());
    if whole { tag } else { UNDETERMINED.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_tag_becomes_undetermined() {
        assert_eq!(tag("pt_BR"), "pt-BR");
        assert_eq!(tag(""), "und");
        assert_eq!(tag("en\" onload=x"), "und");
        assert_eq!(tag("1"), "und");
    }
}
