//! The form of an article: what it holds, what is read back from it, and what is wrong with that.

use gather::{PIXELS_MAX, PictureFault, SIDE_MAX};
use newsroom::{Article, ArticleId, Credit, Licence, Ms, PictureId, PictureUse, Revision, Topics};
use prose::Document;
use serde::Serialize;
use store::{Write, pictures};

use crate::door::{Hall, Visit};
use crate::form::Fields;
use crate::problem::Trouble;
use crate::rooms::articles::bare::bare;

/// Lengths of fields, in characters (ASVS V2.2.1): generous for a newsroom, and no field is without one.
const TITLE_CHARS_MAX: usize = 300;
const STANDFIRST_CHARS_MAX: usize = 1_500;
const LINE_CHARS_MAX: usize = 300;
const ADDRESS_CHARS_MAX: usize = 2_000;
const CAPTION_CHARS_MAX: usize = 1_000;

/// What the form of an article holds.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Form {
    /// The revision that it came from; a save goes over this one.
    pub(super) base: i64,
    /// The revision whose blocks kept lines mean.
    pub(super) kept: i64,
    pub(super) title: String,
    standfirst: String,
    body: String,
    byline: String,
    outlet: String,
    canonical: String,
    licence: String,
    language: String,
    topics: i64,
    picture: Option<PictureForm>,
    /// What is said of the picture: kept also while there is none, so that a picture that is refused takes no words along.
    alt: String,
    caption: String,
    picture_credit: String,
}

#[derive(Clone, Debug, Serialize)]
struct PictureForm {
    id: String,
    file: String,
    width: u32,
    height: u32,
}

impl From<pictures::Picture> for PictureForm {
    fn from(kept: pictures::Picture) -> Self {
        Self { id: kept.id.to_string(), file: kept.file, width: kept.width, height: kept.height }
    }
}

/// What was typed, read.
pub(super) struct Typed {
    pub(super) form: Form,
    pub(super) document: Document,
    pub(super) faults: Vec<String>,
}

impl Form {
    /// For a new article.
    pub(super) fn blank(language: &str) -> Self {
        Self { language: language.to_owned(), ..Self::default() }
    }

    /// For a revision.
    pub(super) fn of(revision: &Revision) -> Self {
        let credit = &revision.credit;
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let body = Document::from_json(&revision.body).unwrap_or_default();
        let picture = revision.picture.as_ref();
        Self {
            base: revision.number,
            kept: revision.number,
            title: revision.title.clone(),
            standfirst: revision.standfirst.clone(),
            body: body.to_manuscript(),
            byline: text(&credit.byline),
            outlet: text(&credit.outlet),
            canonical: text(&credit.canonical),
            licence: credit.licence.as_ref().map(|licence| licence.url.clone()).unwrap_or_default(),
            language: revision.language.clone(),
            topics: revision.topics.raw(),
            picture: picture.map(|picture| PictureForm {
                id: picture.picture.to_string(),
                file: picture.file.clone(),
                width: picture.width,
                height: picture.height,
            }),
            alt: picture.map(|picture| picture.alt.clone()).unwrap_or_default(),
            caption: picture.map(|picture| text(&picture.caption)).unwrap_or_default(),
            picture_credit: picture.map_or_else(|| text(&credit.picture), |picture| text(&picture.credit)),
        }
    }

    /// The same text, to be saved over another revision.
    pub(super) fn over(self, base: i64) -> Self {
        Self { base, ..self }
    }

    pub(super) fn topics(&self) -> Topics {
        Topics::from_raw(self.topics)
    }

    /// The revision that this form makes.
    pub(super) fn revision(&self, article: ArticleId, number: i64, now: Ms, body: &Document) -> Revision {
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let picture = self.picture.as_ref().map(|picture| PictureUse {
            picture: PictureId(picture.id.parse().expect("only pictures that are kept come here")),
            alt: self.alt.clone(),
            caption: some(&self.caption),
            credit: some(&self.picture_credit),
            width: picture.width,
            height: picture.height,
            file: picture.file.clone(),
        });
        Revision {
            article,
            number,
            title: self.title.clone(),
            standfirst: self.standfirst.clone(),
            language: self.language.clone(),
            credit: Credit {
                byline: some(&self.byline),
                outlet: some(&self.outlet),
                canonical: some(&self.canonical),
                licence: some(&self.licence).map(|url| Licence { url }),
                picture: some(&self.picture_credit).filter(|_| self.picture.is_none()),
            },
            picture,
            topics: self.topics(),
            body: body.to_json(),
            made: now,
        }
    }
}

/// Reads the form of an article; `before` is the article it came from. A picture that came with it is kept at once, so that
/// it is still there when something else is wrong.
pub(super) async fn read(hall: &Hall, visit: &mut Visit, before: Option<&Article>) -> Result<Typed, Trouble> {
    let picture = visit.sent.picture.take();
    let fields = &visit.sent.fields;
    let mut faults = Vec::new();
    let mut form = typed(fields, &mut faults);
    form.picture = kept_picture(hall, fields).await?;
    if let Some(bytes) = picture {
        match keep_picture(hall, bytes.to_vec()).await? {
            Ok(kept) => form.picture = Some(kept.into()),
            Err(fault) => faults.push(fault),
        }
    }
    let (text, kept) = (form.body.clone(), form.kept);
    let source = match before {
        Some(article) => {
            let id = article.id;
            hall.desk.store.read(move |tx| desk::write::document_of(tx, id, kept)).await?
        }
        None => Document::default(),
    };
    // A long text is read off the threads that answer others.
    let document = hall.desk.world.compute(move || Document::from_manuscript(&text, &source)).await;
    let document = document.unwrap_or_else(|fault| {
        faults.push(format!("The text cannot be kept as it is: {fault}."));
        Document::default()
    });
    Ok(Typed { form, document, faults })
}

fn typed(fields: &Fields, faults: &mut Vec<String>) -> Form {
    let topics = fields.all("topic").filter_map(|bit| bit.parse::<u8>().ok()).filter(|bit| *bit < newsroom::TOPICS_MAX);
    let form = Form {
        base: fields.one("base").parse().unwrap_or(0),
        kept: fields.one("kept_from").parse().unwrap_or(0),
        title: line(fields, "title", TITLE_CHARS_MAX, faults),
        standfirst: line(fields, "standfirst", STANDFIRST_CHARS_MAX, faults),
        body: fields.one("body").replace("\r\n", "\n"),
        byline: line(fields, "byline", LINE_CHARS_MAX, faults),
        outlet: line(fields, "outlet", LINE_CHARS_MAX, faults),
        canonical: line(fields, "canonical", ADDRESS_CHARS_MAX, faults),
        licence: line(fields, "licence", ADDRESS_CHARS_MAX, faults),
        language: line(fields, "language", 35, faults),
        topics: topics.collect::<Topics>().raw(),
        picture: None,
        alt: line(fields, "alt", CAPTION_CHARS_MAX, faults),
        caption: line(fields, "caption", CAPTION_CHARS_MAX, faults),
        picture_credit: line(fields, "picture_credit", LINE_CHARS_MAX, faults),
    };
    for (name, address) in [("The original's address", &form.canonical), ("The licence's address", &form.licence)] {
        if !address.is_empty() && !is_web(address) {
            faults.push(format!("{name} is no web address: it begins with https://."));
        }
    }
    if !is_language(&form.language) {
        faults.push("Choose the article's language: a tag such as en, ar or zh-Hant.".to_owned());
    }
    form
}

fn is_web(address: &str) -> bool {
    prose::link::absolute(address).is_some_and(|url| url.scheme() != "mailto")
}

fn is_language(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let first =
        parts.next().is_some_and(|part| (2..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphabetic()));
    first && parts.all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// A field's text on one line, blanks joined and control characters gone.
fn line(fields: &Fields, name: &str, chars_max: usize, faults: &mut Vec<String>) -> String {
    let text = fields.one(name).split_whitespace().collect::<Vec<_>>().join(" ");
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    if text.chars().count() > chars_max {
        faults.push(format!("The {} is longer than {chars_max} characters.", name.replace('_', " ")));
    }
    text
}

/// The picture that the form had already: by its id alone; its size and its file are the store's to say.
async fn kept_picture(hall: &Hall, fields: &Fields) -> Result<Option<PictureForm>, Trouble> {
    if fields.has("drop_picture") {
        return Ok(None);
    }
    let Ok(id) = fields.one("picture_id").parse::<PictureId>() else { return Ok(None) };
    let kept = hall.desk.store.read(move |tx| pictures::by_id(tx, id)).await?;
    Ok(kept.map(PictureForm::from))
}

/// Why a picture was not taken, and what to do.
fn picture_words(fault: PictureFault) -> String {
    match fault {
        PictureFault::Pixels => format!(
            "The picture was not taken: it has more than {} million pixels, or a side longer than {},000. Save it with 4,000 \
             pixels on its longer side, and choose it again.",
            PIXELS_MAX / 1_000_000,
            SIDE_MAX / 1_000
        ),
        PictureFault::Format => {
            "The picture was not taken: it is no JPEG, PNG, GIF or WebP, whatever its name says. Save it \
                                 as one of these, and choose it again."
                .to_owned()
        }
        PictureFault::Bytes | PictureFault::Damaged | PictureFault::Small => {
            format!("The picture was not taken. {fault}")
        }
    }
}

/// Keeps a picture that a member chose, or says what is wrong with it. Its first bytes say what it is and how large, before
/// anything is decoded; the name it has on the member's machine is never used.
async fn keep_picture(hall: &Hall, bytes: Vec<u8>) -> Result<Result<pictures::Picture, String>, Trouble> {
    let looked = hall.desk.world.compute(move || {
        let picture = gather::look_at(bytes, None)?;
        // Kept without what it tells of its maker, and judged anew as what it then is.
        gather::look_at(bare(&picture.bytes, picture.format).ok_or(PictureFault::Damaged)?, None)
    });
    let looked = looked.await;
    let picture = match looked {
        Ok(picture) => picture,
        Err(fault) => return Ok(Err(picture_words(fault))),
    };
    let fresh = pictures::Picture {
        id: PictureId(hall.desk.world.mint()),
        hash: picture.hash.to_vec(),
        file: picture.file(),
        width: picture.width,
        height: picture.height,
    };
    let kept = hall.desk.store.write(move |tx: &Write<'_>| pictures::keep(tx, &fresh, picture.bytes)).await?;
    Ok(Ok(kept))
}
