//! A page that a browser saved: its pictures lie in a folder beside it.
//!
//! Only a file below the page's own folder is ever opened: a page is a stranger's, and its author must not choose among the
//! editor's files.

use std::io::Read;
use std::path::{Path, PathBuf};

use gather::{PICTURE_BYTES_MAX, Page, Picture};
use newsroom::Problem;
use url::Url;

/// Stands for the page's own folder while links are made absolute: no such host can exist (RFC 6761 §6.4).
const FOLDER: &str = "http://saved.invalid/";

/// The lead picture of a saved page, if the page names a file in its `folder`. `None`: it names none, or none that is there.
pub fn picture(page: &Page, folder: &Path) -> Option<Result<Picture, Problem>> {
    let here = Page { url: Some(FOLDER.into()), html: page.html.clone() };
    let file = file(&here.named_picture()?, folder)?;
    Some(read(&file).and_then(|bytes| gather::look_at(bytes, None).map_err(|fault| problem(&file, &fault))))
}

/// The file that `link` names, if it is there and lies within `folder`.
fn file(link: &str, folder: &Path) -> Option<PathBuf> {
    let link = Url::parse(link).ok().filter(|link| link.as_str().starts_with(FOLDER))?;
    // As the path of a file it is decoded and free of dots and NULs.
    let path = Url::parse(&format!("file://{}", link.path())).ok()?.to_file_path().ok()?;
    let folder = folder.canonicalize().ok()?;
    let file = folder.join(path.strip_prefix("/").ok()?).canonicalize().ok()?;
    (file.starts_with(&folder) && file.is_file()).then_some(file)
}

fn read(file: &Path) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    let limit = PICTURE_BYTES_MAX as u64 + 1;
    let read = std::fs::File::open(file).and_then(|opened| opened.take(limit).read_to_end(&mut bytes));
    read.map(|_| bytes).map_err(|fault| problem(file, &fault))
}

fn problem(file: &Path, fault: &dyn std::fmt::Display) -> Problem {
    Problem::new(
        format!("The picture {} cannot be used: {fault}", file.display()),
        "The article has no picture.",
        "Put another picture there and import the page again, or add it at the desk.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first bytes of a PNG of 640 by 480: nobody decodes it here.
    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x02\x80\0\0\x01\xe0\x08\x02\0\0\0";

    #[expect(clippy::disallowed_methods, reason = "a folder of the test's own")]
    fn place(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("coranto-saved-{name}-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("page/Harbour page_files")).expect("a temporary folder");
        std::fs::write(folder.join("secret.png"), PNG).expect("a file");
        std::fs::write(folder.join("page/Harbour page_files/lead.png"), PNG).expect("a file");
        folder
    }

    fn page(picture: &str) -> Page {
        let paragraph =
            "<p>The harbour opened again on Monday, and the ferries ran on time for the first week.</p>".repeat(9);
        let html = format!(
            "<html><head><meta property=\"og:image\" content=\"{picture}\"></head>\
             <body><article><h1>Open</h1>{paragraph}</article></body></html>"
        );
        Page { url: None, html }
    }

    #[test]
    fn the_picture_beside_a_saved_page_is_taken() {
        let folder = place("beside");
        let found = picture(&page("Harbour%20page_files/lead.png"), &folder.join("page"));
        assert_eq!(found.expect("it is there").expect("it is a picture").width, 640);
        std::fs::remove_dir_all(&folder).expect("our own folder");
    }

    #[test]
    fn a_page_never_names_a_file_outside_its_folder() {
        let folder = place("outside");
        let inner = folder.join("page");
        std::os::unix::fs::symlink(folder.join("secret.png"), inner.join("link.png")).expect("a link");
        let secret = folder.join("secret.png").display().to_string();
        for named in
            ["../secret.png", "..%2fsecret.png", "%2e%2e/secret.png", "link.png", &secret, &format!("file://{secret}")]
        {
            assert!(picture(&page(named), &inner).is_none(), "{named}");
        }
        std::fs::remove_dir_all(&folder).expect("our own folder");
    }
}
