//! The outlet itself: who speaks, from where, in which language.

/// The outlet, as its settings say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outlet {
    /// Its name.
    pub name: String,
    /// What it is, in a line.
    pub tagline: String,
    /// Its site's address, `https://…`, without a slash at the end.
    pub site: String,
    /// BCP 47 language of its site and mail.
    pub language: String,
    /// IANA name of the time zone that its dates are in.
    pub zone: String,
    /// Where it can be written to by post: the law asks for it at the foot of every mail.
    pub postal_address: String,
    /// The address its mail comes from.
    pub from: String,
    /// Where answers go, when not there.
    pub reply_to: Option<String>,
    /// The domain that signs its mail (DKIM `d=`), names its messages and takes its bounces.
    pub mail_domain: String,
    /// The DKIM selector.
    pub selector: String,
    /// What invites people to sign up, in the outlet's own words.
    pub invitation: String,
}
