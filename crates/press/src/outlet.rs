//! From the newsroom's word for the outlet to what its pages name.

use newsroom::Outlet;

use crate::site::{OutletView, SignUpWords};
use crate::words::words;

impl OutletView {
    /// The outlet, as its pages name it.
    pub fn of(outlet: &Outlet) -> Self {
        Self {
            name: outlet.name.clone(),
            tagline: outlet.tagline.clone(),
            url: outlet.site.clone(),
            language: outlet.language.clone(),
            zone: outlet.zone.clone(),
        }
    }
}

impl SignUpWords {
    /// The sign-up block: the outlet's own invitation, and the words around it in its language.
    pub fn of(outlet: &Outlet) -> Self {
        let words = words(&outlet.language);
        Self {
            heading: words.by_mail.into(),
            promise: outlet.invitation.clone(),
            button: words.sign_up.into(),
            privacy: privacy(&outlet.language).into(),
        }
    }
}

/// What happens with an address, in the languages that the press speaks.
fn privacy(language: &str) -> &'static str {
    match language.split('-').next().unwrap_or_default() {
        "ar" => "يُحفظ عنوانك مشفّراً ولا يُعطى لأحد.",
        "es" => "Su dirección se guarda cifrada y no se da a nadie.",
        "fr" => "Votre adresse est conservée chiffrée et n’est donnée à personne.",
        "zh" => "您的地址会加密保存，不会提供给任何人。",
        _ => "Your address is kept encrypted and given to nobody.",
    }
}
