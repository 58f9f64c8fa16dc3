//! `coranto.toml`: only what must be known before the database opens.
//!
//! Unknown keys are errors. `CORANTO_…` variables override one key each. All else is a setting in the database.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use newsroom::Problem;
use serde::Deserialize;

/// The name of the file in the newsroom's folder.
pub const FILE: &str = "coranto.toml";

/// The file as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    database: Option<String>,
    listen: Option<SocketAddr>,
    desk: Option<SocketAddr>,
    metrics: Option<SocketAddr>,
    key_file: Option<PathBuf>,
    log: Option<String>,
}

/// What must be known before the database opens.
#[derive(Clone, Debug)]
pub struct Config {
    /// The newsroom's folder.
    pub folder: PathBuf,
    /// Where the database is: a file in the folder, or `postgres://…`.
    pub database: store::Location,
    /// Where the site is served.
    pub listen: SocketAddr,
    /// Where the desk is served: never where the site is.
    pub desk: SocketAddr,
    /// Where figures for a machine that watches are served, if anywhere: never to the public.
    pub metrics: Option<SocketAddr>,
    /// The file with the keys.
    pub key_file: PathBuf,
    /// How much is logged: `error`, `warn`, `info`, `debug`.
    pub log: String,
}

/// Where the site is served unless told otherwise.
pub const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8400);

/// Where the desk is served unless told otherwise: on this machine alone. Others reach it through the outlet's own proxy.
pub const DESK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8401);

/// Where figures are usually served, when they are: the example in what is told.
const METRICS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8402);

/// The database unless told otherwise: a file in the folder.
const DATABASE: &str = "newsroom.db";

/// What `coranto init` writes.
const TEMPLATE: &str = "\
# What Coranto must know before its database opens. Everything else is a setting: `coranto settings`.
# Any key can be overridden by a variable: CORANTO_DATABASE, CORANTO_LISTEN, CORANTO_DESK, CORANTO_METRICS,
# CORANTO_KEY_FILE, CORANTO_LOG.

# The database: a file in this folder, or postgres://user@host/name
database = \"newsroom.db\"

# Where the site is served.
listen = \"127.0.0.1:8400\"

# Where the desk is served, for the newsroom's members. Never the same as the site.
desk = \"127.0.0.1:8401\"

# Where figures for Prometheus are served, at /metrics. Nowhere unless it is set; keep it from the public.
# metrics = \"127.0.0.1:8402\"

# The keys that seal readers' addresses. Without this file the list cannot be opened: keep a copy in a safe place.
key_file = \"newsroom.keys\"

# error, warn, info or debug
log = \"info\"
";

impl Config {
    /// Reads the configuration of the newsroom in `folder`.
    ///
    /// # Errors
    /// A [`Problem`] that names the file and line.
    pub fn read(folder: &Path) -> Result<Self, Problem> {
        let file = folder.join(FILE);
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => {
                return Err(Problem::new(
                    format!("There is no newsroom in {}: it has no {FILE}.", folder.display()),
                    "Nothing was read or changed.",
                    format!("Found one with `coranto init {}`, or name its folder with --data.", folder.display()),
                ));
            }
            Err(fault) => {
                return Err(Problem::new(
                    format!("{} cannot be read: {fault}.", file.display()),
                    "Coranto does not start without it; nothing was changed.",
                    "Let the user that runs Coranto read it.",
                ));
            }
        };
        let written: Written = toml::from_str(&text).map_err(|fault| {
            Problem::new(
                format!("{} is not understood: {}", file.display(), fault.to_string().trim()),
                "Coranto does not start with settings it does not understand; nothing was changed.",
                "Correct or remove that line. The keys are: database, listen, desk, metrics, key_file, log.",
            )
        })?;
        Self::assemble(folder, written)
    }

    /// The configuration of a newsroom that has no file: the demo's.
    ///
    /// # Errors
    /// A [`Problem`] when a variable is not understood.
    pub fn without_file(folder: &Path) -> Result<Self, Problem> {
        Self::assemble(folder, Written::default())
    }

    fn assemble(folder: &Path, written: Written) -> Result<Self, Problem> {
        let database = variable("DATABASE").or(written.database).unwrap_or_else(|| DATABASE.into());
        let listen = place("LISTEN", written.listen, LISTEN)?;
        let desk = place("DESK", written.desk, DESK)?;
        // Port 0 is any free one: another for each.
        if listen == desk && listen.port() != 0 {
            return Err(Problem::new(
                format!("The site and the desk cannot both be served on {listen}."),
                "Coranto does not start; nothing was changed.",
                "Give `desk` in coranto.toml an address of its own, like 127.0.0.1:8401.",
            ));
        }
        let metrics = match (variable("METRICS"), written.metrics) {
            (None, None) => None,
            (_, written) => Some(place("METRICS", written, METRICS)?),
        };
        let key_file =
            variable("KEY_FILE").map(PathBuf::from).or(written.key_file).unwrap_or_else(|| "newsroom.keys".into());
        Ok(Self {
            folder: folder.to_owned(),
            database: location(folder, &database),
            listen,
            desk,
            metrics,
            key_file: folder.join(key_file),
            log: variable("LOG").or(written.log).unwrap_or_else(|| "info".into()),
        })
    }
}

/// An address to listen on: the variable's, else the file's, else the usual.
fn place(name: &str, written: Option<SocketAddr>, usual: SocketAddr) -> Result<SocketAddr, Problem> {
    let Some(text) = variable(name) else { return Ok(written.unwrap_or(usual)) };
    text.parse().map_err(|_| {
        Problem::new(
            format!("CORANTO_{name} is {text:?}, which is no address."),
            "Coranto does not start; nothing was changed.",
            format!("Write it as {usual} or [::1]:{}.", usual.port()),
        )
    })
}

/// Writes the file of a newsroom with this database that is served on `listen`, its desk on `desk`, unless there is one: a folder that has it
/// is a founded newsroom.
///
/// # Errors
/// A [`Problem`] when it cannot be written.
pub fn write(folder: &Path, database: Option<&str>, listen: SocketAddr, desk: SocketAddr) -> Result<(), Problem> {
    let file = folder.join(FILE);
    if file.exists() {
        return Ok(());
    }
    let quoted = toml::Value::String(database.unwrap_or(DATABASE).to_owned()).to_string();
    let text = TEMPLATE
        .replace("127.0.0.1:8400", &listen.to_string())
        .replace("127.0.0.1:8401", &desk.to_string())
        .replace("\"newsroom.db\"", &quoted);
    std::fs::write(&file, text).map_err(|fault| {
        Problem::new(
            format!("{} cannot be written: {fault}.", file.display()),
            "The newsroom is not founded yet; its keys and database are there.",
            "Make room or give the right to write, and try again.",
        )
    })
}

/// Where a database named in words is.
pub fn location(folder: &Path, database: &str) -> store::Location {
    if database.starts_with("postgres://") || database.starts_with("postgresql://") {
        store::Location::Postgres(database.to_owned())
    } else {
        store::Location::Sqlite(folder.join(database))
    }
}

/// The relay's password, for a newsroom that is founded without a person: from `CORANTO_RELAY_PASSWORD`.
pub fn relay_password() -> Option<String> {
    variable("RELAY_PASSWORD")
}

/// This machine's time zone by its IANA name, if it has one that we know: `TZ`, else where `/etc/localtime` leads. It is
/// only what a new outlet's zone is set to at first.
pub fn machine_zone() -> Option<String> {
    let known = |name: &str| jiff::tz::TimeZone::get(name).is_ok().then(|| name.to_owned());
    // POSIX writes a colon before what is no rule of its own.
    let told = plain_variable("TZ").and_then(|zone| known(zone.trim_start_matches(':')));
    told.or_else(|| {
        let leads = std::fs::read_link("/etc/localtime").ok()?;
        known(leads.to_str()?.rsplit_once("zoneinfo/")?.1)
    })
}

fn variable(name: &str) -> Option<String> {
    plain_variable(&format!("CORANTO_{name}"))
}

#[expect(clippy::disallowed_methods, reason = "configuration is the one place that reads the environment")]
fn plain_variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
