//! What an editor reads when a source, a page or a picture could not be had: all of it is written here.

use crate::FeedFault;
use newsroom::Problem;
use world::http::{FaultKind, FetchFault};

/// Why nothing was fetched.
pub(crate) fn fetch(fault: &FetchFault) -> Problem {
    let act = match fault.kind {
        FaultKind::Address => "Correct the address.",
        FaultKind::Private => "Give an address that anybody on the internet can open.",
        FaultKind::Unanswered => "If it lasts, open the address in a browser, or ask the outlet.",
        FaultKind::Limit => "If it lasts, look for a smaller feed of the same outlet.",
        FaultKind::Garbled => "If it lasts, tell the outlet that its server answers wrongly.",
    };
    Problem::new(&*fault.what, fault.means, act)
}

/// Why an answer was not one that can be used.
pub(crate) fn status(url: &str, status: u16) -> Problem {
    let (what, act) = match status {
        401 | 403 => ("does not let Coranto read it", "Open the address in a browser; if that works, ask the outlet."),
        404 => ("is not there", "The address may have changed: look for it on the outlet's site."),
        410 => ("is gone for good", "Remove the source, or look for a new address on the outlet's site."),
        429 => ("asks to be read less often", "Nothing: the wait is longer now."),
        500.. => ("is out of order", "Nothing, unless it lasts."),
        _ => ("gave an answer that cannot be used", "Open the address in a browser and see what it says."),
    };
    let means = if status == 410 { "It is not asked again." } else { "It is tried again later." };
    Problem::new(format!("{url} {what} (status {status})."), means, act)
}

/// Why an answer was no feed.
pub(crate) fn feed(url: &str, fault: &FeedFault) -> Problem {
    let act = match fault {
        FeedFault::Page { feeds } => match feeds.first() {
            Some(feed) => format!("The page names a feed: use {feed} as the address."),
            None => "Look on the site for the address of its feed.".to_owned(),
        },
        FeedFault::Empty => "Nothing, unless it lasts.".to_owned(),
        FeedFault::TooBig => "Look for a smaller feed of the same outlet.".to_owned(),
        FeedFault::NotAFeed => "Check the address in a browser.".to_owned(),
    };
    Problem::new(format!("{url} could not be read as a feed. {fault}"), "Nothing new comes from it.", act)
}

/// A site's robots.txt asks not to be read by programs.
pub(crate) fn robots(url: &str) -> Problem {
    let what = format!("The site of {url} asks programs not to read this page.");
    Problem::new(what, "Only what its feed says is used.", "Import the page by hand, or ask the outlet.")
}

/// A site's robots.txt could not be had.
pub(crate) fn robots_unknown(url: &str) -> Problem {
    let what =
        format!("The site of {url} does not say whether programs may read this page: its robots.txt is out of order.");
    Problem::new(what, "It is tried again later.", "Import the page by hand, if it is needed now.")
}

/// A host that has just failed to answer somebody else.
pub(crate) fn silent(host: &str) -> FetchFault {
    let what = format!("{host} did not answer a moment ago, so it was not asked again.");
    FetchFault { kind: FaultKind::Unanswered, what, means: "It is tried again later." }
}

/// A picture that cannot be used.
pub(crate) fn picture(url: &str, why: &str) -> Problem {
    Problem::new(format!("The picture {url} cannot be used. {why}"), "The article goes without it.", "Choose another.")
}

/// The page is not one.
pub(crate) fn no_page(url: &str, kind: &str) -> Problem {
    let what = format!("{url} is not a web page, but {kind}.");
    Problem::new(what, "No article can be made of it.", "Give the address of the article's page.")
}
