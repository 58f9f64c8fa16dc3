//! A throw-away OpenSMTPD or Exim: it takes mail for anybody in the clear on loopback and delivers each copy into one
//! mailbox, with the recipient it was for.
//!
//! They share no code with Postfix nor with one another, and read what comes over the wire each in their own way: what one
//! takes for the end of a message or of an address, another may not.

use crate::daemon::{self, Daemon};
use crate::root::{Account, Root};
use crate::{Tool, need};
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;

/// Whose server it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Make {
    /// OpenBSD's.
    OpenSmtpd,
    /// Cambridge's.
    Exim,
}

/// A server; it stops, and its root goes, when this is dropped or the process ends.
pub struct Receiver {
    /// Where it listens.
    pub port: u16,
    make: Make,
    // Dropped in this order: the server ends before its root goes.
    _daemon: Daemon,
    root: Root,
}

impl Receiver {
    /// A running one, or None, with the calling test recorded as skipped.
    pub fn start(make: Make) -> Option<Receiver> {
        let unpacked = need(make.tool())?;
        Some(Receiver::open(make, &unpacked).expect("an unpacked server starts"))
    }

    fn open(make: Make, unpacked: &std::path::Path) -> Result<Receiver> {
        let root = Root::new(make.tool().name(), unpacked, make.accounts())?;
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        make.configure(&root, port)?;
        let daemon = Daemon::start(&root.command(make.words()))?;
        daemon::wait_until_open(port, true).with_context(|| make.tool().name())?;
        Ok(Receiver { port, make, _daemon: daemon, root })
    }

    /// Everything that was delivered, once nothing waits: each message by the recipient it was delivered to.
    pub fn delivered(&self) -> Result<BTreeMap<String, Vec<Vec<u8>>>> {
        daemon::wait_until_empty(&self.root.path(self.make.queue()))?;
        messages(&self.root.path("mail/new"), self.make.names())
    }
}

/// The messages of a Maildir's folder by the recipient that the field `to` names.
pub(crate) fn messages(folder: &std::path::Path, to: &str) -> Result<BTreeMap<String, Vec<Vec<u8>>>> {
    let mut delivered: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    // A server makes the folder with its first message.
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let message = fs::read(entry?.path())?;
        let mut lines = message.split(|byte| *byte == b'\n');
        let named = lines.find_map(|line| line.strip_prefix(to.as_bytes()));
        let named = String::from_utf8(named.context("it says to whom it delivered")?.to_vec())?;
        delivered.entry(named).or_default().push(message);
    }
    Ok(delivered)
}

impl Make {
    fn tool(self) -> Tool {
        match self {
            Make::OpenSmtpd => Tool::OpenSmtpd,
            Make::Exim => Tool::Exim,
        }
    }

    fn accounts(self) -> &'static [Account] {
        match self {
            Make::OpenSmtpd => &[("opensmtpd", 901), ("opensmtpq", 902)],
            Make::Exim => &[("Debian-exim", 901)],
        }
    }

    fn words(self) -> &'static [&'static str] {
        match self {
            Make::OpenSmtpd => &["/usr/sbin/smtpd", "-d"],
            // In the foreground, with a run through the queue each minute for what did not go at once.
            Make::Exim => &["/usr/sbin/exim4", "-bdf", "-q1m"],
        }
    }

    /// What is empty when everything was delivered.
    fn queue(self) -> &'static str {
        match self {
            Make::OpenSmtpd => "var/spool/smtpd/queue",
            Make::Exim => "spool/input",
        }
    }

    /// The field that says to whom a message was delivered.
    fn names(self) -> &'static str {
        match self {
            Make::OpenSmtpd => "Delivered-To: ",
            Make::Exim => "Envelope-to: ",
        }
    }

    fn configure(self, root: &Root, port: u16) -> Result<()> {
        match self {
            Make::OpenSmtpd => {
                root.write("etc/mailname", "relay.test\n")?;
                root.write("etc/smtpd.conf", &SMTPD_CONF.replace("PORT", &port.to_string()))
            }
            Make::Exim => {
                root.give("spool", ("Debian-exim", 901))?;
                root.give("log", ("Debian-exim", 901))?;
                root.write("etc/services", "smtp 25/tcp\n")?;
                root.write("etc/exim4/exim4.conf", &EXIM_CONF.replace("PORT", &port.to_string()))
            }
        }
    }
}

/// smtpd.conf(5): everybody's mail into one mailbox.
const SMTPD_CONF: &str = "\
listen on 127.0.0.1 port PORT hostname relay.test
table everybody { \"@\" = box }
action \"keep\" maildir \"/mail\" virtual <everybody>
match from any for any action \"keep\"
";

/// The same for Exim: one router, one transport. What is refused by default is left as it is.
const EXIM_CONF: &str = "\
primary_hostname = relay.test
daemon_smtp_ports = PORT
local_interfaces = 127.0.0.1
spool_directory = /spool
log_file_path = /log/%slog
keep_environment =
never_users =
acl_smtp_rcpt = accept
acl_smtp_data = accept
smtp_accept_max = 200
smtp_accept_queue_per_connection = 0
host_lookup =
rfc1413_query_timeout = 0s
tls_advertise_hosts =
allow_domain_literals = true
begin routers
everybody:
  driver = accept
  transport = box
begin transports
box:
  driver = appendfile
  directory = /mail
  maildir_format
  user = box
  group = box
  envelope_to_add
  return_path_add
begin retry
* * F,2h,1m
";

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpStream;

    #[test]
    fn a_server_of_either_make_delivers_to_whom_it_was_told() {
        for make in [Make::OpenSmtpd, Make::Exim] {
            let Some(server) = Receiver::start(make) else { continue };
            assert_eq!(server.delivered().unwrap(), BTreeMap::new());
            let stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
            let (mut answers, mut to) = (BufReader::new(stream.try_clone().unwrap()).lines(), stream);
            let mut answer = || {
                let line = answers.by_ref().map(Result::unwrap).find(|line| line.as_bytes()[3] == b' ');
                line.expect("it answers")
            };
            let say = ["EHLO us.test", "MAIL FROM:<a@us.test>", "RCPT TO:<x/y|z@them.example>", "DATA"];
            for line in say {
                assert!(answer().starts_with('2'), "{make:?} before {line}");
                write!(to, "{line}\r\n").unwrap();
            }
            assert!(answer().starts_with('3'));
            write!(to, "Subject: one\r\n\r\nHello\r\n.\r\n").unwrap();
            assert!(answer().starts_with('2'));
            let delivered = server.delivered().unwrap();
            assert_eq!(delivered.keys().collect::<Vec<_>>(), ["x/y|z@them.example"], "{make:?}");
        }
    }
}
