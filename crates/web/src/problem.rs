//! Why a visit cannot be answered as it was meant, and the page that says so: what happened, what it means, what to do.

use http::StatusCode;
use newsroom::Problem;

/// What went wrong in a room.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A page does not render: a defect of ours.
    #[error("a page of the desk does not render: {0}")]
    Page(#[from] prose::TemplateFault),
    /// The site's page of something does not render.
    #[error(transparent)]
    Press(#[from] press::PressError),
    /// Something that the member is told in these words.
    #[error("{1}")]
    Said(StatusCode, Problem),
}

impl Trouble {
    /// There is no such page, article, member….
    pub(crate) fn not_found() -> Self {
        Self::Said(
            StatusCode::NOT_FOUND,
            Problem::new(
                "There is nothing at this address.",
                "Nothing is broken: it may have been removed, or the address has a slip in it.",
                "Go on from the menu above.",
            ),
        )
    }

    /// What was asked makes no sense as things stand.
    pub(crate) fn refused(problem: Problem) -> Self {
        Self::Said(StatusCode::CONFLICT, problem)
    }

    /// The status and the words.
    pub(crate) fn told(self) -> (StatusCode, Problem) {
        match self {
            Self::Said(status, problem) => (status, problem),
            Self::Store(fault) => {
                tracing::error!(error = %fault, "A page of the desk could not be answered");
                let problem = match fault {
                    store::Error::Full => Problem::new(
                        "The disk that holds the newsroom is full.",
                        "This was not kept. What was kept before is safe, and readers can read on.",
                        "Make room on that disk, go back in your browser, and send it again: what you typed is still there.",
                    ),
                    _ => Problem::new(
                        "The newsroom's database does not answer.",
                        "This was not kept. What was kept before is safe, and readers can read on.",
                        "Go back in your browser and send it again in a minute: what you typed is still there.",
                    ),
                };
                (StatusCode::SERVICE_UNAVAILABLE, problem)
            }
            Self::Page(_) | Self::Press(_) => {
                tracing::error!(error = %self, "A page does not render");
                let problem = Problem::new(
                    "This page cannot be shown.",
                    "What you did before is kept; only the showing failed.",
                    "This is a defect of Coranto: please report it with what the log says.",
                );
                (StatusCode::INTERNAL_SERVER_ERROR, problem)
            }
        }
    }
}
