//! What language a text is in: what it declares, else what it looks like, else nothing.
//!
//! It never guesses from a few words: a wrong language gives a wrong direction, wrong hyphens and a wrong voice.

/// Below this a text is too short to tell, in letters: a headline is not enough.
const LETTERS_MIN: usize = 120;
/// What is sufficient confidence: whatlang's own mark for "reliable" at this length is lower and errs between close
/// languages.
const CONFIDENCE_MIN: f64 = 0.9;
/// How much of a text is looked at: the profile is settled long before.
const SAMPLE_BYTES_MAX: usize = 8_192;

/// A declared language as a BCP 47 tag: "en_US" becomes "en-US"; "und", "x-default" and nonsense become nothing.
pub fn declared(tag: &str) -> Option<String> {
    let tag = tag.trim().split(['.', '@', ',']).next()?.replace('_', "-");
    let mut parts = tag.split('-');
    let primary = parts.next()?.to_ascii_lowercase();
    if !matches!(primary.len(), 2 | 3)
        || !primary.bytes().all(|b| b.is_ascii_lowercase())
        || matches!(&*primary, "und" | "zxx" | "mul")
    {
        return None;
    }
    let mut out = primary;
    for part in parts.take_while(|part| matches!(part.len(), 2..=8) && part.bytes().all(|b| b.is_ascii_alphanumeric()))
    {
        out.push('-');
        // RFC 5646 §2.1.1: scripts are written in title case, regions in upper case.
        out.push_str(&match part.len() {
            2 => part.to_ascii_uppercase(),
            4 if part.bytes().all(|b| b.is_ascii_alphabetic()) => {
                format!("{}{}", part[..1].to_ascii_uppercase(), part[1..].to_ascii_lowercase())
            }
            _ => part.to_ascii_lowercase(),
        });
    }
    Some(out)
}

/// The language a text looks like, as a BCP 47 tag, when there is enough of it to be sure.
pub fn detect(text: &str) -> Option<String> {
    let sample = crate::bound::cut(text, SAMPLE_BYTES_MAX);
    let wide = |c: char| if c as u32 >= 0x2e80 { 4 } else { 1 };
    let letters: usize = sample.chars().filter(|c| c.is_alphabetic()).map(wide).sum();
    if letters < LETTERS_MIN {
        return None;
    }
    let told = whatlang::detect(sample)?;
    (told.confidence() >= CONFIDENCE_MIN).then(|| short(told.lang().code()).to_owned())
}

/// ISO 639-1 where there is one (RFC 5646 §2.2.1: the shortest code), else the code itself.
fn short(code: &'static str) -> &'static str {
    const CODES: &[(&str, &str)] = &[
        ("epo", "eo"),
        ("eng", "en"),
        ("rus", "ru"),
        ("cmn", "zh"),
        ("spa", "es"),
        ("por", "pt"),
        ("ita", "it"),
        ("ben", "bn"),
        ("fra", "fr"),
        ("deu", "de"),
        ("ukr", "uk"),
        ("kat", "ka"),
        ("ara", "ar"),
        ("hin", "hi"),
        ("jpn", "ja"),
        ("heb", "he"),
        ("yid", "yi"),
        ("pol", "pl"),
        ("amh", "am"),
        ("jav", "jv"),
        ("kor", "ko"),
        ("nob", "nb"),
        ("dan", "da"),
        ("swe", "sv"),
        ("fin", "fi"),
        ("tur", "tr"),
        ("nld", "nl"),
        ("hun", "hu"),
        ("ces", "cs"),
        ("ell", "el"),
        ("bul", "bg"),
        ("bel", "be"),
        ("mar", "mr"),
        ("kan", "kn"),
        ("ron", "ro"),
        ("slv", "sl"),
        ("hrv", "hr"),
        ("srp", "sr"),
        ("mkd", "mk"),
        ("lit", "lt"),
        ("lav", "lv"),
        ("est", "et"),
        ("tam", "ta"),
        ("vie", "vi"),
        ("urd", "ur"),
        ("tha", "th"),
        ("guj", "gu"),
        ("uzb", "uz"),
        ("pan", "pa"),
        ("aze", "az"),
        ("ind", "id"),
        ("tel", "te"),
        ("pes", "fa"),
        ("mal", "ml"),
        ("ori", "or"),
        ("mya", "my"),
        ("nep", "ne"),
        ("sin", "si"),
        ("khm", "km"),
        ("tuk", "tk"),
        ("aka", "ak"),
        ("zul", "zu"),
        ("sna", "sn"),
        ("afr", "af"),
        ("lat", "la"),
        ("slk", "sk"),
        ("cat", "ca"),
        ("tgl", "tl"),
        ("hye", "hy"),
        ("cym", "cy"),
    ];
    CODES.iter().find(|(long, _)| *long == code).map_or(code, |(_, short)| *short)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declared_language_is_written_as_bcp_47_does() {
        for (tag, expected) in [
            ("en_US", "en-US"),
            ("EN", "en"),
            ("zh-hant-tw", "zh-Hant-TW"),
            ("es-419", "es-419"),
            ("fr_FR.UTF-8", "fr-FR"),
        ] {
            assert_eq!(declared(tag).as_deref(), Some(expected));
        }
        for tag in ["", "und", "x-default", "english", "e", "<b>", "en\"><script>"] {
            assert_eq!(declared(tag), None, "{tag}");
        }
    }

    #[test]
    fn a_text_long_enough_tells_its_language_and_a_short_one_does_not() {
        let texts = [
            (
                "en",
                "The harbour opened again on Monday after three weeks, and the first ships left for the north before noon while the dockers watched from the quay and waited for their pay.",
            ),
            (
                "es",
                "El puerto volvió a abrir el lunes después de tres semanas y los primeros barcos salieron hacia el norte antes del mediodía mientras los estibadores miraban desde el muelle.",
            ),
            (
                "ar",
                "عاد الميناء إلى العمل يوم الاثنين بعد ثلاثة أسابيع، وغادرت السفن الأولى نحو الشمال قبل الظهر بينما كان العمال ينتظرون أجورهم على الرصيف منذ ساعات الصباح الأولى.",
            ),
            (
                "zh",
                "港口在关闭三周之后于星期一重新开放，第一批船只在中午之前驶向北方，码头工人站在岸边等待他们的工资，工会表示谈判仍将继续。",
            ),
        ];
        for (language, text) in texts {
            assert_eq!(detect(text).as_deref(), Some(language));
        }
        assert_eq!(detect("The harbour opened again"), None);
        assert_eq!(detect("12 34 56"), None);
    }
}
