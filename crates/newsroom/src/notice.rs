//! A relay's notice of what became of a copy, as the public side took it in and seals it.
//!
//! The public side believes nothing of it: it holds no key to check it with. Its words are opened and judged behind the vault.

/// Who sends notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoticeFrom {
    /// Mailgun's webhooks.
    Mailgun,
    /// Amazon SES, through a topic of Amazon SNS.
    Ses,
}

/// The setting with Mailgun's webhook signing key. Nothing of Mailgun's is taken while it is empty.
pub const MAILGUN_KEY_SETTING: &str = "relay.mailgun_key";
/// The setting with the name (ARN) of the SNS topic that SES publishes to. Nothing of SES's is taken while it is empty.
pub const SES_TOPIC_SETTING: &str = "relay.ses_topic";
/// A notice, in bytes. Mailgun's and SES's have 2 to 10 kB; one about fifty recipients, or with a copy's header, has 60.
pub const NOTICE_BYTES_MAX: usize = 128 * 1_024;

impl NoticeFrom {
    /// Everyone who sends them.
    pub const EVERY: [Self; 2] = [Self::Mailgun, Self::Ses];

    /// The word in addresses, counts and logs.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Mailgun => "mailgun",
            Self::Ses => "ses",
        }
    }

    /// The setting without which nothing of theirs is taken.
    pub const fn setting(self) -> &'static str {
        match self {
            Self::Mailgun => MAILGUN_KEY_SETTING,
            Self::Ses => SES_TOPIC_SETTING,
        }
    }
}

/// A notice as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// At whose door.
    pub from: NoticeFrom,
    /// What was posted, unread.
    pub body: Vec<u8>,
}

/// Why opened bytes are no notice: an older or newer format, or not ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoNotice;

/// The format's first line, but for its end.
const VERSION: &str = "notice 1 ";

impl Notice {
    /// The bytes to seal: a line, and the body.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = format!("{VERSION}{}\n", self.from.word()).into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// Reads them back.
    ///
    /// # Errors
    /// [`NoNotice`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NoNotice> {
        let line = bytes.iter().position(|byte| *byte == b'\n').ok_or(NoNotice)?;
        let (head, body) = (&bytes[..line], &bytes[line + 1..]);
        let head = std::str::from_utf8(head).ok().and_then(|head| head.strip_prefix(VERSION)).ok_or(NoNotice)?;
        let from = NoticeFrom::EVERY.into_iter().find(|from| from.word() == head).ok_or(NoNotice)?;
        if body.len() > NOTICE_BYTES_MAX {
            return Err(NoNotice);
        }
        Ok(Self { from, body: body.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_reads_back_and_nothing_else_does() {
        for from in NoticeFrom::EVERY {
            let notice = Notice { from, body: b"{\n\xff}".to_vec() };
            assert_eq!(Notice::from_bytes(&notice.to_bytes()), Ok(notice));
        }
        for other in
            [&b""[..], b"notice 1 mailgun", b"notice 2 ses\n{}", b"notice 1 sns\n{}", b"link 1\n7\na@b.example"]
        {
            assert_eq!(Notice::from_bytes(other), Err(NoNotice));
        }
        let long = Notice { from: NoticeFrom::Ses, body: vec![0; NOTICE_BYTES_MAX + 1] };
        assert_eq!(Notice::from_bytes(&long.to_bytes()), Err(NoNotice));
    }
}
