//! Credits as pages write them, and the names in them: "(Reuters)", "Photo by X / Y", "Above photo: X.",
//! "Originally published by X".
//!
//! A credit line is recognised by its wording alone, in the languages below; what is not recognised stays text. It never
//! supplies a name that is not written there.

/// Words that open a credit or caption line, in lower case, with what they are in: the longest first within a language.
const PHOTO_WORDS: &[&str] = &[
    // en
    "photograph",
    "photographs",
    "photos",
    "photo",
    "images",
    "image",
    "picture",
    "pictures",
    "illustration",
    "graphic",
    // es, pt, it, de, nl, pl, cs, tr
    "fotografía",
    "fotografia",
    "fotografie",
    "fotos",
    "foto",
    "fotoğraf",
    "imagen",
    "imagem",
    "immagine",
    "abbildung",
    "bild",
    "beeld",
    "zdjęcie",
    "ilustración",
    // fr
    "photographie",
    "crédits photo",
    "crédit photo",
    "image d’illustration",
    // ar, fa
    "الصورة",
    "صورة",
    "تصوير",
    "عکس",
    // zh, ja, ko
    "图片来源",
    "圖片來源",
    "图源",
    "图片",
    "圖片",
    "图",
    "圖",
    "摄影",
    "攝影",
    "写真",
    "画像",
    "사진",
    // ru, uk
    "фото",
    "фотография",
    "изображение",
];
/// Words before them.
const PLACE_WORDS: &[&str] = &[
    "above", "below", "featured", "feature", "top", "main", "lead", "cover", "header", "banner", "left", "right",
    "file", "stock", "handout",
];
/// Words after them, before the name.
const LINK_WORDS: &[&str] = &[
    "credits",
    "credit",
    "courtesy of",
    "courtesy",
    "provided by",
    "supplied by",
    "source",
    "taken by",
    "by",
    "from",
    "via",
    "de",
    "di",
    "von",
    "par",
    "por",
    "door",
    "cortesía de",
    "crédito",
    "credito",
    "créditos",
];
/// Words that may stand around the name itself.
const NAME_WORDS: &[&str] = &[
    "courtesy of",
    "courtesy",
    "credit:",
    "credits:",
    "credit",
    "photo by",
    "photograph by",
    "by",
    "via",
    "©",
    "(c)",
    "source:",
];
/// A credit that is longer is a sentence.
const CREDIT_WORDS_MAX: usize = 8;
/// Two agencies and two names.
const CREDIT_BYTES_MAX: usize = 160;

/// What a line of a page says of a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PictureLine {
    /// What the picture shows.
    pub caption: Option<String>,
    /// Who made it.
    pub credit: Option<String>,
}

/// Reads a line that announces itself as being about a picture: "Above photo: Reuters.", "Photo by A / B", "Foto: X".
pub fn picture_line(line: &str) -> Option<PictureLine> {
    let line = unwrapped(line.trim());
    let rest = after_opening(line)?;
    if rest.is_empty() {
        return None;
    }
    let (caption, credit) = match told_as_name(rest) {
        true => (None, name(rest)),
        false => match split(rest, None) {
            (Some(caption), None) => last_words(&caption),
            told => told,
        },
    };
    (caption.is_some() || credit.is_some()).then_some(PictureLine { caption, credit })
}

/// "Above photo: Dockers march on Monday. Port Agency": the last words after a full stop, when they read as a name.
fn last_words(caption: &str) -> (Option<String>, Option<String>) {
    const WORDS_MAX: usize = 5;
    let whole = || (Some(caption.to_owned()), None);
    let Some((head, tail)) = caption.trim_end_matches('.').rsplit_once(". ") else { return whole() };
    let words: Vec<&str> = tail.split_whitespace().collect();
    let capital = words.iter().all(|word| !word.starts_with(char::is_lowercase));
    if ends_in_initial(&format!("{head}.")) || words.len() > WORDS_MAX || !capital {
        return whole();
    }
    (Some(format!("{head}.")), name(tail))
}

/// Tells a caption from the credit at its end. A credit the page marked itself is taken as it is.
pub fn split(caption: &str, marked: Option<String>) -> (Option<String>, Option<String>) {
    let caption = caption.trim();
    let full = |caption: &str| (!caption.is_empty()).then(|| caption.to_owned());
    if marked.is_some() {
        return (full(caption), marked);
    }
    if let Some(rest) = after_opening(unwrapped(caption)).filter(|rest| told_as_name(rest)) {
        return (None, name(rest));
    }
    for (at, rest) in ends(caption) {
        let head = caption[..at].trim().trim_end_matches(['|', '/', '–', '—', '-', '•', '·', '(', '[']).trim_end();
        if let Some(credit) = name(rest) {
            return (full(head), Some(credit));
        }
    }
    (full(caption), None)
}

/// A credit's name without brackets, "Photo by", "©" and the final dot. `None` when nothing is left.
pub fn name(credit: &str) -> Option<String> {
    let mut name = credit.trim();
    loop {
        let before = name;
        name = unwrapped(name).trim_matches(|c: char| {
            c.is_whitespace() || matches!(c, '|' | '–' | '—' | ':' | '：' | ',' | ';' | '•' | '·')
        });
        if let Some(rest) = after_opening(name) {
            name = rest;
        }
        for word in NAME_WORDS {
            name = strip_word(name, word).unwrap_or(name);
        }
        if !ends_in_initial(name) {
            name = name.strip_suffix(['.', '。']).unwrap_or(name);
        }
        if name == before {
            break;
        }
    }
    let known = !name.is_empty() && name.len() <= CREDIT_BYTES_MAX && name.chars().any(char::is_alphabetic);
    known.then(|| name.to_owned())
}

/// The outlet in a line such as "This article was originally published by The Harbour Post."
pub fn first_published(line: &str) -> Option<String> {
    const OPENINGS: &[&str] = &[
        "originally published by",
        "originally published on",
        "originally published in",
        "originally published at",
        "first published by",
        "first published on",
        "first published in",
        "first published at",
        "originally appeared on",
        "originally appeared in",
        "originally appeared at",
        "first appeared on",
        "first appeared in",
        "republished from",
        "republished with permission from",
        "publicado originalmente por",
        "publicado originalmente en",
        "publié à l’origine par",
        "publié initialement par",
        "ursprünglich veröffentlicht von",
        "نُشر أولاً في",
        "原载于",
        "原載於",
        "本文转自",
    ];
    const TAIL_WORDS_MAX: usize = 10;
    let lower = lower_same_length(line);
    let (at, opening) = OPENINGS.iter().find_map(|opening| lower.find(opening).map(|at| (at, *opening)))?;
    // The words must open the line, after at most "This article was" in some language.
    if line[..at].split_whitespace().count() > 6 || line[..at].contains(['.', '"', '“', '«']) {
        return None;
    }
    let rest = &line[at + opening.len()..];
    let rest = rest.split([',', ';', '|', '(']).next().unwrap_or_default();
    let rest = rest.split(" and is ").next().unwrap_or_default().split(". ").next().unwrap_or_default();
    let rest = rest.trim().trim_start_matches([':', '：']).trim().trim_end_matches(['.', '。']).trim();
    let short = rest.split_whitespace().count() <= TAIL_WORDS_MAX && rest.len() <= CREDIT_BYTES_MAX;
    let named = rest.chars().next().is_some_and(|c| !c.is_lowercase() && c.is_alphanumeric());
    (short && named).then(|| rest.to_owned())
}

/// What follows "Above photo:", "Photo by" and their like at the start of a line.
fn after_opening(line: &str) -> Option<&str> {
    let mut rest = line;
    let mut placed = false;
    while let Some(after) = PLACE_WORDS.iter().find_map(|word| strip_word(rest, word)) {
        rest = after;
        placed = true;
    }
    // "Photo (above): X" and "(Photo: X)".
    rest = PHOTO_WORDS.iter().filter_map(|word| strip_word(rest, word)).min_by_key(|rest| rest.len())?;
    rest = strip_word(rest, "above").unwrap_or(rest);
    let mut linked = false;
    while let Some(after) = LINK_WORDS.iter().find_map(|word| strip_word(rest, word)) {
        rest = after;
        linked = true;
    }
    let colon = rest.strip_prefix([':', '：', '/', '©', '|', '–', '—']).map(str::trim_start);
    // "Photo by X" needs no colon; "Photo X" says nothing.
    match colon {
        Some(rest) => Some(rest),
        None if linked && rest.chars().next().is_some_and(|c| !c.is_lowercase()) => Some(rest),
        None if placed && linked => Some(rest),
        None => None,
    }
}

/// Places near the end of a caption where a credit may begin: brackets, "Photo:", "Credit:", a bar.
fn ends(caption: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let lower = lower_same_length(caption);
    let words = [
        "photo credit:",
        "photo courtesy of ",
        "photo courtesy ",
        "photograph by ",
        "photo by ",
        "photograph:",
        "photo:",
        "image credit:",
        "image:",
        "picture:",
        "credit:",
        "credits:",
        "courtesy of ",
        "foto:",
        "foto de ",
        "crédito:",
        "crédit :",
        "crédit photo :",
        "photo :",
        "©",
        "(c) ",
        "الصورة:",
        "تصوير:",
        "图片来源",
        "图：",
        "摄影：",
    ];
    for word in words {
        if let Some(at) = lower.rfind(word).filter(|&at| starts_apart(caption, at)) {
            found.push((at, &caption[at..]));
        }
    }
    if let Some(open) = caption.trim_end_matches('.').strip_suffix(')').and_then(|head| head.rfind('(')) {
        let inside = caption[open..].trim_end_matches('.').trim_start_matches('(').trim_end_matches(')');
        if bracket_is_credit(inside) {
            found.push((open, inside));
        }
    }
    if let Some(at) = caption.rfind(" | ") {
        found.push((at, &caption[at + 3..]));
    }
    found.retain(|(at, rest)| *at > 0 && rest.split_whitespace().count() <= CREDIT_WORDS_MAX + 3);
    found.sort_by_key(|(at, _)| *at);
    found
}

fn starts_apart(caption: &str, at: usize) -> bool {
    caption[..at].chars().next_back().is_none_or(|c| !c.is_alphanumeric())
}

/// "(AP Photo/Ana Ruiz)", "(Reuters)" are credits; "(left)", "(1932-2004)" are not.
fn bracket_is_credit(inside: &str) -> bool {
    const AGENCIES: &[&str] = &[
        "reuters",
        "afp",
        "ap",
        "epa",
        "getty",
        "dpa",
        "efe",
        "xinhua",
        "anadolu",
        "ansa",
        "tass",
        "shutterstock",
        "wikimedia",
        "flickr",
        "unsplash",
        "pixabay",
        "alamy",
        "bloomberg",
        "upi",
        "pa",
        "zuma",
        "sipa",
        "polaris",
        "imago",
        "wire",
        "images",
    ];
    let lower = inside.to_lowercase();
    if after_opening(inside).is_some()
        || lower.starts_with("credit")
        || lower.starts_with("courtesy")
        || lower.contains("photo by")
        || lower.contains("photo/")
    {
        return true;
    }
    let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.len() <= CREDIT_WORDS_MAX && words.iter().any(|word| AGENCIES.contains(word))
}

/// Short, and not a sentence: what follows "Photo:" is then who made it.
fn told_as_name(rest: &str) -> bool {
    let words: Vec<&str> = rest.split_whitespace().collect();
    let inner = &words[..words.len().saturating_sub(1)];
    let sentence = inner.iter().any(|word| word.ends_with(['.', '?', '!']) && !ends_in_initial(word))
        || rest.trim_end_matches('。').contains(['。', '，']);
    // A name's words start in capitals or are tiny ("Agencia de Prensa"); Chinese and Arabic have none.
    let common = words.iter().filter(|word| word.starts_with(char::is_lowercase) && word.chars().count() > 3).count();
    let wide = rest.chars().filter(|&c| c as u32 >= 0x3000).count();
    words.len() <= CREDIT_WORDS_MAX && !sentence && common <= 1 && wide <= 16
}

fn ends_in_initial(name: &str) -> bool {
    let Some(head) = name.strip_suffix('.') else { return false };
    let word = head.rsplit([' ', '/']).next().unwrap_or_default();
    word.chars().count() == 1 || word.contains('.') || matches!(word, "Jr" | "Sr" | "Inc" | "Ltd" | "Co")
}

/// Without the brackets around all of it.
fn unwrapped(text: &str) -> &str {
    for (open, close) in [('(', ')'), ('[', ']'), ('（', '）')] {
        let inner = text.trim_end_matches('.').strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
        if let Some(inner) = inner.filter(|inner| !inner.contains(open)) {
            return inner.trim();
        }
    }
    text
}

/// `text` after `word` at its start, whatever its case, if the word ends there.
fn strip_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let mut rest = text.chars();
    for expected in word.chars() {
        let found = rest.next()?;
        if !found.to_lowercase().eq(expected.to_lowercase()) {
            return None;
        }
    }
    let rest = rest.as_str();
    let ends = rest.chars().next().is_none_or(|c| !c.is_alphanumeric())
        || !word.is_ascii() && word.chars().any(|c| c as u32 >= 0x3000);
    let ends = ends || word.ends_with([':', '©', ')']);
    ends.then(|| rest.trim_start())
}

/// Lower case where that keeps every character's length, so that places found in it are places in the original.
fn lower_same_length(text: &str) -> String {
    let lower = |c: char| {
        let mut lowered = c.to_lowercase();
        match (lowered.next(), lowered.next()) {
            (Some(one), None) if one.len_utf8() == c.len_utf8() => one,
            _ => c,
        }
    };
    text.chars().map(lower).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> (Option<String>, Option<String>) {
        picture_line(text).map(|line| (line.caption, line.credit)).unwrap_or_default()
    }

    fn told(caption: &str, credit: &str) -> (Option<String>, Option<String>) {
        let full = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        (full(caption), full(credit))
    }

    #[test]
    fn a_line_about_a_picture_is_recognised_by_its_wording() {
        assert_eq!(line("Above photo: Reuters."), told("", "Reuters"));
        assert_eq!(line("Photo by Ana Ruiz / Port Agency"), told("", "Ana Ruiz / Port Agency"));
        assert_eq!(line("(Photo: J. R. Smith)"), told("", "J. R. Smith"));
        assert_eq!(line("Featured image courtesy of Harbour Post."), told("", "Harbour Post"));
        assert_eq!(line("Foto: Ana Ruiz"), told("", "Ana Ruiz"));
        assert_eq!(line("Crédit photo : Luc Petit"), told("", "Luc Petit"));
        assert_eq!(line("صورة: وكالة الميناء"), told("", "وكالة الميناء"));
        assert_eq!(line("图片来源：港口社"), told("", "港口社"));
        assert_eq!(
            line("Above photo: Dockers march through the rain on Monday. Ana Ruiz/Port Agency."),
            told("Dockers march through the rain on Monday.", "Ana Ruiz/Port Agency")
        );
    }

    #[test]
    fn a_sentence_about_photos_is_not_a_credit() {
        for text in [
            "Photo evidence was presented on Monday.",
            "Images of the harbour spread quickly.",
            "Above all, the port must open.",
            "Picture this: a port without ships.",
            "Photographs by the dozen lay on the table.",
            "Foto auf dem Tisch",
        ] {
            let told = line(text);
            assert!(told == (None, None) || text.starts_with("Photographs"), "{text}: {told:?}");
        }
    }

    #[test]
    fn a_caption_keeps_its_words_and_gives_up_its_credit() {
        assert_eq!(
            split("The crane at dawn. (AP Photo/Ana Ruiz)", None),
            told("The crane at dawn.", "AP Photo/Ana Ruiz")
        );
        assert_eq!(split("The crane at dawn. Photo: Ana Ruiz/EFE", None), told("The crane at dawn.", "Ana Ruiz/EFE"));
        assert_eq!(split("The crane (left) at dawn", None), told("The crane (left) at dawn", ""));
        assert_eq!(split("The crane | Reuters", None), told("The crane", "Reuters"));
        assert_eq!(split("The crane © Ana Ruiz", None), told("The crane", "Ana Ruiz"));
        assert_eq!(split("Ana Ruiz (1932-2004)", None), told("Ana Ruiz (1932-2004)", ""));
        assert_eq!(split("The crane", Some("Ana".into())), told("The crane", "Ana"));
        assert_eq!(split("Photo: Reuters", None), told("", "Reuters"));
    }

    #[test]
    fn a_name_is_told_once_and_stays_told() {
        for (credit, expected) in [
            ("(Reuters)", "Reuters"),
            ("Photo credit: © Ana Ruiz.", "Ana Ruiz"),
            ("Courtesy of the Port", "the Port"),
            ("J. Smith Jr.", "J. Smith Jr."),
        ] {
            assert_eq!(name(credit).as_deref(), Some(expected));
            assert_eq!(name(expected).as_deref(), Some(expected));
        }
        assert_eq!(name(" () "), None);
    }

    #[test]
    fn a_republished_article_names_where_it_first_stood() {
        let told = |line| first_published(line);
        assert_eq!(
            told("This article was originally published by The Harbour Post.").as_deref(),
            Some("The Harbour Post")
        );
        assert_eq!(told("Originally published on Port Watch, 3 May.").as_deref(), Some("Port Watch"));
        assert_eq!(told("Publicado originalmente en El Puerto").as_deref(), Some("El Puerto"));
        assert_eq!(told("The book was originally published in many languages."), None);
        assert_eq!(told("“It was first published by Knopf,” she said."), None);
        assert_eq!(told("原载于港口报").as_deref(), Some("港口报"));
    }
}
