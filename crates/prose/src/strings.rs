//! The few words that pages and mail need in the reader's language: month names, date patterns, short labels.
//!
//! Five languages so far. A language that is not here is answered in English, never with an error: a reader in another
//! language still gets the paper. It is a table, not a translator: it never inflects.

/// One language's words.
struct Words {
    language: &'static str,
    months: [&'static str; 12],
    /// `{d}`, `{m}` and `{y}` stand for the day, the month's name and the year.
    date: &'static str,
    labels: [&'static str; LABELS.len()],
}

/// The names by which templates ask for a label, in the order of each language's `labels`.
pub const LABELS: [&str; 16] = [
    "skip_to_content",
    "originally_published_by",
    "photo",
    "by",
    "read_more",
    "corrected",
    "topics",
    "archive",
    "edition_of",
    "words",
    "minutes",
    "unsubscribe",
    "preferences",
    "sign_up",
    "email_address",
    "in_this_edition",
];

const WORDS: [Words; 5] = [
    Words {
        language: "en",
        months: [
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ],
        date: "{d} {m} {y}",
        labels: [
            "Skip to content",
            "Originally published by",
            "Photo",
            "By",
            "Read more",
            "Corrected",
            "Topics",
            "Archive",
            "Edition of",
            "words",
            "minutes",
            "Unsubscribe",
            "Preferences",
            "Sign up",
            "Email address",
            "In this edition",
        ],
    },
    Words {
        language: "ar",
        months: [
            "يناير",
            "فبراير",
            "مارس",
            "أبريل",
            "مايو",
            "يونيو",
            "يوليو",
            "أغسطس",
            "سبتمبر",
            "أكتوبر",
            "نوفمبر",
            "ديسمبر",
        ],
        date: "{d} {m} {y}",
        labels: [
            "انتقل إلى المحتوى",
            "نُشر أولاً في",
            "الصورة",
            "بقلم",
            "اقرأ المزيد",
            "تصويب",
            "المواضيع",
            "الأرشيف",
            "عدد",
            "كلمة",
            "دقائق",
            "إلغاء الاشتراك",
            "التفضيلات",
            "اشترك",
            "البريد الإلكتروني",
            "في هذا العدد",
        ],
    },
    Words {
        language: "es",
        months: [
            "enero",
            "febrero",
            "marzo",
            "abril",
            "mayo",
            "junio",
            "julio",
            "agosto",
            "septiembre",
            "octubre",
            "noviembre",
            "diciembre",
        ],
        date: "{d} de {m} de {y}",
        labels: [
            "Saltar al contenido",
            "Publicado originalmente por",
            "Foto",
            "Por",
            "Leer más",
            "Corregido",
            "Temas",
            "Archivo",
            "Edición del",
            "palabras",
            "minutos",
            "Darse de baja",
            "Preferencias",
            "Suscribirse",
            "Correo electrónico",
            "En esta edición",
        ],
    },
    Words {
        language: "fr",
        months: [
            "janvier",
            "février",
            "mars",
            "avril",
            "mai",
            "juin",
            "juillet",
            "août",
            "septembre",
            "octobre",
            "novembre",
            "décembre",
        ],
        date: "{d} {m} {y}",
        labels: [
            "Aller au contenu",
            "Publié à l’origine par",
            "Photo",
            "Par",
            "Lire la suite",
            "Corrigé",
            "Rubriques",
            "Archives",
            "Édition du",
            "mots",
            "minutes",
            "Se désabonner",
            "Préférences",
            "S’abonner",
            "Adresse électronique",
            "Dans cette édition",
        ],
    },
    Words {
        language: "zh",
        months: ["1月", "2月", "3月", "4月", "5月", "6月", "7月", "8月", "9月", "10月", "11月", "12月"],
        date: "{y}年{m}{d}日",
        labels: [
            "跳到正文",
            "原载于",
            "图片",
            "作者",
            "阅读全文",
            "更正",
            "主题",
            "归档",
            "刊期",
            "字",
            "分钟",
            "退订",
            "偏好设置",
            "订阅",
            "电子邮箱",
            "本期内容",
        ],
    },
];

/// A date in a language's usual long form: "24 November 2026".
pub fn long_date(date: jiff::civil::Date, language: &str) -> String {
    let words = words(language);
    let month = words.months[usize::try_from(date.month() - 1).expect("a month is 1 to 12")];
    let date_form = words.date.replace("{d}", &ordinal(date.day(), words.language));
    date_form.replace("{m}", month).replace("{y}", &date.year().to_string())
}

/// A label in a language; `None` when no label has that name.
pub fn label(name: &str, language: &str) -> Option<&'static str> {
    let at = LABELS.iter().position(|label| *label == name)?;
    Some(words(language).labels[at])
}

/// French writes the first of a month as an ordinal.
fn ordinal(day: i8, language: &str) -> String {
    if language == "fr" && day == 1 { "1er".to_owned() } else { day.to_string() }
}

fn words(language: &str) -> &'static Words {
    let primary = language.split(['-', '_']).next().unwrap_or_default();
    WORDS.iter().find(|words| words.language.eq_ignore_ascii_case(primary)).unwrap_or(&WORDS[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_reads_as_people_write_it() {
        let date = jiff::civil::date(2026, 11, 24);
        assert_eq!(long_date(date, "en-GB"), "24 November 2026");
        assert_eq!(long_date(date, "es"), "24 de noviembre de 2026");
        assert_eq!(long_date(date, "ar"), "24 نوفمبر 2026");
        assert_eq!(long_date(date, "zh-Hant"), "2026年11月24日");
        assert_eq!(long_date(jiff::civil::date(2026, 5, 1), "fr"), "1er mai 2026");
        assert_eq!(long_date(date, "xx"), "24 November 2026");
    }

    #[test]
    fn every_language_has_every_label() {
        for words in &WORDS {
            assert!(words.labels.iter().chain(&words.months).all(|text| !text.is_empty()), "{}", words.language);
        }
        assert_eq!(label("photo", "es"), Some("Foto"));
        assert_eq!(label("phot", "es"), None);
    }
}
