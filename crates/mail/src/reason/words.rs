//! The words: what servers say, in the order in which one kind of word outweighs another.
//!
//! A phrase stands in lower case; `*` parts pieces that follow one another. What is specific comes first: a server that
//! says "mailbox full" and "rejected" means the first.

use super::Reason;

/// Why, if a known phrase stands in `text` (already made plain).
pub(super) fn find(text: &str) -> Option<Reason> {
    PHRASES.iter().find(|(_, phrases)| phrases.iter().any(|phrase| holds(text, phrase))).map(|(reason, _)| *reason)
}

/// Whether only the machine that holds the mailbox says such a thing: it looked, and nobody stood between.
pub(super) fn is_from_the_mailbox_host(text: &str) -> bool {
    FROM_THE_MAILBOX_HOST.iter().any(|phrase| holds(text, phrase))
}

/// Whether it says somewhere that there is nobody of that name.
pub(super) fn says_nobody(text: &str) -> bool {
    NOBODY.iter().any(|phrase| holds(text, phrase))
}

fn holds(text: &str, phrase: &str) -> bool {
    let mut rest = text;
    phrase.split('*').all(|piece| match rest.find(piece) {
        Some(at) => {
            rest = &rest[at + piece.len()..];
            true
        }
        None => false,
    })
}

/// Local delivery and directory look-ups.
const FROM_THE_MAILBOX_HOST: [&str; 12] = [
    "ディレクトリには見つかりません",
    "final delivery userid",
    "recipient name is not recognized",
    "not listed in * address book",
    "not listed in * directory",
    "no mailbox here by that name",
    "known * at this site",
    "unknown local part",
    "unknown local-part",
    // GroupWise, IMail and mail.local report in these words what they looked up themselves.
    "(user not found)",
    " unknown user: ",
    "該当するユーザーは存在しません",
];

type Phrases = (Reason, &'static [&'static str]);

const PHRASES: [Phrases; 21] = [
    (Reason::MailboxFull, FULL),
    (Reason::Policy, SPAM),
    (Reason::RateLimited, COUNTED),
    (Reason::Authentication, AUTHENTICATION),
    (Reason::RateLimited, TOO_FAST),
    (Reason::Suspended, SUSPENDED),
    (Reason::TooBig, TOO_BIG),
    (Reason::Policy, NOT_FROM_THERE),
    (Reason::NoMailService, NO_MAIL),
    (Reason::UnknownAddress, LOOKED_UP),
    (Reason::Filtered, FILTERED),
    (Reason::Policy, LISTED),
    (Reason::Moved, MOVED),
    (Reason::UnknownDomain, NO_DOMAIN),
    (Reason::Fault, PROGRAM),
    (Reason::UnknownAddress, NOBODY),
    (Reason::Content, CONTENT),
    (Reason::Fault, BROKEN),
    (Reason::Unreached, NOT_REACHED),
    (Reason::Policy, NOT_FROM_YOU),
    (Reason::Fault, WRONG_WORDS),
];

#[rustfmt::skip]
const FULL: &[&str] = &[
    "mailbox full", "mailbox is full", "mailbox * is full", "mail box full", "mail box is full", "mailbox exceed",
    "mailbox has exceeded", "mailbox size limit", "mailbox too large", "mailbox is over", "mailbox over", "mailbox quota",
    "mailbox capacity", "mailbox contains too many messages", "too many messages in * mailbox", "mailfolder is full",
    "mail folder is full", "inbox is full", "inbox full", "account is full", "account full", "over quota", "overquota",
    "over the quota", "over the allowed quota", "out of quota", "quota exceed", "quota has been exceeded",
    "quota is exceeded", "quota violation", "quota full", "exceeded * quota", "exceeds * quota", "exceeding * quota",
    "mail quota", "disk quota", "storage quota", "exceeded storage allocation", "exceeded its storage",
    "exhausted allowed storage", "exhausted * storage space", "out of storage", "storage space exceeded",
    "storage full", "allowed disk space", "not enough storage space", "not enough disk space in",
    "insufficient * space * mailbox", "too much mail data", "message would exceed", "would exceed * mailbox",
    "boîte * pleine", "boite * pleine", "buzón * lleno", "postfach * voll", "speicherplatz * überschritten",
    "casella * piena", "caixa * cheia", "postvak * vol", "skrzynka * pełna", "skrzynka * przepełniona",
    "ящик * переполнен", "ящик * заполнен", "容量が超過", "容量を超", "容量超過", "容量オーバー", "邮箱已满", "邮箱空间不足",
    "메일함이 가득",
];

/// Somebody counted, and says of what domain or address: its marks of authentication are named beside it.
#[rustfmt::skip]
const COUNTED: &[&str] = &[
    "unusual rate", "temporarily rate limited", "has been rate limited", "frequency limit", "busy. please try again later from",
    "sender rate overlimit",
];

/// It is the sender whom they do not want; a domain that takes no mail from anybody says so without "from".
#[rustfmt::skip]
const NOT_FROM_THERE: &[&str] = &[
    "not accept mail from this", "not accept mail from your", "not accept mail from you", "not accept email from this",
    "not accept email from your", "not accept e-mail from", "not accept messages from", "not accept mail from hosts",
];

/// Somebody looked in a list of their own and says in which.
#[rustfmt::skip]
const LOOKED_UP: &[&str] = &[
    "unknown in relay recipient table", "unknown in local recipient table", "unknown in virtual", "not listed in * directory",
    "not listed in * address book", "not listed in public name", "recipient verification failed",
];

/// What was found in the message outweighs the advice that follows it.
#[rustfmt::skip]
const SPAM: &[&str] = &[
    "spam classification", "due to spam", "detected as spam", "classified as spam", "identified as spam",
    "considered spam", "considered as spam", "looks like spam", "spam message rejected", "spam detected", "spam content",
    "likely unsolicited", "suspected spam", "probable spam", "reject as spam", "rejected as spam", "marked as spam",
];

#[rustfmt::skip]
const AUTHENTICATION: &[&str] = &[
    "dmarc", " dkim", " spf", "(spf", "sender policy framework", "senderid", "unauthenticated email",
    "unauthenticated mail", "sender is unauthenticated", "authentication checks", "authentication check",
    "authentication-results", "email authentication", "does not pass authentication", "authenticate with either",
    "reverse dns", "reverse-dns", "rdns ", " ptr ", "no ptr", "reverse hostname", "reverse lookup", "cannot find your hostname",
    "cannot resolve your address", "can't resolve your address", "hostname could not be resolved",
    "could not resolve your host", "ip name lookup failed", "ip name possibly forged", "fix reverse",
    "forward-confirmed", "unresolvable relay host", "required authentication level",
];

#[rustfmt::skip]
const TOO_FAST: &[&str] = &[
    "rate limit", "rate-limit", "ratelimit", "rate * exceeded", "too many connections", "too many concurrent",
    "too many simultaneous", "too many sessions", "maximum number of connections", "maximum connections",
    "concurrent connections", "simultaneous connections", "connection limit", "connection frequency",
    "too many recipients this hour", "sent too many", "sent to too many", "sending too", "sending messages too",
    "too many recipients", "too many emails", "too many mails", "too many messages", "too frequent", "throttl", "receiving mail at a rate",
    "maximum number of messages", "unusual rate", "slow down", "sending limit", "max * per hour", "per connection",
];

#[rustfmt::skip]
const SUSPENDED: &[&str] = &[
    "account disabled", "account is disabled", "account * is disabled", "account has been disabled",
    "account * has been disabled", "account suspended", "account is suspended", "account has been suspended",
    "account is locked", "account locked", "account is inactive", "account inactive", "account is not active",
    "account not active", "account expired", "account has expired", "account is temporarily", "account closed",
    "account is closed", "account has been blocked", "account is blocked", "compte * bloqu", "tried to reach is disabled", "tried to reach is inactive",
    "deactivated", "disabled recipient", "disabled or discontinued", "discontinued", "mailbox disabled",
    "mailbox is disabled", "mailbox * disabled", "mailbox is inactive", "mailbox is frozen", "mailbox * frozen",
    "mailbox currently suspended", "mailbox suspended", "mailbox is not active", "mailbox not active", "mailbox blocked",
    "mailbox is blocked", "user suspended", "user is suspended", "user has been suspended", "user disabled",
    "user is disabled", "user is inactive", "user not active", "recipient suspend", "recipient * suspended",
    "recipient is inactive", "recipient disabled", "domain * suspended", "address * is suspended",
    "email address is disabled", "out of service", "extended inactivity", "box is locked", "inactive user",
    "inactive account", "temporarily locked", "user has been temporarily", "account has been temporarily", "postfach * gesperrt",
    "konto * gesperrt", "cuenta * suspendida", "cuenta * desactivada",
];

#[rustfmt::skip]
const TOO_BIG: &[&str] = &[
    "message too large", "message is too large", "message too big", "message is too big", "message size",
    "message length", "file too big", "file too large", "mail size", "maximum size", "size limit", "exceeds * size",
    "exceeds fixed maximum", "exceeds maximum", "exceeded maximum inbound", "larger than the current system limit",
    "is larger than", "line limit", "line too long", "header size", "too big for", "too large for",
];

#[rustfmt::skip]
const NO_MAIL: &[&str] = &[
    "null mx", "nullmx", "does not accept mail", "does not accept email", "doesn't accept mail", "do not accept mail",
    "does not receive mail", "not accept any mail", "no mx found", "no mx record", "no valid mx", "no mail exchanger",
    "couldn't find a mail exchanger", "invalid mx record", "not accepting network messages", "reject all mail",
    "mail receiving disabled", "no smtp service",
];

#[rustfmt::skip]
const FILTERED: &[&str] = &[
    "only accepting mail from", "only accepts mail from", "only accept mail from", "only accepting messages from",
    "filteredbyrecipient", "user reject", "user refuse", "user does not accept", "recipient reject the",
    "recipient refuse", "recipient does not accept", "refuse to receive", "refused to receive", "does not want to receive",
    "does not wish to receive", "unwanted by recipient", "rejected by recipient", "rejected by the recipient's",
    "rejected by user", "blocked by the recipient", "was rejected by a remote mail server", "restricted sms",
    "permanent failure for one or more recipients", "not accepting mail from", "not accepting messages from",
    "recipient filter", "user filter", "personal filter", "sieve", "recipient's personal", "personal block",
    "has blocked the sender", "has blocked you", "recipient has blocked", "blocked by recipient", "delivery restriction check failed",
    "sendernotauthenticatedfor", "allowed-senders list", "allowed senders list", "moderators * failed to act",
];

/// Lists, filters, relaying and reputation: nothing of it is about the reader.
#[rustfmt::skip]
const LISTED: &[&str] = &[
    "google groups", "not a member", "not member", "weren't sent", "blacklist", "black list", "black-list", "block list", "block-list", "blocklist", "denylist",
    "blocked", "blocking", "has been block", "spamhaus", "spamcop", "barracuda", " rbl", "dnsbl", "listed in ", "listed on ",
    "listed at ", "listed by ", "is listed", "reputation", " spam", "(spam", "\"spam", "antispam", "anti-spam", "junk mail", "unsolicited",
    "bulk mail", "bulk email", " ube", " uce", "phish", "suspicious", "open relay", "open proxy", "dynamic ip",
    "dial-up", "dialup", "dynamic/residential", "generic hostname", "bad host", "policy reason", "policy violation",
    "violates", "violation", "due to policy", "for policy", "of policy", "by policy", "local policy", "policy reject",
    "policy restrict", "security polic", "relay", "not accepting connections",
    "refused by administrator", "connection rejected", "sender verif", "sender address", "sender rejected", "sender denied",
    "sender is rejected", "sender not allowed", "sender domain", "sender's domain", "invalid sender", "bad sender",
    "valid sender", "from address", "envelope sender", "domain of sender", "return address", "backscatter",
    "null sender", "client host rejected", "helo command rejected", "your e-mail is redundant", "user complaints",
    "unusual volume", "fingerprint", "content filter", "content rejected", "message filtered", "greylist",
    "graylist", "grey-list", "greylisting",
];

#[rustfmt::skip]
const MOVED: &[&str] = &[
    "has moved", "have moved", "mailbox moved", "user moved", "no forwarding address", "has been replaced by",
    "has been changed to", "address has changed", "changed his address", "changed her address", "new address",
    "user not local; please try", "please try the address", "no longer employed",
];

#[rustfmt::skip]
const NO_DOMAIN: &[&str] = &[
    "nxdomain", "host unknown", "unknown host", "unknown domain", "domain unknown", "no such domain", "no such host",
    "host not found", "host * not found", "host name is unknown", "host name was not found", "hostname not found",
    "domain not found", "domain name not found", "domain * couldn't be found", "domain does not exist",
    "domain * does not exist", "domain doesn't exist", "domain must exist", "domain is not reachable", "invalid domain",
    "domain is invalid", "domain invalid", "bad destination system", "name or service not known",
    "name or domain name not found", "name service error", "dns lookup failure", "dns error", "non-existent domain",
    "nonexistent domain", "non-existent host", "illegal host", "unrouteable", "unroutable", "unresolvable",
    "couldn't find any host", "could not find any host", "resolve route", "resolve the domain",
    "could not resolve host", "not a valid domain", "no matches to nameserver query", "did not return any ip address",
];

/// A program that delivers had trouble of its own, whatever it says of the user.
#[rustfmt::skip]
const PROGRAM: &[&str] = &["procmail", "pipe to |", "command died with", "couldn't create", "unknown mailer error", "duplicated message-id"];

#[rustfmt::skip]
const NOBODY: &[&str] = &[
    "user unknown", "unknown user", "users unknown", "user * unknown", "user not known", "not a known user",
    "user not found", "user not exist", "user does not exist", "user doesn't exist", "user * does not exist",
    "user doesn't have a", "user is unknown", "user invalid", "invalid user", "not a valid user", "no such user",
    "no such person", "no such address", "no such mailbox", "no such account", "no such recipient", "no such name",
    "no such local", "no such email", "no mailbox", "no account by", "no local mailbox", "by that name",
    "not local mailbox", "recipient unknown", "recipient * unknown", "unknown recipient", "unknown or illegal alias",
    "recipient not found", "recipient * not found", "recipientnotfound", "recipnotfound", "recipient does not exist",
    "recipient * does not exist", "recipient not exist", "recipient doesn't exist", "recipient no longer",
    "recipient invalid", "recipient name is not recognized", "recipient address rejected", "recipient rejected",
    "invalid recipient", "bad recipient", "illegal recipient", "invalid address", "invalid mailbox",
    "invalid email address", "invalid final delivery", "inactive email address", "mailbox unavailable",
    "mailbox is unavailable", "mailbox not found", "mailbox * not found", "mailbox not available",
    "mailbox does not exist", "mailbox doesn't exist", "mailbox * does not exist", "mailbox * doesn't exist",
    "mailbox unknown", "mailbox not exist", "mailbox invalid", "mailbox name not allowed", "not a valid mailbox",
    "unknown mailbox", "unknown address", "unknown account", "unknown local", "unknown email", "address unknown",
    "address not found", "address * not found", "address couldn't be found", "address * couldn't be found",
    "address not known", "address does not exist", "address doesn't exist", "address * does not exist",
    "address wasn't found", "address is invalid", "address invalid", "address is not valid", "address no longer",
    "address rejected", "bad address", "bad destination mailbox", "bad mailbox", "undeliverable address",
    "addressee unknown", "account does not exist", "account doesn't exist", "account * does not exist",
    "account not found", "account unknown", "to reach does not exist", "account not available", "have an account",
    "doesn't have a * account", "not a valid", "not listed in ", "not in our", "name not found", "does not exist here",
    "not known here", "addresses were unknown", "destination address unknown", "find recipient", "not find user",
    "find user", "verify recipient", "verify address", "verification failed", "nonexistent", "non-existent", "no longer valid",
    "no longer available", "no longer on server", "utilisateur inconnu", "destinataire inconnu", "adresse inconnue",
    "ディレクトリには見つかりません", "benutzer * unbekannt", "empfänger * unbekannt", "usuario desconocido", "destinatario desconocido",
    "utente sconosciuto", "destinatario sconosciuto", "usuário desconhecido", "destinatário desconhecido",
    "e-mail-adresse konnte nicht gefunden", "adresse existiert nicht", "postfach existiert nicht", "empfänger existiert nicht",
    "adresse n'existe pas", "destinataire n'existe pas", "la dirección * no existe", "buzón * no existe", "usuario no encontrado",
    "indirizzo * inesistente", "endereço * não existe", "gebruiker onbekend", "nie ma takiego", "пользователь не найден",
    "нет такого", "ящик не существует", "メールアドレスが存在しません", "宛先不明", "ユーザーは存在しません", "用户不存在",
    "用户未找到", "收件人不存在", "邮箱不存在", "帐号不存在", "账号不存在", "사용자가 없습니다",
];

#[rustfmt::skip]
const CONTENT: &[&str] = &[
    "virus", "infected", "malware", "trojan", "worm ", "executable", "attachment", "media error", "media not supported",
    "8-bit", "8bit", "charset", "character set",
];

#[rustfmt::skip]
const BROKEN: &[&str] = &[
    "ldap", "configuration error", "misconfig", "service currently unavailable", "service is currently unavailable", "service refuse",
    "temporary local problem", "temporary system", "temporary server", "local error", "local problem", "internal error",
    "internal server error", "internal software error", "system error", "system problem", "server error",
    "server configuration", "server failure", "server busy", "insufficient system", "insufficient disk",
    "no space left", "out of memory", "out of space", "i/o error", "input/output error", "database", "can't create",
    "can't open", "cannot open", "can not open", "cannot create", "could not open", "failed to open", "failed to read",
    "cannot append", "read error", "write error", "permission denied", "pipe to", "command died", "command failed",
    "command output", "command line usage error", "process failed", "procmail", "exit status", "exited with",
    "mailer error", "unable to write", "local delivery failed", "local delivery error", "error in processing",
    "processing error", "resource * unavailable", "resources temporarily", "data format error",
    "operation not permitted", "certificate",
];

#[rustfmt::skip]
const NOT_REACHED: &[&str] = &[
    "timed out", "time out", "timeout", "could not be delivered for", "send message for", "delivery time", "expired",
    "in the queue too long", "in queue too long", "too long in queue", "not reachable", "undeliverable for",
    "undelivered for", "undelivered after", "failing for a long time", "multiple retries", "retry time",
    "too many retries", "giving up", "given up on", "still being retried", "did not accept our requests to connect",
    "unable to connect", "could not connect", "couldn't connect", "cannot connect", "can't connect",
    "failed to connect", "connection could not be", "no connection could be made", "able to establish an smtp",
    "unable to establish", "connect to ", "connection refused", "connection reset", "connection lost",
    "connection dropped", "connection closed", "connection was", "connection died", "connection aborted",
    "connection fail", "connection attempt", "lost connection", "closed connection", "broken pipe", "no route to host",
    "network error", "network is unreachable", "network problem", "unreachable", "host is down", "not responding",
    "did not respond", "not responded", "no answer from", "too many hops", "hop count", "hop limit",
    "maximum forwarding", "forwarded more than", " loop", "loops back", "looping", "too many received",
    "delivery attempts", "failed * attempts", "temporary dns", "temporarily unable", "dns temporary", "name server timeout",
    "unexpected name server reply", "deferred:",
];

#[rustfmt::skip]
const NOT_FROM_YOU: &[&str] = &[
    "access denied", "access is denied", "authentication", "unauthenticated", "not authenticated", "not authorized",
    "not authorised", "unauthorized", "not permitted", "not allowed", "no access from", "permission to post",
    "restricted", "restriction", "prohibit", "forbidden", "denied", "banned", "policy", "policies", "header error",
    "reject", "refused", "not accepted", "cannot be accepted", "transaction failed", "security", "compliant", "rfc 5322",
    "rfc5322", "rfc 2822", "rfc2822", "abuse", "contact your",
];

#[rustfmt::skip]
const WRONG_WORDS: &[&str] = &[
    "syntax", "malformed", "improper sequence", "bad sequence", "not implemented", "unrecognized command",
    "command unrecognized", "command not recognized", "need rcpt", "need mail command", "protocol error",
    "protocol violation", "incorrectly constructed", "service unavailable", "service not available",
    "temporary failure", "temporary problem", "temporarily unavailable",
];
