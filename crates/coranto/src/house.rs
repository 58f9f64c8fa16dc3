//! The newsroom's house: its folder, keys, store and settings, opened once and handed to every part.

use std::path::Path;
use std::sync::Arc;

use newsroom::{Ms, Newsletter, NewsletterId, Outlet, Problem, RelayTerms};
use post::warm_up::{Known, offset_ms};
use seal::Secret;
use store::{Store, newsletters, settings, ways};
use vault::{KeyFileFault, KeyRing, Vault};
use world::World;
use world::http::Client;

use crate::config::Config;
use crate::hold;
use crate::office::{sealed_text, unsealed};
use crate::settings::Settings;

/// An opened newsroom.
#[derive(Clone)]
pub struct House {
    /// The outside.
    pub world: World,
    /// The database.
    pub store: Store,
    /// What opens addresses.
    pub vault: Arc<Vault>,
    /// What was known before the database opened.
    pub config: Config,
    /// The settings, as they stood when it was opened.
    pub settings: Settings,
    /// The relays beside the settings' own, as they stood then.
    pub relays: Vec<RelayTerms>,
    /// What the plans of ways that warm up said then.
    pub warm_up: Known,
    /// The outlet's main newsletter.
    pub newsletter: Newsletter,
    /// Reads what others publish; one for all rounds, so that it remembers its manners.
    pub gatherer: gather::Gatherer,
}

/// The folder of the site's files, in the newsroom's folder.
const SITE: &str = "site";

impl House {
    /// Opens the newsroom that `config` describes.
    ///
    /// # Errors
    /// A [`Problem`] in a person's words.
    pub async fn open(world: World, config: Config) -> Result<Self, Problem> {
        let ring = KeyRing::load(&config.key_file).map_err(|fault| key_problem(&fault))?;
        let store = open_store(&config)?;
        Self::enter(world, config, store, ring).await
    }

    async fn enter(world: World, config: Config, store: Store, ring: KeyRing) -> Result<Self, Problem> {
        let read = store.read(|tx| Ok((settings::all(tx)?, newsletters::list(tx)?, ways::relays(tx)?))).await;
        let (kept, newsletters, relays) = read.map_err(|fault| store_problem(&fault))?;
        let Some(newsletter) = newsletters.into_iter().next() else {
            return Err(Problem::new(
                "The database holds no newsletter: it was not founded.",
                "Nothing was changed.",
                "Found the newsroom with `coranto init`.",
            ));
        };
        let vault = Arc::new(Vault::new(ring));
        check_keys(&world, &store, &vault, kept.get(KEY_CHECK)).await?;
        let settings = Settings::new(kept);
        let client = Client::new(&world, &gather::agent(settings.get("outlet.site")));
        let gatherer = gather::Gatherer::new(&world, client);
        let warm_up = warm_up(&store, &settings, world.now()).await?;
        Ok(Self { world, store, vault, config, settings, relays, warm_up, newsletter, gatherer })
    }

    /// Founds a newsroom in `config`'s folder, with these settings; opens it when it was founded before.
    ///
    /// # Errors
    /// A [`Problem`] in a person's words. A database that belongs to other keys is not touched.
    pub async fn found(world: World, config: Config, first: &[(&str, String)]) -> Result<Self, Problem> {
        make_folder(&config.folder)?;
        let store = open_store(&config)?;
        let kept = store.read(|tx| settings::get(tx, KEY_CHECK)).await.map_err(|fault| store_problem(&fault))?;
        let selector = first.iter().find(|(name, _)| *name == "mail.selector").map_or("coranto", |(_, s)| s);
        let ring = match KeyRing::load(&config.key_file) {
            Ok(ring) => ring,
            // Fresh keys would open nothing of it.
            Err(KeyFileFault::Missing(_)) if kept.is_some() => return Err(foreign_problem()),
            Err(KeyFileFault::Missing(_)) => {
                // First: a folder with keys and no marker is a copy.
                hold::mark(&config.folder, 0)?;
                new_keys(&world, &config.key_file, selector).await?
            }
            Err(fault) => return Err(key_problem(&fault)),
        };
        if kept.is_some_and(|kept| !fits(&Vault::new(ring.clone()), &kept)) {
            return Err(foreign_problem());
        }
        let newsletter = Newsletter {
            id: NewsletterId(world.mint()),
            slug: "daily".into(),
            title: first
                .iter()
                .find(|(name, _)| *name == "outlet.name")
                .map_or_else(|| "The daily edition".into(), |(_, name)| format!("{name} daily")),
        };
        let values: Vec<(String, String)> = first.iter().map(|(n, v)| ((*n).to_owned(), v.clone())).collect();
        store
            .write(move |tx| {
                if newsletters::list(tx)?.is_empty() {
                    newsletters::add(tx, &newsletter)?;
                }
                values.iter().try_for_each(|(name, value)| settings::put(tx, name, value))
            })
            .await
            .map_err(|fault| store_problem(&fault))?;
        Self::enter(world, config, store, ring).await
    }

    /// This house with the settings as they stand now: what is changed while it runs is heard.
    ///
    /// # Errors
    /// A [`Problem`] when the store cannot be read.
    pub async fn refreshed(&self) -> Result<Self, Problem> {
        let read = self.store.read(|tx| Ok((settings::all(tx)?, ways::relays(tx)?))).await;
        let (kept, relays) = read.map_err(|fault| store_problem(&fault))?;
        let settings = Settings::new(kept);
        let warm_up = warm_up(&self.store, &settings, self.world.now()).await?;
        Ok(Self { settings, relays, warm_up, ..self.clone() })
    }

    /// The outlet, as its settings say.
    pub fn outlet(&self) -> Outlet {
        self.settings.outlet()
    }

    /// The folder that the site's files lie in.
    pub fn site_folder(&self) -> std::path::PathBuf {
        self.config.folder.join(SITE)
    }

    /// What a secret setting holds; `None` while it is not set.
    ///
    /// # Errors
    /// A [`Problem`] when the keys do not open it.
    pub fn secret(&self, name: &str) -> Result<Option<Secret<String>>, Problem> {
        let kept = self.settings.get(name);
        if kept.is_empty() {
            return Ok(None);
        }
        let opened = unsealed(kept).and_then(|(kid, sealed)| self.vault.open_setting(name, kid, &sealed).ok());
        opened.map(Some).ok_or_else(|| {
            Problem::new(
                format!("The setting {name} cannot be opened with the keys of this newsroom."),
                "What it is for rests; nothing else is touched.",
                format!("Set it again: `coranto settings {name} < file`."),
            )
        })
    }

    /// Who we are, for the post office's lease: the same for every start on this folder.
    pub fn holder(&self) -> String {
        let folder = std::fs::canonicalize(&self.config.folder).unwrap_or_else(|_| self.config.folder.clone());
        format!("the poster of {}", folder.display())
    }

    /// Takes the lock of this newsroom's post office: see [`lock_post`].
    ///
    /// # Errors
    /// A [`Problem`] when another process holds it, or it cannot be had.
    pub fn lock_post(&self) -> Result<std::fs::File, Problem> {
        lock_post(&self.config.folder)
    }

    /// The same, for one who lets the other process do the work: `None` when there is one.
    ///
    /// # Errors
    /// A [`Problem`] when nobody is known to hold it and yet it cannot be had.
    pub fn lock_post_if_free(&self) -> Result<Option<std::fs::File>, Problem> {
        lock_post_if_free(&self.config.folder)
    }
}

/// What the plans of ways that warm up say now.
async fn warm_up(store: &Store, settings: &Settings, now: Ms) -> Result<Known, Problem> {
    let offset = offset_ms(settings.get("outlet.zone"), now);
    store.read(move |tx| Known::read(tx, now, offset)).await.map_err(|fault| store_problem(&fault))
}

/// Takes the lock that lets one process on `folder` post; the folder is made if it is not there. Held until the file is
/// dropped, or its process ends in whatever way.
///
/// # Errors
/// A [`Problem`] when another process holds it, or the folder cannot be written.
pub fn lock_post(folder: &Path) -> Result<std::fs::File, Problem> {
    lock_post_if_free(folder)?.ok_or_else(|| {
        Problem::new(
            "The post office cannot be opened: another Coranto on this folder is posting.",
            NOTHING_POSTED,
            "Let the running Coranto send it, or stop that one first.",
        )
    })
}

/// What it means that the lock of the post office cannot be had.
const NOTHING_POSTED: &str = "No mail is sent by this command. What is queued stays queued, and nothing is sent twice.";

fn lock_post_if_free(folder: &Path) -> Result<Option<std::fs::File>, Problem> {
    make_folder(folder)?;
    let path = folder.join("post.lock");
    let trouble = |fault: &std::io::Error| {
        Problem::new(
            format!("The post office cannot be opened: {} cannot be locked: {fault}.", path.display()),
            NOTHING_POSTED,
            "See that this account may write that file, on a disk that keeps locks; then run the command again.",
        )
    };
    let file = std::fs::OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(|fault| trouble(&fault))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(std::fs::TryLockError::WouldBlock) => Ok(None),
        Err(std::fs::TryLockError::Error(fault)) => Err(trouble(&fault)),
    }
}

/// A word sealed with the keys, kept in the database: so that a wrong key file is known before it does harm.
const KEY_CHECK: &str = "keys.check";

async fn check_keys(world: &World, store: &Store, vault: &Vault, kept: Option<&String>) -> Result<(), Problem> {
    let Some(kept) = kept else {
        let (kid, sealed) = vault.seal_setting(KEY_CHECK, "coranto", &mut |bytes| world.fill(bytes));
        let text = sealed_text(kid, &sealed);
        return store.write(move |tx| settings::put(tx, KEY_CHECK, &text)).await.map_err(|fault| store_problem(&fault));
    };
    if fits(vault, kept) { Ok(()) } else { Err(foreign_problem()) }
}

/// Whether the keys open the word that the database's own keys sealed.
fn fits(vault: &Vault, kept: &str) -> bool {
    unsealed(kept).is_some_and(|(kid, sealed)| vault.open_setting(KEY_CHECK, kid, &sealed).is_ok())
}

fn foreign_problem() -> Problem {
    Problem::new(
        "The key file does not belong to this database.",
        "With it no reader's address could be opened, and new ones would be lost to the old keys. Nothing was changed.",
        "Put back the key file that this database was founded with, or use another database.",
    )
}

fn make_folder(folder: &Path) -> Result<(), Problem> {
    std::fs::create_dir_all(folder).map_err(|fault| {
        Problem::new(
            format!("The folder {} cannot be made: {fault}.", folder.display()),
            "Nothing was founded.",
            "Choose a folder that you may write to, on a disk with room.",
        )
    })
}

async fn new_keys(world: &World, path: &Path, selector: &str) -> Result<KeyRing, Problem> {
    let mut ring = KeyRing::generate(&mut |bytes| world.fill(bytes));
    let trouble = |fault: String| {
        Problem::new(format!("No DKIM key can be made: {fault}."), "Nothing was founded.", "Set another mail.selector.")
    };
    let dkim = world.compute(mail::dkim::Signer::generate).await.map_err(|fault| trouble(fault.to_string()))?;
    ring.add_dkim(selector, Secret::new(dkim.to_vec())).map_err(|fault| trouble(fault.to_string()))?;
    ring.create(path).map_err(|fault| key_problem(&fault))?;
    Ok(ring)
}

fn open_store(config: &Config) -> Result<Store, Problem> {
    Store::open(&config.database).map_err(|fault| store_problem(&fault))
}

/// What a fault of the key file means to a person.
pub fn key_problem(fault: &KeyFileFault) -> Problem {
    Problem::new(
        format!("The keys cannot be used: {fault}."),
        "Readers' addresses stay sealed, so no mail can be sent. Nothing was changed.",
        "Put the outlet's own key file back, readable by its owner alone (chmod 600), and start again.",
    )
}

/// What a fault of the store means to a person.
pub fn store_problem(fault: &store::Error) -> Problem {
    use store::Error;
    let what = format!("{}.", capital(&fault.to_string()));
    match fault {
        Error::Full => Problem::new(
            what,
            "Nothing that was acknowledged is lost; nothing more can be kept, and no new mail starts.",
            "Make room on that disk; a running Coranto goes on by itself.",
        ),
        Error::Busy(_) => {
            Problem::new(what, "Nothing was changed.", "Wait for the other process, or stop it, and try again.")
        }
        Error::Away(_) => Problem::new(
            what,
            "Nothing was changed; the published site stays readable.",
            "Check that the database runs and that its address and the rights on it are right.",
        ),
        Error::Disk(_) => Problem::new(
            what,
            "Coranto stops here, so that nothing unsure is taken for kept.",
            "Check the disk and its cables and logs; then start again: Coranto recovers from what is durable.",
        ),
        Error::Unfit(_) => Problem::new(
            what,
            "Coranto does not start, to keep its promises to readers.",
            "Change that, then start again.",
        ),
        Error::Statement(_) => Problem::new(
            what,
            "Nothing of this step was kept; everything before it stands.",
            "This is a defect in Coranto or a damaged database: keep the folder as it is and report it.",
        ),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}
