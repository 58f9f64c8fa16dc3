//! What stands in an article's way: skip links, image viewers, sign-up boxes, share buttons, recognised by their wording.
//!
//! The rules look at one short line at a time and know several languages. What they take is listed with its kind, so that an
//! editor can see and undo it; a sentence that only mentions a newsletter is left alone. They never remove a quotation.

/// Why something was taken out of an article.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RemovedKind {
    /// "Skip to content".
    SkipLink,
    /// "View featured image", "Open image in fullscreen".
    ImageViewer,
    /// An invitation to subscribe, its heading or its pitch.
    Signup,
    /// Buttons to share, print or copy.
    Share,
    /// A picture's caption; it is in `image` or its figure.
    Caption,
    /// A picture's credit; it is in `image` or its figure.
    Credit,
    /// The headline, said again in the body.
    Headline,
    /// The byline, said again in the body.
    Byline,
    /// "Originally published by X"; X is in `first_published`.
    Origin,
    /// "Read more: …", lists of other articles.
    Related,
    /// "Advertisement".
    Advertisement,
    /// "We use cookies".
    Consent,
    /// "Please enable JavaScript".
    Script,
}

impl RemovedKind {
    /// Its name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SkipLink => "skip_link",
            Self::ImageViewer => "image_viewer",
            Self::Signup => "signup",
            Self::Share => "share",
            Self::Caption => "caption",
            Self::Credit => "credit",
            Self::Headline => "headline",
            Self::Byline => "byline",
            Self::Origin => "origin",
            Self::Related => "related",
            Self::Advertisement => "advertisement",
            Self::Consent => "consent",
            Self::Script => "script",
        }
    }
}

/// Longer lines are never boilerplate by their wording alone, in words.
const LINE_WORDS_MAX: usize = 90;
/// A button or heading, in words.
const SHORT_WORDS_MAX: usize = 14;

/// Lines that are only this, whatever follows on the same short line.
const SKIPS: &[&str] = &[
    "skip to ",
    "jump to content",
    "jump to main",
    "jump to navigation",
    "saltar al contenido",
    "ir al contenido",
    "aller au contenu",
    "passer au contenu",
    "zum inhalt springen",
    "direkt zum inhalt",
    "zum hauptinhalt",
    "pular para o conteúdo",
    "ir para o conteúdo",
    "vai al contenuto",
    "salta al contenuto",
    "naar de inhoud",
    "ga naar de inhoud",
    "hoppa till innehåll",
    "przejdź do treści",
    "перейти к содерж",
    "içeriğe geç",
    "انتقل إلى المحتوى",
    "تخط إلى المحتوى",
    "تخطي إلى المحتوى",
    "تجاوز إلى المحتوى",
    "الانتقال إلى المحتوى",
    "跳到内容",
    "跳至内容",
    "跳到正文",
    "跳转到内容",
    "跳到主要内容",
    "跳至主要內容",
    "コンテンツへスキップ",
    "본문 바로가기",
];
const VIEWERS: &[&str] = &[
    "view featured image",
    "view image in fullscreen",
    "open image in fullscreen",
    "view image gallery",
    "view larger image",
    "view full size image",
    "view fullscreen",
    "open image in lightbox",
    "open image in gallery",
    "enlarge image",
    "expand image",
    "click to enlarge",
    "tap to enlarge",
    "enlarge this image",
    "click here to view image",
    "toggle caption",
    "hide caption",
    "show caption",
    "ver imagen destacada",
    "ver imagen más grande",
    "ampliar imagen",
    "voir l’image",
    "voir l'image",
    "agrandir l’image",
    "agrandir l'image",
    "bild vergrößern",
    "bild in vollbild",
    "ampliar foto",
    "عرض الصورة",
    "تكبير الصورة",
    "查看大图",
    "点击查看大图",
];
const ADVERTISEMENTS: &[&str] = &[
    "advertisement",
    "advertisements",
    "advertising",
    "sponsored",
    "sponsored content",
    "ad",
    "ads by google",
    "story continues below advertisement",
    "article continues below advertisement",
    "article continues after advertisement",
    "article continues below",
    "publicidad",
    "publicité",
    "anzeige",
    "werbung",
    "pubblicità",
    "advertentie",
    "reklama",
    "реклама",
    "إعلان",
    "广告",
    "廣告",
];
const SCRIPTS: &[&str] = &[
    "please enable javascript",
    "javascript is disabled",
    "this site requires javascript",
    "enable javascript to",
    "your browser does not support",
];
const CONSENTS: &[&str] = &[
    "we use cookies",
    "this site uses cookies",
    "this website uses cookies",
    "utilizamos cookies",
    "nous utilisons des cookies",
    "wir verwenden cookies",
    "cookie settings",
    "accept all cookies",
];
const RELATED: &[&str] = &[
    "read more:",
    "read also:",
    "also read:",
    "read next:",
    "related:",
    "related articles",
    "related stories",
    "related posts",
    "related content",
    "recommended for you",
    "you may also like",
    "you might also like",
    "more from ",
    "see also:",
    "leer más:",
    "lea también:",
    "lee también:",
    "te puede interesar",
    "lire aussi",
    "à lire aussi",
    "mehr zum thema",
    "lesen sie auch",
    "leia também",
    "leia mais:",
    "leggi anche",
    "lees ook",
    "اقرأ أيضا",
    "اقرأ أيضاً",
    "إقرأ أيضا",
    "مواضيع ذات صلة",
    "相关阅读",
    "相关新闻",
    "延伸阅读",
];

/// How an invitation begins.
const INVITES: &[&str] = &[
    "sign up",
    "subscribe",
    "join our",
    "join the",
    "get our",
    "get the",
    "receive our",
    "newsletter",
    "never miss",
    "don’t miss",
    "don't miss",
    "suscríbete",
    "suscríbase",
    "inscrivez-vous",
    "abonnez-vous",
    "recevez",
    "newsletter abonnieren",
    "jetzt abonnieren",
    "melden sie sich",
    "assine",
    "inscreva-se",
    "iscriviti",
    "schrijf je in",
    "meld je aan",
    "اشترك",
    "سجل في",
    "订阅",
    "訂閱",
];
/// What it invites to.
const LETTERS: &[&str] = &[
    "newsletter",
    "digest",
    "mailing list",
    "email list",
    "e-mail list",
    "email update",
    "email alert",
    "inbox",
    "our email",
    "daily email",
    "weekly email",
    "boletín",
    "boletim",
    "infolettre",
    "lettre d’information",
    "lettre d'information",
    "nieuwsbrief",
    "نشرتنا",
    "النشرة البريدية",
    "نشرة بريدية",
    "邮件",
    "通讯",
    "电子报",
    "電子報",
];
/// Words by which the outlet speaks of itself or to the reader: what tells an invitation from a report about one.
const OURS: &[&str] = &[
    "our",
    "your inbox",
    "your e-mail",
    "your email",
    "us",
    "nuestro",
    "nuestra",
    "nuestros",
    "tu correo",
    "notre",
    "nos",
    "unser",
    "unsere",
    "unseren",
    "unserem",
    "nossa",
    "nosso",
    "nostra",
    "onze",
    "نشرتنا",
    "我们",
    "本报",
    "本站",
];

const SHARE_WORDS: &[&str] = &[
    "share",
    "shares",
    "sharing",
    "tweet",
    "facebook",
    "twitter",
    "x",
    "whatsapp",
    "telegram",
    "email",
    "e-mail",
    "mail",
    "print",
    "copy",
    "link",
    "url",
    "linkedin",
    "reddit",
    "pinterest",
    "pocket",
    "flipboard",
    "bluesky",
    "mastodon",
    "threads",
    "instagram",
    "messenger",
    "tumblr",
    "viber",
    "vk",
    "line",
    "weibo",
    "wechat",
    "gift",
    "save",
    "bookmark",
    "compartir",
    "comparte",
    "imprimir",
    "copiar",
    "enlace",
    "partager",
    "imprimer",
    "copier",
    "lien",
    "teilen",
    "drucken",
    "kopieren",
    "compartilhar",
    "condividi",
    "stampa",
    "delen",
    "udostępnij",
    "поделиться",
    "paylaş",
    "شارك",
    "مشاركة",
    "طباعة",
    "分享",
    "分享到",
    "打印",
    "コピー",
    "シェア",
];
const SHARE_FILLERS: &[&str] = &[
    "this", "on", "via", "by", "to", "the", "a", "with", "article", "story", "post", "page", "friend", "friends", "en",
    "por", "sur", "par", "auf", "per", "su", "em", "no", "op", "في", "عبر", "على", "or", "and", "now", "icon", "opens",
    "in", "new", "window", "click", "logo",
];

/// What a line of a page is, when its wording says that it is not the article.
pub(crate) fn kind(line: &str) -> Option<RemovedKind> {
    let line = line.trim();
    let words = line.split_whitespace().count();
    if line.is_empty() || words > LINE_WORDS_MAX || is_quotation(line) {
        return None;
    }
    let lower = line.to_lowercase();
    let bare = lower.trim_matches(|c: char| !c.is_alphanumeric());
    let short = words <= SHORT_WORDS_MAX;
    let opens = |list: &[&str]| list.iter().any(|opening| bare.starts_with(opening));
    let ends = line.ends_with(['.', '!', '?', '。']);
    match () {
        () if short && !ends && opens(SKIPS) => Some(RemovedKind::SkipLink),
        () if short && opens(VIEWERS) => Some(RemovedKind::ImageViewer),
        () if ADVERTISEMENTS.contains(&bare) => Some(RemovedKind::Advertisement),
        () if opens(SCRIPTS) => Some(RemovedKind::Script),
        () if opens(CONSENTS) => Some(RemovedKind::Consent),
        () if is_signup(&lower, bare, short) => Some(RemovedKind::Signup),
        () if short && is_share(bare) => Some(RemovedKind::Share),
        () if words <= 30 && opens(RELATED) => Some(RemovedKind::Related),
        () => None,
    }
}

fn is_quotation(line: &str) -> bool {
    line.starts_with(['"', '“', '„', '«', '「', '‘', '\''])
}

/// An invitation to subscribe: it begins as one, or says somewhere to sign up for what is ours.
fn is_signup(lower: &str, bare: &str, short: bool) -> bool {
    const CALLS: &[&str] = &["sign up for our", "sign up to our", "subscribe to our", "join our", "get our"];
    const DELIVERED: &[&str] = &["to your inbox", "in your inbox"];
    const ASKED: &[&str] = &["sign up", "subscribe", "newsletter"];
    const FIELDS: &[&str] =
        &["enter your email", "your email address", "email address", "subscribe now", "subscribe today", "sign up now"];
    let said = spaced_words(lower);
    let says = |list: &[&str]| list.iter().any(|word| says_word(&said, word));
    let opens = INVITES.iter().any(|opening| bare.starts_with(opening));
    (says(LETTERS) && ((opens && (short || says(OURS))) || says(CALLS) || (says(DELIVERED) && says(ASKED))))
        || (short && FIELDS.contains(&bare))
}

/// Words parted by single spaces, with one at each end, so that " digest " is not found in "digestive".
fn spaced_words(lower: &str) -> String {
    let apart = |c: char| if c.is_alphanumeric() || matches!(c, '\'' | '’' | '-') { c } else { ' ' };
    let text: String = lower.chars().map(apart).collect();
    format!(" {} ", text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Whether words hold a word or phrase, also with a plural's "s"; scripts without spaces are searched as they stand.
fn says_word(said: &str, word: &str) -> bool {
    let word = word.trim();
    if !word.is_ascii() {
        return said.contains(word);
    }
    said.contains(&format!(" {word} ")) || said.contains(&format!(" {word}s "))
}

/// The pitch under a sign-up heading: short, and about mail.
pub(crate) fn is_pitch(line: &str) -> bool {
    const WORDS_MAX: usize = 60;
    const ABOUT: &[&str] = &["email", "e-mail", "inbox", "newsletter", "digest", "subscribe", "sign up"];
    let said = spaced_words(&line.to_lowercase());
    line.split_whitespace().count() <= WORDS_MAX
        && !is_quotation(line)
        && ABOUT.iter().any(|word| says_word(&said, word))
}

/// Nothing but share words, at least one of which is unmistakable.
fn is_share(bare: &str) -> bool {
    const UNMISTAKABLE: &[&str] = &[
        "share",
        "tweet",
        "facebook",
        "twitter",
        "whatsapp",
        "telegram",
        "print",
        "linkedin",
        "compartir",
        "partager",
        "teilen",
        "compartilhar",
        "condividi",
        "شارك",
        "مشاركة",
        "分享",
        "分享到",
    ];
    let words: Vec<&str> = bare
        .split(|c: char| c.is_whitespace() || matches!(c, '|' | '/' | ',' | '·' | ':' | '(' | ')'))
        .filter(|word| !word.is_empty())
        .collect();
    let all = words
        .iter()
        .all(|word| SHARE_WORDS.contains(word) || SHARE_FILLERS.contains(word) || word.parse::<u32>().is_ok());
    all && words.iter().any(|word| UNMISTAKABLE.contains(word))
}

/// Class and id words by which pages mark what is not the article.
pub(crate) fn kind_of_mark(mark: &str) -> Option<RemovedKind> {
    const MARKS: &[(&str, RemovedKind)] = &[
        ("skip-link", RemovedKind::SkipLink),
        ("skip-to-content", RemovedKind::SkipLink),
        ("skiplink", RemovedKind::SkipLink),
        ("newsletter", RemovedKind::Signup),
        ("signup", RemovedKind::Signup),
        ("sign-up", RemovedKind::Signup),
        ("mailchimp", RemovedKind::Signup),
        ("mc4wp", RemovedKind::Signup),
        ("subscribe-box", RemovedKind::Signup),
        ("subscribe-form", RemovedKind::Signup),
        ("subscription-form", RemovedKind::Signup),
        ("sharedaddy", RemovedKind::Share),
        ("addtoany", RemovedKind::Share),
        ("share-buttons", RemovedKind::Share),
        ("social-share", RemovedKind::Share),
        ("share-links", RemovedKind::Share),
        ("sharing-buttons", RemovedKind::Share),
        ("share-tools", RemovedKind::Share),
        ("sharetools", RemovedKind::Share),
        ("social-links", RemovedKind::Share),
        ("article-share", RemovedKind::Share),
        ("post-share", RemovedKind::Share),
        ("related-posts", RemovedKind::Related),
        ("related-articles", RemovedKind::Related),
        ("related-stories", RemovedKind::Related),
        ("jp-relatedposts", RemovedKind::Related),
        ("recommended-posts", RemovedKind::Related),
        ("cookie-banner", RemovedKind::Consent),
        ("cookie-notice", RemovedKind::Consent),
        ("cookie-consent", RemovedKind::Consent),
        ("advertisement", RemovedKind::Advertisement),
    ];
    let mark = mark.to_ascii_lowercase().replace('_', "-");
    MARKS.iter().find(|(word, _)| mark.contains(word)).map(|(_, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boilerplate_is_told_by_its_wording() {
        let cases = [
            ("Skip to content", RemovedKind::SkipLink),
            ("Skip to main navigation", RemovedKind::SkipLink),
            ("انتقل إلى المحتوى", RemovedKind::SkipLink),
            ("跳至内容", RemovedKind::SkipLink),
            ("View Featured Image", RemovedKind::ImageViewer),
            ("[ Open image in fullscreen ]", RemovedKind::ImageViewer),
            ("Sign Up To Our Harbour Letter newsletter", RemovedKind::Signup),
            ("Subscribe to our newsletter.", RemovedKind::Signup),
            (
                "Small papers depend on their readers. Sign up for our weekly email digest so that no ship leaves without you.",
                RemovedKind::Signup,
            ),
            ("Suscríbete a nuestro boletín", RemovedKind::Signup),
            ("اشترك في نشرتنا البريدية", RemovedKind::Signup),
            ("Share this article", RemovedKind::Share),
            ("Facebook Twitter WhatsApp Email", RemovedKind::Share),
            ("Compartir en Facebook", RemovedKind::Share),
            ("Print", RemovedKind::Share),
            ("ADVERTISEMENT", RemovedKind::Advertisement),
            ("Read more: The port opens", RemovedKind::Related),
            ("We use cookies to improve this site.", RemovedKind::Consent),
            ("Please enable JavaScript to view comments.", RemovedKind::Script),
        ];
        for (line, expected) in cases {
            assert_eq!(kind(line), Some(expected), "{line}");
        }
    }

    #[test]
    fn what_only_speaks_of_such_things_stays() {
        for line in [
            "“Sign up for our newsletter,” he told the crowd, and they laughed.",
            "The company said readers sign up for the newsletter at twice the old rate.",
            "Dockers skip to work on Mondays, and the port authority does not mind.",
            "Facebook said on Monday that it would appeal.",
            "Share prices fell by 3 percent on Monday.",
            "Email was down for three days.",
            "Advertisement spending rose.",
            "Print runs were cut in half.",
            "The inbox of the port's manager was full.",
            "By the end of this guide, a program will search the harbour's lists and send a digest to your inbox every day.",
            "Get the port open, the union said, and the rest will follow.",
            "",
        ] {
            assert_eq!(kind(line), None, "{line}");
        }
    }
}
