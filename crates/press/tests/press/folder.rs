//! The folder: whole pages, nothing rewritten in vain, nothing left behind, and right again after a power cut.

use crate::{place::Place, sample};

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read};
use std::path::Path;

use newsroom::ArticleState;
use press::folder::{Changes, Folder, Manifest};
use press::serve::{Asked, lookup};
use press::{PressError, Site, render_site};

fn picture(name: &str) -> io::Result<Option<Vec<u8>>> {
    Ok(Some(format!("picture {name}").into_bytes()))
}

fn lay(root: &Path, site: &Site) -> Changes {
    let mut folder = Folder::open(root).expect("a folder of the test's own");
    folder.lay_all(render_site(site), &site.picture_files(), &mut picture).expect("the disk takes it")
}

/// A site of some twenty pages.
fn site() -> Site {
    site_with(|_| {})
}

/// A site of more pages than are made durable together.
fn long_site(change: impl FnOnce(&mut Vec<newsroom::Article>)) -> Site {
    let mut view = sample::view("en");
    view.articles.truncate(10);
    view.topics.truncate(3);
    change(&mut view.articles);
    Site::new(view).expect("the sample's outlet is sound")
}

fn site_with(change: impl FnOnce(&mut Vec<newsroom::Article>)) -> Site {
    let mut view = sample::view("en");
    view.articles.truncate(4);
    view.topics.truncate(1);
    change(&mut view.articles);
    Site::new(view).expect("the sample's outlet is sound")
}

/// Every file below `root` with its bytes, the folder's own room left out.
fn tree(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a readable folder") {
            let path = entry.expect("a readable entry").path();
            let name = path.strip_prefix(root).expect("below the root").to_string_lossy().into_owned();
            match path.is_dir() {
                true if name == ".press" => {}
                true => folders.push(path),
                false => drop(files.insert(name, fs::read(path).expect("a readable file"))),
            }
        }
    }
    files
}

#[test]
fn a_site_lies_ready_in_three_forms_that_say_the_same() {
    let root = Place::new("three_forms");
    lay(&root, &site());
    let files = tree(&root);
    let plain = &files["index.html"];
    let mut brotli = Vec::new();
    brotli::BrotliDecompress(&mut &files["index.html.br"][..], &mut brotli).expect("it unpacks");
    let mut gzip = Vec::new();
    flate2::read::GzDecoder::new(&files["index.html.gz"][..]).read_to_end(&mut gzip).expect("it unpacks");
    assert!(brotli == *plain && gzip == *plain);
    assert!(files.keys().all(|name| !name.ends_with(".press-new")), "nothing unfinished");
    assert!(files.keys().all(|name| !name.ends_with(".jpg.br")), "pictures are packed already");
}

#[test]
fn the_manifest_tells_the_length_of_every_file() {
    let root = Place::new("lengths");
    lay(&root, &site());
    let manifest = Manifest::read(&root).expect("it reads");
    for (path, _) in manifest.iter() {
        for accept in ["br", "gzip", "identity"] {
            let encoded: String =
                path.bytes().map(|byte| if byte == b'/' { "/".into() } else { format!("%{byte:02x}") }).collect();
            let found = lookup(&manifest, Asked { path: &encoded, accept_encoding: Some(accept), if_none_match: None });
            let (file, bytes) = found.file.expect("there is a body");
            assert_eq!(fs::metadata(root.join(&file)).expect("it lies there").len(), bytes, "{path} {accept}");
        }
    }
}

#[test]
fn a_second_laying_touches_nothing() {
    let root = Place::new("second");
    let first = lay(&root, &site());
    let stamp =
        |root: &Path| fs::metadata(root.join("index.html")).and_then(|file| file.modified()).expect("it lies there");
    let before = (stamp(&root), tree(&root));
    let second = lay(&root, &site());
    assert_eq!(second.written, Vec::<String>::new());
    assert_eq!((second.kept, second.removed.len()), (first.written.len(), 0));
    assert!(before == (stamp(&root), tree(&root)));
}

#[test]
fn only_what_changed_is_written_and_what_is_gone_is_removed() {
    let root = Place::new("changed");
    lay(&root, &site());
    let withdrawn = sample::articles()[0].clone();
    let changes = lay(&root, &site_with(|articles| articles[0].state = ArticleState::Withdrawn));
    assert!(changes.removed.contains(&format!("/articles/{}/", withdrawn.slug)));
    assert!(changes.written.contains(&"/".to_owned()) && !changes.written.contains(&"/robots.txt".to_owned()));
    let other = format!("/articles/{}/", sample::articles()[3].slug);
    assert!(changes.kept > 0 && !changes.written.contains(&other));
    assert!(!root.join("articles").join(&withdrawn.slug).exists(), "its folder is gone too");
    let fresh = Place::new("changed_fresh");
    lay(&fresh, &site_with(|articles| articles[0].state = ArticleState::Withdrawn));
    assert!(tree(&root) == tree(&fresh), "a folder brought up to date is a folder laid anew");
}

#[test]
fn what_the_press_did_not_lay_is_left_alone() {
    let root = Place::new("strange");
    fs::create_dir_all(root.join("articles")).expect("the test's own folder");
    fs::write(root.join("articles/mine.txt"), "mine").expect("the test's own file");
    lay(&root, &site());
    lay(&root, &site_with(Vec::clear));
    assert_eq!(fs::read_to_string(root.join("articles/mine.txt")).expect("it is still there"), "mine");
    assert!(!root.join("topics/harbour/index.html").with_extension("nothing").exists());
}

/// What a power cut can leave: the journal names a page, the page lies there in any state, the manifest is the old one.
#[test]
fn a_laying_that_was_cut_off_is_put_right_by_the_next() {
    let root = Place::new("cut_off");
    let site = site();
    lay(&root, &site);
    let whole = tree(&root);
    fs::write(root.join(".press/laying"), "/\n/articles/never-was-1/\n/../outside/\n").expect("the test's own file");
    fs::write(root.join("index.html"), "a newer page, or half of").expect("the test's own file");
    fs::remove_file(root.join("index.html.gz")).expect("the test's own file");
    fs::create_dir_all(root.join("articles/never-was-1")).expect("the test's own folder");
    fs::write(root.join("articles/never-was-1/index.html.press-new"), "half").expect("the test's own file");
    let changes = lay(&root, &site);
    assert_eq!(changes.written, ["/"]);
    assert!(tree(&root) == whole);
    assert!(!root.join(".press/laying").exists());
}

/// Cuts a laying off after each of its files in turn: the error reaches the caller, every page that lies there is whole,
/// and the next laying gives the site as if nothing had happened.
#[test]
fn a_laying_may_end_anywhere_and_every_page_stays_whole() {
    let fresh = Place::new("anywhere_fresh");
    let after = long_site(|articles| articles.iter_mut().for_each(|article| article.revision.title.push('!')));
    lay(&fresh, &after);
    let new = tree(&fresh);
    let before = long_site(|_| {});
    assert!(render_site(&before).count() > 33);
    for ends in [0, 33] {
        let root = Place::new("anywhere");
        lay(&root, &before);
        let old = tree(&root);
        let files = render_site(&after).take(ends).chain([Err(PressError::Busy)]);
        let mut folder = Folder::open(&*root).expect("a folder of the test's own");
        let fault = folder.lay_all(files, &after.picture_files(), &mut picture).expect_err("it was cut off");
        assert!(matches!(fault, PressError::Busy));
        for (name, bytes) in tree(&root) {
            assert!(old.get(&name) == Some(&bytes) || new.get(&name) == Some(&bytes), "{name} after {ends} files");
        }
        drop(folder);
        lay(&root, &after);
        assert!(tree(&root) == new, "cut off after {ends} files");
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error_and_the_old_site_stays() {
    let root = Place::new("refused");
    lay(&root, &site_with(|articles| articles.truncate(2)));
    let (old, manifest) = (tree(&root), Manifest::read(&root).expect("it reads"));
    // A file where a folder has to be: the system refuses, as it does on a full or read-only disk.
    let blocked = &sample::articles()[3].slug;
    fs::write(root.join("articles").join(blocked), "in the way").expect("the test's own file");
    let site = site();
    let mut folder = Folder::open(&*root).expect("a folder of the test's own");
    let fault = folder.lay_all(render_site(&site), &site.picture_files(), &mut picture).expect_err("it is refused");
    assert!(matches!(&fault, PressError::Folder { what, .. } if what.contains(blocked)), "{fault}");
    assert_eq!(Manifest::read(&root).expect("it reads"), manifest);
    assert!(old.iter().all(|(name, bytes)| tree(&root).get(name) == Some(bytes)));
    fs::remove_file(root.join("articles").join(blocked)).expect("the test's own file");
    lay(&root, &site);
    let fresh = Place::new("refused_fresh");
    lay(&fresh, &site);
    assert!(tree(&root) == tree(&fresh));
}

#[test]
fn a_manifest_of_another_form_means_laying_anew() {
    let root = Place::new("another_form");
    lay(&root, &site());
    for form in [
        "",
        "{}",
        "{\"version\":2,\"files\":{}}",
        "{\"version\":1,\"files\":{\"/../x\":{\"kind\":\"html\",\"hash\":\"\",\"bytes\":1}}}",
    ] {
        fs::write(root.join(".press/manifest.json"), form).expect("the test's own file");
        assert_eq!(Manifest::read(&root).expect("it reads"), Manifest::default(), "{form}");
        assert!(lay(&root, &site()).kept == 0);
    }
}

#[test]
fn a_picture_nobody_has_is_named_and_harms_nothing_else() {
    let root = Place::new("missing");
    let site = site();
    let mut folder = Folder::open(&*root).expect("a folder of the test's own");
    let changes =
        folder.lay_all(render_site(&site), &site.picture_files(), &mut |_| Ok(None)).expect("the disk takes it");
    assert_eq!(changes.missing.iter().cloned().collect::<BTreeSet<_>>(), site.picture_files());
    assert!(Manifest::read(&root).expect("it reads").get("/").is_some());
    assert_eq!(lay(&root, &site).written.len(), site.picture_files().len(), "the next laying brings them");
}
