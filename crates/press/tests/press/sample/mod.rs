//! A small newsroom's site in five languages, invented for these tests.

pub mod xml;

use newsroom::{
    Article, ArticleId, ArticleState, Credit, Form, HOUR_MS, Licence, PictureId, PictureUse, Published, Revision,
    Topic, TopicId, Topics,
};
use press::{DayEdition, OutletView, RepublishPolicy, SignUpWords, Site, SiteView};
use prose::{Block, Document, Figure, Inline};

/// 2026-11-24 06:00 UTC: the newest story's hour.
pub const MORNING: i64 = 1_795_500_000_000;

/// Headline, standfirst, byline and first sentence of each story, by language.
type Words = (&'static str, &'static [[&'static str; 4]]);

const STORIES: [Words; 5] = [
    (
        "en",
        &[
            [
                "The ferry that nobody cancelled",
                "For nine winters it sailed with no passengers. A clerk kept the line open.",
                "Ada Quill",
                "At six the bell rings twice.",
            ],
            [
                "A bridge counts its own cars",
                "The county bought the sensors in 2019 and has now looked at them.",
                "Tom Orrery",
                "The number was 411.",
            ],
            [
                "Salt in the lower wells",
                "Two farms have stopped drawing water.",
                "Ada Quill",
                "It tastes of the sea from March.",
            ],
            ["The school that opens at noon", "Attendance rose by a fifth.", "Priya Lenn", "Nobody had asked the bus."],
            ["Night nurses get a room of their own", "With a door that shuts.", "Priya Lenn", "It has four beds."],
            [
                "What the tide gauge says",
                "Twelve centimetres in fifty years.",
                "Tom Orrery",
                "The marble scale is still read.",
            ],
            ["A library lends its ladder", "And gets it back, mostly.", "Ada Quill", "The waiting list is nine weeks."],
            ["Council to vote on the ice plant", "Third time.", "Tom Orrery", "The fishers will fill the gallery."],
            ["The choir and the compressor", "One hums, the other complains.", "Priya Lenn", "They share a wall."],
        ],
    ),
    (
        "es",
        &[
            [
                "El mercado vuelve a la plaza",
                "Tras dos años bajo techo, los puestos salen al sol.",
                "Irene Salvatierra",
                "A las siete llegó el primer carro.",
            ],
            ["Una escuela sin timbre", "Los alumnos llegan cuando acaba el pan.", "Marcos Ledesma", "No hubo ensayo."],
            ["La sal sube por el río", "Dos fincas han dejado de regar.", "Irene Salvatierra", "El agua sabe a marea."],
            [
                "Cantan las rederas",
                "Once canciones y dos versiones de cada una.",
                "Marcos Ledesma",
                "La última no está grabada.",
            ],
        ],
    ),
    (
        "fr",
        &[
            [
                "Le phare cherche un gardien",
                "Le poste est logé, l’escalier compte 212 marches.",
                "Solène Arvor",
                "La lampe est automatique, pas le reste.",
            ],
            [
                "Deux langues au tableau",
                "Une année de classe bilingue, chiffres en main.",
                "Bastien Quéré",
                "Les parents ont voté.",
            ],
            [
                "L’eau de l’ouest est bonne",
                "Trois analyses claires de suite.",
                "Solène Arvor",
                "On ne fait plus bouillir.",
            ],
            [
                "Une pièce sans auteur",
                "Le texte vient des registres du port.",
                "Bastien Quéré",
                "Quarante voix disent : rien à signaler.",
            ],
        ],
    ),
    (
        "ar",
        &[
            [
                "السوق يعود إلى الساحة",
                "بعد عامين تحت السقف خرجت البسطات إلى الشمس.",
                "سلمى الراوي",
                "وصلت أول عربة في السابعة.",
            ],
            ["مدرسة بلا جرس", "يأتي التلاميذ حين ينتهي الخبز.", "نادر الحلبي", "لم يُجرَّب ذلك من قبل."],
            ["الملح يصعد في الآبار", "توقفت مزرعتان عن السقي.", "سلمى الراوي", "للماء طعم البحر."],
            ["أغاني صانعات الشباك", "إحدى عشرة أغنية، ولكل منها روايتان.", "نادر الحلبي", "الأخيرة لم تُسجَّل."],
        ],
    ),
    (
        "zh-Hans",
        &[
            ["渡轮恢复夜航", "末班船改为晚上九点四十分。", "林望舒", "岛上的人说，终于可以看完一场戏。"],
            ["井水发咸", "两家农场已停止取水。", "周砚", "每年三月味道最重。"],
            ["图书馆出借梯子", "大多数都还了回来。", "林望舒", "等候名单排到九周以后。"],
            ["潮位标尺还在", "五十年上升十二厘米。", "周砚", "大理石上的刻度仍清晰。"],
        ],
    ),
];

/// The outlet's topics.
pub fn topics() -> Vec<Topic> {
    ["Harbour", "Schools", "Water", "Culture"]
        .into_iter()
        .zip(0..)
        .map(|(title, bit)| Topic {
            id: TopicId(i64::from(bit) + 1),
            bit,
            slug: title.to_lowercase(),
            title: title.to_owned(),
        })
        .collect()
}

/// 25 articles over four days, the first of [`articles`] the newest.
pub fn articles() -> Vec<Article> {
    let mut out = Vec::new();
    for round in 0..STORIES.iter().map(|(_, stories)| stories.len()).max().unwrap_or(0) {
        for (language, stories) in STORIES {
            if let Some(words) = stories.get(round) {
                out.push(article(out.len(), language, *words));
            }
        }
    }
    out
}

fn article(at: usize, language: &str, [title, standfirst, byline, first]: [&str; 4]) -> Article {
    let number = i64::try_from(at).expect("a small sample");
    let id = ArticleId(9_000 + number);
    let at_ms = MORNING - number * 3 * HOUR_MS;
    let republished = at.is_multiple_of(3);
    Article {
        id,
        slug: newsroom::slug(title, id),
        state: ArticleState::Published,
        form: Form::Page,
        item: None,
        published: Some(Published { at: at_ms, rank: 100 - number, source_date: None }),
        revision: Revision {
            article: id,
            number: if at.is_multiple_of(5) { 2 } else { 1 },
            title: title.to_owned(),
            standfirst: standfirst.to_owned(),
            language: language.to_owned(),
            credit: Credit {
                byline: Some(byline.to_owned()),
                picture: None,
                outlet: republished.then(|| "The Far Shore".to_owned()),
                canonical: republished.then(|| format!("https://far.example/story/{number}")),
                licence: republished
                    .then(|| Licence { url: "https://creativecommons.org/licenses/by/4.0/".to_owned() }),
            },
            picture: (at.is_multiple_of(2)).then(|| picture(number)),
            topics: if at % 7 == 6 { Topics::NONE } else { Topics::NONE.with((at % 4) as u8) },
            body: body(first).to_json(),
            made: at_ms + if at.is_multiple_of(5) { HOUR_MS } else { 0 },
        },
    }
}

fn picture(number: i64) -> PictureUse {
    PictureUse {
        picture: PictureId(number),
        alt: "A quay in the morning with one lamp still lit".to_owned(),
        caption: (number % 4 == 0).then(|| "The quay before the market.".to_owned()),
        credit: Some("Ruth Vane".to_owned()),
        width: 1200,
        height: 800,
        file: format!("{number:032x}.jpg"),
    }
}

fn body(first: &str) -> Document {
    let text = |words: &str| Block::paragraph(words);
    Document {
        blocks: vec![
            text(first),
            Block::Heading { level: 2, inlines: vec![Inline::text("§")] },
            Block::Paragraph {
                inlines: vec![
                    Inline::text(first),
                    Inline::text(" "),
                    Inline::link("https://far.example/a?b=1&c=2", "→"),
                    Inline::text(" "),
                    Inline::link("/topics/harbour/", "Harbour"),
                    Inline::Emphasis { inlines: vec![Inline::text("!")] },
                ],
            },
            Block::Quote { blocks: vec![text(first)] },
            Block::List { ordered: false, items: vec![vec![text("1")], vec![text("2")]] },
            Block::Figure(Figure {
                src: "https://far.example/inside.jpg".into(),
                alt: "A map".into(),
                caption: Some("The two wells.".into()),
                credit: None,
            }),
            Block::Table { header: vec![vec![Inline::text("A")]], rows: vec![vec![vec![Inline::text("1")]]] },
            Block::Preformatted { text: "a\n  b".into() },
            Block::Rule,
            text(first),
        ],
    }
}

/// The sample site's view, in `language`.
pub fn view(language: &str) -> SiteView {
    let articles = articles();
    SiteView {
        outlet: OutletView {
            name: "The Harbour Post".into(),
            tagline: "What the coast has to know, once a day".into(),
            url: "https://post.example".into(),
            language: language.into(),
            zone: "Europe/Madrid".into(),
        },
        topics: topics(),
        blocks: Vec::new(),
        editions: vec![DayEdition {
            date: "2026-11-24".into(),
            subject: "The ferry that nobody cancelled".into(),
            line_up: articles.iter().take(3).rev().map(|article| article.id).collect(),
            lead: None,
        }],
        articles,
        sign_up: SignUpWords {
            heading: "The post at seven".into(),
            promise: "One mail a day, and it ends.".into(),
            button: "Sign me up".into(),
            privacy: "We use your address for this alone.".into(),
        },
        republished: RepublishPolicy::Canonical,
        desk: press::DeskView::default(),
    }
}

/// The sample site, in `language`.
pub fn site(language: &str) -> Site {
    Site::new(view(language)).expect("the sample's outlet is sound")
}
