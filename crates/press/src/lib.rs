//! Articles become pages, feeds and files, and the theme that dresses them.
//!
//! Every public page is a pure function of the [`Site`]: the same articles give the same bytes, whoever asks and
//! whenever. [`render`] makes one page, [`pages_touched_by`] tells which ones an article stands on, [`folder`] lays them
//! down as files (whole, ready compressed, only those that changed), and [`serve`] finds the file a request names.
//! [`rooms`] renders the few pages that `front` answers live, in the same theme.
//!
//! Never: a script, a cookie, a third party's address, a clock, or text from outside that is not escaped or
//! [`prose::Clean`].

mod context;
mod dates;
mod feeds;
pub mod folder;
mod language;
mod linked;
mod page;
pub mod publish;
pub mod rooms;
pub mod serve;
mod site;
mod text;
mod theme;
mod words;

pub use page::{EditionsFeed, FeedFormat, Kind, Page, PageFile, pages, pages_touched_by, render, render_site};
pub use site::{DayEdition, DeskView, OutletView, RepublishPolicy, SignUpWords, Site, SiteView};

/// The site's style sheet: where it is served, and its text. For previews, which are served elsewhere.
pub fn style() -> (&'static str, &'static str) {
    (theme::style_path(), theme::style())
}

/// The content type of a picture's file, if it has a name under which the site would serve it.
pub fn picture_kind(file: &str) -> Option<&'static str> {
    context::is_picture_file(file).then(|| Kind::of_picture(file).map(Kind::content_type)).flatten()
}

/// What went wrong at the press. None of these is a reader's fault, and none leaves a half-written page behind.
#[derive(Debug, thiserror::Error)]
pub enum PressError {
    /// A template of the theme does not render: the theme has to be mended.
    #[error("the theme does not render: {0}")]
    Theme(#[from] prose::TemplateFault),
    /// An article's body does not read as a document: the article has to be saved anew.
    #[error("the body of article {0} does not read as a document")]
    Body(newsroom::ArticleId),
    /// A free page's text does not read as a document: it has to be saved anew.
    #[error("the text of the page {0} does not read as a document")]
    Page(String),
    /// The outlet's own settings do not make a site: its address or its time zone.
    #[error("{0}")]
    Outlet(String),
    /// The store did not answer: as its own errors say.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// Another process is publishing into the same folder and does not come to an end.
    #[error("another publisher holds the site's folder")]
    Busy,
    /// The folder could not be written or read: disk full, rights, or a failing disk.
    #[error("{what}: {source}")]
    Folder {
        /// Which file, and what was being done with it.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
}
