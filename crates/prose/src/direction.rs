//! Which way a language is written.

/// The direction of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Left to right.
    Ltr,
    /// Right to left.
    Rtl,
}

impl Direction {
    /// HTML's `dir` value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ltr => "ltr",
            Self::Rtl => "rtl",
        }
    }

    /// The side a line starts on, for mail, where logical properties are not known.
    pub fn start(self) -> &'static str {
        match self {
            Self::Ltr => "left",
            Self::Rtl => "right",
        }
    }
}

/// Languages written right to left by default (CLDR `characterOrder`), and the scripts that decide when named.
const RTL_LANGUAGES: &[&str] = &[
    "ar", "arc", "ckb", "dv", "fa", "he", "iw", "ji", "ks", "lrc", "mzn", "nqo", "pnb", "ps", "sd", "syr", "ug", "ur",
    "yi",
];
const RTL_SCRIPTS: &[&str] = &["adlm", "arab", "hebr", "mand", "nkoo", "rohg", "samr", "syrc", "thaa"];

/// The direction of a BCP 47 language tag; left to right when it says nothing.
pub fn direction(language: &str) -> Direction {
    let tag = language.to_ascii_lowercase();
    let mut parts = tag.split(['-', '_']);
    let language = parts.next().unwrap_or_default();
    let script = parts.next().filter(|part| part.len() == 4);
    let rtl = match script {
        Some(script) => RTL_SCRIPTS.contains(&script),
        None => RTL_LANGUAGES.contains(&language),
    };
    if rtl { Direction::Rtl } else { Direction::Ltr }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_script_decides_before_the_language() {
        assert_eq!(direction("ar-EG"), Direction::Rtl);
        assert_eq!(direction("ckb"), Direction::Rtl);
        assert_eq!(direction("az-Arab-IR"), Direction::Rtl);
        assert_eq!(direction("ur-Latn"), Direction::Ltr);
        assert_eq!(direction("zh-Hant"), Direction::Ltr);
        assert_eq!(direction(""), Direction::Ltr);
    }
}
