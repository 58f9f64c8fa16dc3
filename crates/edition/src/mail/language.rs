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
    /// The height of its line on a phone, where it is 28 pixels.
    pub(crate) lead_phone: &'static str,
    /// A headline.
    pub(crate) head: &'static str,
    /// Running text of the lead.
    pub(crate) opening: &'static str,
    /// Running text.
    pub(crate) text: &'static str,
    /// Bylines, captions and the furniture of the mail.
    pub(crate) small: &'static str,
    /// Names of topics.
    pub(crate) topic: &'static str,
    /// The end.
    pub(crate) end: &'static str,
    /// The masthead by its length: a short, a middling and a long name.
    pub(crate) nameplates: [&'static str; 3],
    /// How names of topics are set besides: capitals set apart, only where a script has capitals and letters do not join.
    pub(crate) capitals: &'static str,
}

/// Families of two words stand unquoted, which CSS allows: quotes would be written out in an attribute.
macro_rules! face {
    (serif $serif:literal, sans $sans:literal, capitals $capitals:literal, end $end:literal, sizes $lead:literal $phone:literal $head:literal
     $opening:literal $text:literal $small:literal, nameplates $short:literal $middling:literal $long:literal) => {
        Face {
            lead: concat!("700 ", $lead, " ", $serif),
            lead_phone: $phone,
            head: concat!("700 ", $head, " ", $serif),
            opening: concat!($opening, " ", $serif),
            text: concat!($text, " ", $serif),
            small: concat!($small, " ", $sans),
            topic: concat!("700 ", $small, " ", $sans),
            end: concat!($end, " ", $serif),
            nameplates: [
                concat!("700 ", $short, " ", $serif),
                concat!("700 ", $middling, " ", $serif),
                concat!("700 ", $long, " ", $serif),
            ],
            capitals: $capitals,
        }
    };
}

const LATIN: Face = face!(
    serif "Georgia,Times New Roman,serif",
    sans "Helvetica,Arial,sans-serif",
    capitals "letter-spacing:1px;text-transform:uppercase;",
    end "italic 18px/28px",
    sizes "32px/38px" "34px" "21px/27px" "18px/28px" "16px/25px" "13px/20px",
    nameplates "46px/52px" "36px/42px" "28px/34px"
);
/// Arabic letters are small on their body and need room above and below.
const ARABIC: Face = face!(
    serif "Geeza Pro,Noto Naskh Arabic,Segoe UI,Times New Roman,serif",
    sans "Geeza Pro,Segoe UI,Tahoma,sans-serif",
    capitals "",
    end "19px/33px",
    sizes "31px/46px" "42px" "23px/35px" "19px/33px" "18px/31px" "14px/24px",
    nameplates "46px/68px" "36px/54px" "28px/44px"
);
/// SimSun is hard to read on screens, so Windows gets YaHei.
const HAN: Face = face!(
    serif "Songti SC,Noto Serif CJK SC,Microsoft YaHei,serif",
    sans "PingFang SC,Microsoft YaHei,Noto Sans CJK SC,sans-serif",
    capitals "",
    end "17px/30px",
    sizes "29px/40px" "39px" "20px/30px" "17px/30px" "16px/28px" "13px/21px",
    nameplates "46px/60px" "36px/48px" "28px/40px"
);
const HAN_TRADITIONAL: Face = face!(
    serif "Songti TC,Noto Serif CJK TC,Microsoft JhengHei,serif",
    sans "PingFang TC,Microsoft JhengHei,Noto Sans CJK TC,sans-serif",
    capitals "",
    end "17px/30px",
    sizes "29px/40px" "39px" "20px/30px" "17px/30px" "16px/28px" "13px/21px",
    nameplates "46px/60px" "36px/48px" "28px/40px"
);
const JAPANESE: Face = face!(
    serif "Hiragino Mincho ProN,Yu Mincho,Noto Serif CJK JP,serif",
    sans "Hiragino Sans,Meiryo,Noto Sans CJK JP,sans-serif",
    capitals "",
    end "17px/30px",
    sizes "29px/40px" "39px" "20px/30px" "17px/30px" "16px/28px" "13px/21px",
    nameplates "46px/60px" "36px/48px" "28px/40px"
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
