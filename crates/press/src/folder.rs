//! Rendered files become a folder that is served, exported and mirrored as it lies.
//!
//! A page is written beside its place, made durable and then renamed over the old one, so that nobody ever reads half of
//! it. Each text file lies there three times: plain, `.br` and `.gz`. What did not change is not touched. A manifest
//! beside the pages (`.press/manifest.json`) says what lies there; a journal (`.press/laying`) says what was being laid
//! when the power went, so that the next laying puts it right. Nothing is ever removed that this module did not lay.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use flate2::{Compression, GzBuilder};
use serde::{Deserialize, Serialize};

use crate::{Kind, PageFile, PressError, text, theme};

/// The folder's own room: it starts with a dot, and no path of the site does.
const ROOM: &str = ".press";
const MANIFEST: &str = "manifest.json";
const JOURNAL: &str = "laying";
/// What stands behind the name of a file that is not yet in its place.
const UNFINISHED: &str = ".press-new";
/// How many pages are written before they are made durable, one after the other: the first `fsync` carries much of the
/// others' work, and no more than a batch is held in memory.
const BATCH_PAGES: usize = 32;
/// Brotli's 9 of 11: within 3 % of the smallest, several times faster; a page has to be ready when its mail leaves.
const BROTLI_QUALITY: i32 = 9;
/// 2^18 bytes hold the largest page whole.
const BROTLI_WINDOW_BITS: i32 = 18;
/// The manifest's own form.
const MANIFEST_VERSION: u32 = 1;

/// One file as it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Laid {
    /// What it is.
    pub kind: Kind,
    /// Its content's hash, from which ETags are made.
    pub hash: String,
    /// Its length in bytes, not compressed.
    pub bytes: u64,
    /// The length of its `.br`, if there is one.
    pub brotli_bytes: Option<u64>,
    /// The length of its `.gz`, if there is one.
    pub gzip_bytes: Option<u64>,
}

/// What lies in a folder, by path on the site (not percent-encoded).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    pub(crate) files: BTreeMap<String, Laid>,
}

/// What a laying did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Paths that are new or have new content.
    pub written: Vec<String>,
    /// Paths that belong to the site no more.
    pub removed: Vec<String>,
    /// How many files were as they should be.
    pub kept: usize,
    /// Pictures that pages show and nobody had the bytes of.
    pub missing: Vec<String>,
}

/// A folder of the press.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    manifest: Manifest,
    /// What an earlier laying may have left in any state.
    doubtful: BTreeSet<String>,
}

/// Pictures by file name. Read only when one does not lie there yet.
pub type Pictures<'a> = dyn FnMut(&str) -> io::Result<Option<Vec<u8>>> + 'a;

impl Manifest {
    /// The file at `path` (not percent-encoded).
    pub fn get(&self, path: &str) -> Option<&Laid> {
        self.files.get(path)
    }

    /// Every path with its file, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Laid)> {
        self.files.iter().map(|(path, laid)| (path.as_str(), laid))
    }

    /// Reads the manifest of a folder: what `front` serves by. An empty one when nothing has been laid yet.
    ///
    /// # Errors
    /// [`PressError::Folder`] when it is there and cannot be read.
    pub fn read(root: &Path) -> Result<Self, PressError> {
        let file = root.join(ROOM).join(MANIFEST);
        let json = match fs::read_to_string(&file) {
            Ok(json) => json,
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(fault) => return Err(failed("reading the manifest", &file, fault)),
        };
        // A manifest of another form is no fault: everything is laid anew.
        Ok(serde_json::from_str::<Written>(&json).ok().and_then(Written::manifest).unwrap_or_default())
    }
}

impl Folder {
    /// Opens a folder, new or already laid.
    ///
    /// # Errors
    /// [`PressError::Folder`] when it cannot be made or read.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, PressError> {
        let root = root.into();
        let room = root.join(ROOM);
        fs::create_dir_all(&room).map_err(|fault| failed("making the folder", &room, fault))?;
        let manifest = Manifest::read(&root)?;
        let journal = room.join(JOURNAL);
        let doubtful = match fs::read_to_string(&journal) {
            Ok(paths) => paths.lines().filter(|path| is_path(path)).map(str::to_owned).collect(),
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => BTreeSet::new(),
            Err(fault) => return Err(failed("reading the journal", &journal, fault)),
        };
        Ok(Self { root, manifest, doubtful })
    }

    /// Whether a file lies there, beyond doubt.
    pub(crate) fn holds(&self, path: &str) -> bool {
        self.manifest.files.contains_key(path) && !self.doubtful.contains(path)
    }

    /// What lies in it.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Lays the whole site: writes what changed and removes what belongs to it no more.
    ///
    /// `pictures` names the picture files that pages show (`Site::picture_files`); `fetch` is asked for those not there.
    ///
    /// # Errors
    /// [`PressError::Folder`] when a file cannot be written; what was laid before stays readable. The first error of
    /// `files` otherwise.
    pub fn lay_all(
        &mut self,
        files: impl Iterator<Item = Result<PageFile, PressError>>,
        pictures: &BTreeSet<String>,
        fetch: &mut Pictures<'_>,
    ) -> Result<Changes, PressError> {
        let mut changes = Changes::default();
        let mut belongs = self.lay_pictures(pictures, fetch, &mut changes)?;
        self.lay(files, &mut belongs, &mut changes)?;
        let gone = self.manifest.files.keys().chain(&self.doubtful).filter(|path| !belongs.contains(*path));
        changes.removed = gone.cloned().collect::<BTreeSet<_>>().into_iter().collect();
        self.finish(&changes)?;
        Ok(changes)
    }

    /// Lays some pages and takes some away: for a change that touches only them.
    ///
    /// # Errors
    /// As [`Folder::lay_all`].
    pub fn lay_some(
        &mut self,
        files: impl Iterator<Item = Result<PageFile, PressError>>,
        pictures: &BTreeSet<String>,
        fetch: &mut Pictures<'_>,
        gone: &[String],
    ) -> Result<Changes, PressError> {
        let mut changes = Changes::default();
        let mut laid = self.lay_pictures(pictures, fetch, &mut changes)?;
        self.lay(files, &mut laid, &mut changes)?;
        changes.removed = gone
            .iter()
            .filter(|path| self.manifest.files.contains_key(*path) && !laid.contains(*path))
            .cloned()
            .collect();
        self.finish(&changes)?;
        Ok(changes)
    }

    /// Pictures are named by their content: one that lies there is right.
    fn lay_pictures(
        &mut self,
        names: &BTreeSet<String>,
        fetch: &mut Pictures<'_>,
        changes: &mut Changes,
    ) -> Result<BTreeSet<String>, PressError> {
        let mut belongs = BTreeSet::new();
        for name in names {
            let path = format!("/pictures/{name}");
            let kind = Kind::of_picture(name);
            if self.holds(&path) {
                changes.kept += 1;
                belongs.insert(path);
                continue;
            }
            match (kind, fetch(name).map_err(|fault| failed("fetching the picture", Path::new(name), fault))?) {
                (Some(kind), Some(bytes)) => {
                    belongs.insert(path.clone());
                    self.write_batch(vec![PageFile { path, kind, bytes }], changes)?;
                }
                _ => changes.missing.push(name.clone()),
            }
        }
        Ok(belongs)
    }

    fn lay(
        &mut self,
        files: impl Iterator<Item = Result<PageFile, PressError>>,
        belongs: &mut BTreeSet<String>,
        changes: &mut Changes,
    ) -> Result<(), PressError> {
        let mut batch = Vec::new();
        for file in files {
            let file = file?;
            assert!(is_path(&file.path), "the press makes no path such as {:?}", file.path);
            assert!(belongs.insert(file.path.clone()), "two pages at {:?}", file.path);
            if self.is_laid(&file) {
                changes.kept += 1;
                continue;
            }
            batch.push(file);
            if batch.len() == BATCH_PAGES {
                self.write_batch(std::mem::take(&mut batch), changes)?;
            }
        }
        self.write_batch(batch, changes)
    }

    fn is_laid(&self, file: &PageFile) -> bool {
        let same = |laid: &Laid| laid.kind == file.kind && laid.hash == theme::hash(&file.bytes);
        !self.doubtful.contains(&file.path) && self.manifest.get(&file.path).is_some_and(same)
    }

    /// Journal, then files beside their places, then `fsync`, then rename: a power cut at any point leaves each page whole,
    /// old or new, and its name in the journal.
    fn write_batch(&mut self, batch: Vec<PageFile>, changes: &mut Changes) -> Result<(), PressError> {
        if batch.is_empty() {
            return Ok(());
        }
        self.note(batch.iter().map(|file| file.path.as_str()))?;
        let mut unfinished: Vec<(File, PathBuf)> = Vec::new();
        let mut laid = Vec::new();
        let mut superseded = Vec::new();
        for file in &batch {
            let place = self.place(&file.path);
            let folder = place.parent().expect("every place lies below the root");
            fs::create_dir_all(folder).map_err(|fault| failed("making the folder", folder, fault))?;
            let (brotli, gzip) = if file.kind.is_text() { compressed(&file.bytes) } else { (None, None) };
            unfinished.push(begin(&place, &file.bytes)?);
            for (ending, bytes) in [("br", &brotli), ("gz", &gzip)] {
                let place = beside(&place, ending);
                match bytes {
                    Some(bytes) => unfinished.push(begin(&place, bytes)?),
                    None => superseded.push(place),
                }
            }
            let length = |bytes: &Vec<u8>| bytes.len() as u64;
            laid.push(Laid {
                kind: file.kind,
                hash: theme::hash(&file.bytes),
                bytes: length(&file.bytes),
                brotli_bytes: brotli.as_ref().map(length),
                gzip_bytes: gzip.as_ref().map(length),
            });
        }
        for (file, place) in &unfinished {
            file.sync_all().map_err(|fault| failed("making durable", place, fault))?;
        }
        let mut folders = BTreeSet::new();
        for (_, place) in &unfinished {
            let from = named(place, UNFINISHED);
            fs::rename(&from, place).map_err(|fault| failed("putting in its place", place, fault))?;
            // A folder may be new, and then its name in the one above has to last too.
            let above = place.ancestors().skip(1).take_while(|folder| folder.starts_with(&self.root));
            folders.extend(above.map(Path::to_owned));
        }
        for place in superseded {
            remove(&place)?;
        }
        // The names too must be durable before the manifest says so.
        for folder in folders {
            sync_folder(&folder)?;
        }
        for (file, laid) in batch.into_iter().zip(laid) {
            changes.written.push(file.path.clone());
            self.manifest.files.insert(file.path, laid);
        }
        Ok(())
    }

    /// The manifest is replaced only now, then what belongs no more goes, then the journal.
    fn finish(&mut self, changes: &Changes) -> Result<(), PressError> {
        let journal = self.root.join(ROOM).join(JOURNAL);
        let untouched = changes.written.is_empty() && changes.removed.is_empty() && self.doubtful.is_empty();
        if untouched && !self.manifest.files.is_empty() && self.root.join(ROOM).join(MANIFEST).exists() {
            return remove(&journal);
        }
        self.note(changes.removed.iter().map(String::as_str))?;
        for path in &changes.removed {
            self.manifest.files.remove(path);
        }
        let place = self.root.join(ROOM).join(MANIFEST);
        let (file, _) = begin(&place, Written::of(&self.manifest).as_bytes())?;
        file.sync_all().map_err(|fault| failed("making durable", &place, fault))?;
        fs::rename(named(&place, UNFINISHED), &place).map_err(|fault| failed("putting in its place", &place, fault))?;
        sync_folder(&self.root.join(ROOM))?;
        for path in &changes.removed {
            self.take_away(path)?;
        }
        remove(&journal)?;
        self.doubtful.clear();
        Ok(())
    }

    /// Writes paths into the journal, durably, before anything is done to them.
    fn note<'a>(&self, paths: impl Iterator<Item = &'a str>) -> Result<(), PressError> {
        let lines: String = paths.map(|path| format!("{path}\n")).collect();
        if lines.is_empty() {
            return Ok(());
        }
        let place = self.root.join(ROOM).join(JOURNAL);
        let append = || -> io::Result<()> {
            let mut journal = File::options().create(true).append(true).open(&place)?;
            journal.write_all(lines.as_bytes())?;
            journal.sync_all()
        };
        append().map_err(|fault| failed("writing the journal", &place, fault))
    }

    fn take_away(&self, path: &str) -> Result<(), PressError> {
        let place = self.place(path);
        for file in [place.clone(), beside(&place, "br"), beside(&place, "gz")] {
            remove(&named(&file, UNFINISHED))?;
            remove(&file)?;
        }
        // Folders left empty go too; one that is not empty refuses, and that is right.
        let mut folder = place.parent();
        while let Some(empty) = folder.filter(|folder| *folder != self.root) {
            if fs::remove_dir(empty).is_err() {
                break;
            }
            folder = empty.parent();
        }
        Ok(())
    }

    fn place(&self, path: &str) -> PathBuf {
        self.root.join(file_of(path))
    }
}

/// The folder's own room.
pub(crate) fn room(root: &Path) -> PathBuf {
    root.join(ROOM)
}

/// The file, relative to the folder, that lies at `path` of the site.
pub(crate) fn file_of(path: &str) -> PathBuf {
    let mut file: PathBuf = path.split('/').filter(|segment| !segment.is_empty()).collect();
    if path.ends_with('/') {
        file.push("index.html");
    }
    file
}

/// `index.html` and `br` make `index.html.br`.
pub(crate) fn beside(place: &Path, ending: &str) -> PathBuf {
    named(place, &format!(".{ending}"))
}

fn named(place: &Path, behind: &str) -> PathBuf {
    let mut name = place.as_os_str().to_owned();
    name.push(behind);
    PathBuf::from(name)
}

/// A path that this module may lay: from the root, each segment fit for an address and for a file.
fn is_path(path: &str) -> bool {
    let inner = path.strip_prefix('/').map(|inner| inner.strip_suffix('/').unwrap_or(inner));
    inner.is_some_and(|inner| path == "/" || inner.split('/').all(text::is_segment))
}

fn begin(place: &Path, bytes: &[u8]) -> Result<(File, PathBuf), PressError> {
    let unfinished = named(place, UNFINISHED);
    let write = || -> io::Result<File> {
        let mut file = File::create(&unfinished)?;
        file.write_all(bytes)?;
        Ok(file)
    };
    let file = write().map_err(|fault| failed("writing", &unfinished, fault))?;
    Ok((file, place.to_owned()))
}

fn remove(place: &Path) -> Result<(), PressError> {
    match fs::remove_file(place) {
        Err(fault) if fault.kind() != io::ErrorKind::NotFound => Err(failed("removing", place, fault)),
        _ => Ok(()),
    }
}

fn sync_folder(folder: &Path) -> Result<(), PressError> {
    let sync = || File::open(folder)?.sync_all();
    sync().map_err(|fault| failed("making durable", folder, fault))
}

fn failed(doing: &str, place: &Path, source: io::Error) -> PressError {
    PressError::Folder { what: format!("{doing} {}", place.display()), source }
}

/// Both compressed forms, where they are smaller. The same bytes always give the same: no time, no name.
fn compressed(bytes: &[u8]) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
    let smaller = |packed: Vec<u8>| (packed.len() < bytes.len()).then_some(packed);
    (smaller(brotli_of(bytes)), smaller(gzip_of(bytes)))
}

fn brotli_of(bytes: &[u8]) -> Vec<u8> {
    let params = brotli::enc::BrotliEncoderParams {
        quality: BROTLI_QUALITY,
        lgwin: BROTLI_WINDOW_BITS,
        size_hint: bytes.len(),
        mode: brotli::enc::backward_references::BrotliEncoderMode::BROTLI_MODE_TEXT,
        ..Default::default()
    };
    let mut out = Vec::new();
    brotli::BrotliCompress(&mut &*bytes, &mut out, &params).expect("memory takes all that is written");
    out
}

fn gzip_of(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    packer.write_all(bytes).expect("memory takes all that is written");
    packer.finish().expect("memory takes all that is written")
}

/// The manifest's form on disk: what another program could read too.
#[derive(Serialize, Deserialize)]
struct Written {
    version: u32,
    files: BTreeMap<String, WrittenFile>,
}

#[derive(Serialize, Deserialize)]
struct WrittenFile {
    kind: String,
    hash: String,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    br: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    gz: Option<u64>,
}

impl Written {
    fn of(manifest: &Manifest) -> String {
        let file = |laid: &Laid| WrittenFile {
            kind: laid.kind.name().to_owned(),
            hash: laid.hash.clone(),
            bytes: laid.bytes,
            br: laid.brotli_bytes,
            gz: laid.gzip_bytes,
        };
        let files = manifest.files.iter().map(|(path, laid)| (path.clone(), file(laid))).collect();
        let written = Self { version: MANIFEST_VERSION, files };
        serde_json::to_string_pretty(&written).expect("strings and numbers always have a JSON form") + "\n"
    }

    fn manifest(self) -> Option<Manifest> {
        if self.version != MANIFEST_VERSION {
            return None;
        }
        let laid = |file: WrittenFile| {
            let kind = Kind::named(&file.kind)?;
            Some(Laid { kind, hash: file.hash, bytes: file.bytes, brotli_bytes: file.br, gzip_bytes: file.gz })
        };
        let file = |(path, file): (String, WrittenFile)| is_path(&path).then(|| Some((path, laid(file)?)))?;
        let files: Option<BTreeMap<_, _>> = self.files.into_iter().map(file).collect();
        Some(Manifest { files: files? })
    }
}
