//! A throw-away Postfix of our own: a relay with TLS, a login and a certificate by an authority that it makes itself.
//!
//! It lies in a folder of its own, with its own configuration, queue and list of logins, and listens on three free ports of
//! loopback: one with STARTTLS, one with TLS from the first octet, and one in the clear, as a Postfix listens for its own
//! machine. It takes mail for anybody from whoever logs in, at the last from whoever is on this machine, and either keeps it in its queue or delivers it into one mailbox. It needs root, as every Postfix does; one that is
//! installed on the machine is neither read nor touched.

use crate::daemon::{self, Daemon, LOOK, WAIT_MAX};
use crate::scratch::Scratch;
use crate::{Tool, need};
use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

/// The name that its certificate is for.
pub const HOST: &str = "localhost";
/// The name to log in with.
pub const NAME: &str = "courier";
/// The password to log in with.
pub const PASSWORD: &str = "beeswax and rope";

/// Where Debian keeps its daemons.
const DAEMONS: &str = "/usr/lib/postfix/sbin";
/// The realm of its logins, and the name it says.
const REALM: &str = "relay.test";
/// Who owns the mailbox: nobody.
const BOX_OWNER: u32 = 65_534;

/// What certificate it shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certificate {
    /// Good for [`HOST`].
    Good,
    /// Expired on 2026-01-01.
    Expired,
    /// Good for another name.
    OtherName,
}

/// What it does with what it took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mail {
    /// Delivers it: [`Postfix::delivered`].
    Delivered,
    /// Keeps it in its queue: [`Postfix::queued`].
    Kept,
    /// Carries it on, to this port of this machine.
    Relayed(u16),
}

/// A Postfix; it stops, and its folder goes, when this is dropped or the process ends.
pub struct Postfix {
    folder: Scratch,
    /// Where it offers STARTTLS.
    pub port: u16,
    /// Where it speaks TLS from the first octet.
    pub implicit_port: u16,
    /// Where it takes mail from this machine in the clear, without a login.
    pub plain_port: u16,
    mail: Mail,
    running: Option<Daemon>,
}

impl Postfix {
    /// A running one, or None, with the calling test recorded as skipped.
    pub fn start(mail: Mail) -> Option<Postfix> {
        need(Tool::Postfix)?;
        Some(Postfix::open(mail).expect("an installed Postfix starts"))
    }

    fn open(mail: Mail) -> Result<Postfix> {
        let folder = Scratch::new("postfix")?;
        let free = || anyhow::Ok(TcpListener::bind(("127.0.0.1", 0))?);
        let listeners = [free()?, free()?, free()?];
        let [port, implicit_port, plain_port] = listeners.map(|free| free.local_addr().map(|at| at.port()));
        let (port, implicit_port, plain_port) = (port?, implicit_port?, plain_port?);
        let mut postfix = Postfix { folder, port, implicit_port, plain_port, mail, running: None };
        postfix.make_folders()?;
        postfix.make_certificates()?;
        postfix.make_login()?;
        postfix.restart(Certificate::Good)?;
        Ok(postfix)
    }

    /// The authority that signed its certificate, in PEM.
    pub fn authority(&self) -> PathBuf {
        self.path("ca.pem")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Ends it and everything that it started, as a power cut does.
    pub fn kill(&mut self) {
        if let Some(running) = self.running.take() {
            running.kill();
        }
    }

    /// Starts it again, with what its queue holds, and with that certificate.
    pub fn restart(&mut self, certificate: Certificate) -> Result<()> {
        self.kill();
        fs::write(self.path("main.cf"), self.main_cf(certificate))?;
        fs::write(self.path("master.cf"), self.master_cf())?;
        let mut command = Command::new(Path::new(DAEMONS).join("master"));
        command.arg("-c").arg(self.folder.path());
        self.running = Some(Daemon::start(&command)?);
        let ready = [(self.port, true), (self.implicit_port, false), (self.plain_port, true)];
        let ready = ready.into_iter().try_for_each(|(port, greets)| daemon::wait_until_open(port, greets));
        ready.with_context(|| fs::read_to_string(self.path("log")).unwrap_or_default())
    }

    /// The recipients in its queue, one for each message.
    pub fn queued(&self) -> Result<Vec<String>> {
        let output = Command::new("postqueue").arg("-c").arg(self.folder.path()).arg("-j").output()?;
        ensure!(output.status.success(), "postqueue: {}", String::from_utf8_lossy(&output.stderr));
        let mut recipients = Vec::new();
        for line in String::from_utf8(output.stdout)?.lines() {
            let message: serde_json::Value = serde_json::from_str(line).context("postqueue -j")?;
            for one in message["recipients"].as_array().context("a message has recipients")? {
                recipients.push(one["address"].as_str().context("a recipient has an address")?.to_owned());
            }
        }
        Ok(recipients)
    }

    /// Everything that was delivered, once the queue is empty: each message by the recipient it was delivered to.
    pub fn delivered(&self) -> Result<BTreeMap<String, Vec<String>>> {
        let deadline = Instant::now() + WAIT_MAX;
        while !self.queued()?.is_empty() {
            ensure!(Instant::now() < deadline, "the queue does not empty");
            thread::sleep(LOOK);
        }
        let mut delivered: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for entry in fs::read_dir(self.path("mail/all/new"))? {
            let message = fs::read_to_string(entry?.path())?;
            let to = message.lines().find_map(|line| line.strip_prefix("Delivered-To: "));
            let to = to.context("Postfix says to whom it delivered")?.to_owned();
            delivered.entry(to).or_default().push(message);
        }
        Ok(delivered)
    }

    /// How many messages lie in its queue and its mailbox: cheap enough to be asked again and again.
    pub fn count(&self) -> usize {
        let files = |folder: &str| daemon::files(&self.path(folder));
        ["queue/incoming", "queue/active", "queue/deferred", "mail"].into_iter().map(files).sum()
    }

    fn make_folders(&self) -> Result<()> {
        let (postfix, group) = (account("/etc/passwd", "postfix")?, account("/etc/group", "postdrop")?);
        let own = [
            "active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved",
            "trace",
        ];
        for name in own {
            self.make_folder(&format!("queue/{name}"), Some(postfix), None, 0o700)?;
        }
        self.make_folder("queue/public", Some(postfix), Some(group), 0o710)?;
        self.make_folder("queue/maildrop", Some(postfix), Some(group), 0o730)?;
        self.make_folder("queue/pid", None, None, 0o755)?;
        self.make_folder("data", Some(postfix), None, 0o700)?;
        self.make_folder("sasl", None, None, 0o755)?;
        self.make_folder("mail", Some(BOX_OWNER), Some(BOX_OWNER), 0o700)
    }

    fn make_folder(&self, name: &str, user: Option<u32>, group: Option<u32>, mode: u32) -> Result<()> {
        let path = self.path(name);
        fs::create_dir_all(&path)?;
        chown(&path, user, group)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).with_context(|| path.display().to_string())
    }

    /// An authority, and three certificates by it: see [`Certificate`].
    fn make_certificates(&self) -> Result<()> {
        let folder = self.folder.path();
        fs::write(self.path("index.txt"), "")?;
        fs::write(self.path("ca.cnf"), CA_CNF)?;
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
        let mut ca = openssl(folder, "req");
        ca.args(["-x509", "-days", "30", "-subj", "/CN=The newsroom's own authority"]).args(key);
        done(ca.args(["-keyout", "ca.key", "-out", "ca.pem"]))?;
        for (file, name, end) in
            [("good", HOST, "20491231"), ("expired", HOST, "20260101"), ("other", "mx.elsewhere.test", "20491231")]
        {
            fs::write(self.path("san.cnf"), format!("subjectAltName = DNS:{name}\nbasicConstraints = CA:FALSE\n"))?;
            let (key_file, request, out) = (format!("{file}.key"), format!("{file}.csr"), format!("{file}.pem"));
            let mut ask = openssl(folder, "req");
            ask.args(["-new", "-subj", &format!("/CN={name}")]).args(key);
            done(ask.args(["-keyout", &key_file, "-out", &request]))?;
            let mut sign = openssl(folder, "ca");
            sign.args(["-batch", "-notext", "-config", "ca.cnf", "-extfile", "san.cnf", "-in", &request, "-out", &out]);
            done(sign.args(["-startdate", "20250101000000Z", "-enddate", &format!("{end}000000Z")]))?;
        }
        Ok(())
    }

    fn make_login(&self) -> Result<()> {
        let database = self.path("sasl/sasldb2");
        let mut command = Command::new("saslpasswd2");
        command.args(["-c", "-p", "-u", REALM, "-f"]).arg(&database).arg(NAME).stdin(Stdio::piped());
        let mut child = command.spawn().context("saslpasswd2")?;
        child.stdin.take().context("its input was asked for")?.write_all(PASSWORD.as_bytes())?;
        ensure!(child.wait()?.success(), "saslpasswd2 took no password");
        chown(&database, Some(account("/etc/passwd", "postfix")?), None)?;
        let conf = format!(
            "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: {}\nmech_list: PLAIN LOGIN\n",
            database.display()
        );
        Ok(fs::write(self.path("sasl/smtpd.conf"), conf)?)
    }

    fn main_cf(&self, certificate: Certificate) -> String {
        let at = |name: &str| self.path(name).display().to_string();
        let pair = match certificate {
            Certificate::Good => "good",
            Certificate::Expired => "expired",
            Certificate::OtherName => "other",
        };
        let kept = if self.mail == Mail::Kept { "virtual" } else { "" };
        let everything = self.path("everything");
        fs::write(&everything, "/./ all/\n").expect("the folder is ours");
        let (all, next) = match self.mail {
            Mail::Relayed(port) => (String::new(), format!("[127.0.0.1]:{port}")),
            Mail::Delivered | Mail::Kept => (format!("regexp:{}", everything.display()), String::new()),
        };
        format!(
            "compatibility_level = 3.6\nqueue_directory = {queue}\ndata_directory = {data}\ncommand_directory = /usr/sbin\n\
             daemon_directory = {DAEMONS}\nmail_owner = postfix\nsetgid_group = postdrop\nmyhostname = {REALM}\n\
             mydestination =\nmynetworks =\nalias_maps =\nlocal_recipient_maps =\ninet_protocols = ipv4\n\
             maillog_file = {log}\nmaillog_file_prefixes = {folder}\nsmtpd_tls_cert_file = {pair}.pem\n\
             smtpd_tls_key_file = {pair}.key\nsmtpd_tls_auth_only = yes\nsmtpd_sasl_auth_enable = yes\n\
             cyrus_sasl_config_path = {sasl}\nsmtpd_sasl_local_domain = {REALM}\n\
             smtpd_relay_restrictions = permit_sasl_authenticated, reject\n\
             virtual_mailbox_domains = {all}\nvirtual_mailbox_maps = {all}\nrelayhost = {next}\nvirtual_mailbox_base = {mail}\n\
             virtual_uid_maps = static:{BOX_OWNER}\nvirtual_gid_maps = static:{BOX_OWNER}\ndefer_transports = {kept}\n",
            queue = at("queue"),
            data = at("data"),
            log = at("log"),
            folder = self.folder.path().display(),
            pair = at(pair),
            sasl = at("sasl"),
            mail = at("mail"),
        )
    }

    fn master_cf(&self) -> String {
        let (port, implicit, plain) = (self.port, self.implicit_port, self.plain_port);
        format!(
            "127.0.0.1:{port} inet n - n - - smtpd\n  -o smtpd_tls_security_level=encrypt\n\
             127.0.0.1:{implicit} inet n - n - - smtpd\n  -o smtpd_tls_wrappermode=yes\n\
             127.0.0.1:{plain} inet n - n - - smtpd\n  -o smtpd_tls_security_level=none\n  -o smtpd_sasl_auth_enable=no\n\
             \x20 -o mynetworks=127.0.0.0/8\n  -o smtpd_relay_restrictions=permit_mynetworks,reject\n{SERVICES}"
        )
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What `openssl ca` wants to know.
const CA_CNF: &str = "[ca]\ndefault_ca = own\n[own]\ndatabase = index.txt\nnew_certs_dir = .\ncertificate = ca.pem\n\
    private_key = ca.key\nrand_serial = yes\ndefault_md = sha256\npolicy = any\nunique_subject = no\n[any]\ncommonName = supplied\n";

/// The daemons that take, queue and deliver mail; nothing is chrooted.
const SERVICES: &str = "\
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
smtp unix - - n - - smtp
local unix - n n - - local
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
";

/// The number of an account or a group.
fn account(file: &str, wanted: &str) -> Result<u32> {
    let lines = fs::read_to_string(file)?;
    let mut found = lines.lines().filter(|line| line.split(':').next() == Some(wanted));
    let number = found.next().and_then(|line| line.split(':').nth(2)?.parse().ok());
    number.with_context(|| format!("no `{wanted}` in {file}"))
}

fn openssl(folder: &Path, what: &str) -> Command {
    let mut command = Command::new("openssl");
    command.arg(what).current_dir(folder);
    command
}

fn done(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output().context("openssl")?;
    ensure!(output.status.success(), "openssl: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpStream;

    #[test]
    fn a_relay_of_ones_own_answers_is_killed_and_comes_back() {
        let Some(mut postfix) = Postfix::start(Mail::Kept) else { return };
        assert_eq!((postfix.queued().unwrap().len(), postfix.count()), (0, 0));
        postfix.kill();
        assert!(TcpStream::connect(("127.0.0.1", postfix.port)).is_err());
        postfix.restart(Certificate::Expired).unwrap();
        assert_eq!(postfix.queued().unwrap(), [""; 0]);
    }
}
