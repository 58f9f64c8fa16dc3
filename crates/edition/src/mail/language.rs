//! What a language asks of a mail: its direction, the fonts that most machines have for it, and sizes at which it reads
//! well. Sides are physical, because mail clients know no logical properties. Never names a font that must be fetched.

use prose::Direction;

/// The direction of `language`, a BCP 47 tag; of the first letter of `text` when the tag says nothing.
pub(crate) fn direction(language: &str, text: &str) -> Direction {
    if !matches!(primary(language).as_str(), "" | "und" | "mul" | "zxx") {
        return prose::direction(language);
    }
    let rtl = text.chars().find(|c| c.is_alphabetic()).is_some_and(rtl_letter);
    if rtl { Direction::Rtl } else { Direction::Ltr }
}

/// The blocks of Hebrew, Arabic, Syriac, Thaana, NKo and their presentation forms.
fn rtl_letter(c: char) -> bool {
    matches!(c, '\u{0590}'..='\u{08FF}' | '\u{FB1D}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFC}' | '\u{1E800}'..='\u{1EEFF}')
}

/// The primary subtag of a BCP 47 tag, in lower case: `en` of `en-GB`.
pub(crate) fn primary(language: &str) -> String {
    language.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase()
}

/// A BCP 47 tag that is safe in an attribute: letters, digits and hyphens, at most 35 of them (RFC 5646 §4.4.1), else
/// `und`.
pub(crate) fn tag(language: &str) -> String {
    const TAG_CHARS_MAX: usize = 35;
    let tag = language.trim().replace('_', "-");
    let plain = tag.split('-').all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric()));
    if plain && tag.len() <= TAG_CHARS_MAX { tag } else { "und".to_owned() }
}

/// How a language is set: each a CSS `font` shorthand of weight, size, line height and families.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Face {
    /// The lead's headline.
    pub(crate) lead: &'static str,
    /// A headline.
    pub(crate) head: &'static str,
    /// Running text of the lead.
    pub(crate) opening: &'static str,
    /// Running text.
    pub(crate) text: &'static str,
    /// Bylines, captions and the furniture of the mail.
    pub(crate) small: &'static str,
    /// Letters are set apart in the names of topics: only where letters do not join and a line is not a grid.
    pub(crate) spaced: bool,
}

/// Families of two words stand unquoted, which CSS allows: quotes would be written out in an attribute.
macro_rules! face {
    ($serif:literal, $sans:literal, $lead:literal, $head:literal, $opening:literal, $text:literal, $small:literal, $spaced:literal) => {
        Face {
            lead: concat!("700 ", $lead, " ", $serif),
            head: concat!("700 ", $head, " ", $serif),
            opening: concat!($opening, " ", $serif),
            text: concat!($text, " ", $serif),
            small: concat!($small, " ", $sans),
            spaced: $spaced,
        }
    };
}

const LATIN: Face = face!(
    "Georgia,Times New Roman,serif",
    "Helvetica,Arial,sans-serif",
    "31px/37px",
    "21px/27px",
    "18px/28px",
    "16px/25px",
    "13px/20px",
    true
);
/// Arabic letters are small on their body and need room above and below.
const ARABIC: Face = face!(
    "Geeza Pro,Noto Naskh Arabic,Segoe UI,Times New Roman,serif",
    "Geeza Pro,Segoe UI,Tahoma,sans-serif",
    "31px/46px",
    "23px/35px",
    "19px/33px",
    "18px/31px",
    "14px/24px",
    false
);
/// SimSun is hard to read on screens, so Windows gets YaHei.
const HAN: Face = face!(
    "Songti SC,Noto Serif CJK SC,Microsoft YaHei,serif",
    "PingFang SC,Microsoft YaHei,Noto Sans CJK SC,sans-serif",
    "29px/40px",
    "20px/30px",
    "17px/30px",
    "16px/28px",
    "13px/21px",
    false
);
const HAN_TRADITIONAL: Face = face!(
    "Songti TC,Noto Serif CJK TC,Microsoft JhengHei,serif",
    "PingFang TC,Microsoft JhengHei,Noto Sans CJK TC,sans-serif",
    "29px/40px",
    "20px/30px",
    "17px/30px",
    "16px/28px",
    "13px/21px",
    false
);
const JAPANESE: Face = face!(
    "Hiragino Mincho ProN,Yu Mincho,Noto Serif CJK JP,serif",
    "Hiragino Sans,Meiryo,Noto Sans CJK JP,sans-serif",
    "29px/40px",
    "20px/30px",
    "17px/30px",
    "16px/28px",
    "13px/21px",
    false
);

impl Face {
    /// How `language` is set.
    pub(crate) fn of(language: &str) -> Self {
        let lower = language.to_ascii_lowercase();
        let traditional = ["hant", "tw", "hk", "mo"].iter().any(|part| lower.split('-').any(|p| p == *part));
        match primary(language).as_str() {
            "ar" | "ckb" | "fa" | "ps" | "sd" | "ug" | "ur" => ARABIC,
            "zh" if traditional => HAN_TRADITIONAL,
            "zh" => HAN,
            "ja" => JAPANESE,
            _ => LATIN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn direction_follows_the_tag_its_script_and_last_the_letters() {
        assert_eq!(direction("ar-EG", "x"), Direction::Rtl);
        assert_eq!(direction("ku-Arab", ""), Direction::Rtl);
        assert_eq!(direction("ar-Latn", ""), Direction::Ltr);
        assert_eq!(direction("zh-Hant-TW", ""), Direction::Ltr);
        assert_eq!(direction("", "“الميناء”"), Direction::Rtl);
        assert_eq!(direction("und", "Port الميناء"), Direction::Ltr);
    }

    #[test]
    fn a_tag_cannot_leave_its_attribute() {
        assert_eq!(tag("zh-Hans"), "zh-Hans");
        assert_eq!(tag("en_GB"), "en-GB");
        assert_eq!(tag("en\" onload=\"x"), "und");
        assert_eq!(tag(""), "und");
    }
}
