//! The opt-in letter's words, in the languages that it speaks, and the faces that they are set in. A language without a
//! table gets English.

/// The words of one language.
pub(super) struct Words {
    /// Its BCP 47 tag.
    pub(super) language: &'static str,
    pub(super) face: Face,
    pub(super) subject: fn(newsletter: &str) -> String,
    pub(super) title: &'static str,
    /// Who asks for what, when the newsletter is called as its outlet is.
    pub(super) ask: fn(newsletter: &str) -> String,
    /// Who asks for what, when it is not.
    pub(super) ask_of: fn(newsletter: &str, outlet: &str) -> String,
    pub(super) button: &'static str,
    /// What the link opens: a page with a button, so that a scanner that follows it agrees to nothing.
    pub(super) opens: &'static str,
    pub(super) ignore: &'static str,
    /// After a phrase that a link follows, in the text part.
    pub(super) colon: &'static str,
}

/// CSS `font` shorthands, as in the edition's mail.
#[derive(Clone, Copy, serde::Serialize)]
pub(super) struct Face {
    nameplate: &'static str,
    title: &'static str,
    text: &'static str,
    button: &'static str,
    small: &'static str,
}

impl Words {
    /// The words of `language`, a BCP 47 tag; English when there is no table for it.
    pub(super) fn of(language: &str) -> &'static Self {
        let primary = language.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
        EVERY.iter().find(|words| words.language == primary).unwrap_or(&EVERY[0])
    }
}

const LATIN: Face = Face {
    nameplate: "700 28px/34px Georgia,Times New Roman,serif",
    title: "700 24px/31px Georgia,Times New Roman,serif",
    text: "17px/27px Georgia,Times New Roman,serif",
    button: "700 17px/24px Georgia,Times New Roman,serif",
    small: "13px/20px Helvetica,Arial,sans-serif",
};
const ARABIC: Face = Face {
    nameplate: "700 30px/46px Geeza Pro,Noto Naskh Arabic,Segoe UI,Times New Roman,serif",
    title: "700 25px/38px Geeza Pro,Noto Naskh Arabic,Segoe UI,Times New Roman,serif",
    text: "18px/31px Geeza Pro,Noto Naskh Arabic,Segoe UI,Times New Roman,serif",
    button: "700 18px/28px Geeza Pro,Noto Naskh Arabic,Segoe UI,Times New Roman,serif",
    small: "14px/24px Geeza Pro,Segoe UI,Tahoma,sans-serif",
};
const HAN: Face = Face {
    nameplate: "700 28px/40px Songti SC,Noto Serif CJK SC,Microsoft YaHei,serif",
    title: "700 23px/34px Songti SC,Noto Serif CJK SC,Microsoft YaHei,serif",
    text: "17px/30px Songti SC,Noto Serif CJK SC,Microsoft YaHei,serif",
    button: "700 17px/26px Songti SC,Noto Serif CJK SC,Microsoft YaHei,serif",
    small: "13px/21px PingFang SC,Microsoft YaHei,Noto Sans CJK SC,sans-serif",
};

/// Every table. English first: it stands in for the others.
static EVERY: [Words; 5] = [
    Words {
        language: "en",
        face: LATIN,
        subject: |newsletter| format!("Please confirm: {newsletter}"),
        title: "Please confirm that it was you",
        ask: |newsletter| {
            format!("Someone asked us to send {newsletter} to this address. If it was you, one press is left.")
        },
        ask_of: |newsletter, outlet| {
            format!("Someone asked {outlet} to send {newsletter} to this address. If it was you, one press is left.")
        },
        button: "Confirm my subscription",
        opens: "This opens a page with one button. Press it there, and the next edition comes to you.",
        ignore: "If it was not you, do nothing. Without that press you will get no newsletter.",
        colon: ":",
    },
    Words {
        language: "ar",
        face: ARABIC,
        subject: |newsletter| format!("نرجو التأكيد: {newsletter}"),
        title: "نرجو أن تؤكد أنك صاحب الطلب",
        ask: |newsletter| format!("طلب أحدهم أن نرسل «{newsletter}» إلى هذا العنوان. إن كنت أنت، فقد بقيت ضغطة واحدة."),
        ask_of: |newsletter, outlet| {
            format!("طلب أحدهم من «{outlet}» إرسال «{newsletter}» إلى هذا العنوان. إن كنت أنت، فقد بقيت ضغطة واحدة.")
        },
        button: "تأكيد الاشتراك",
        opens: "يفتح الرابط صفحة فيها زر واحد. اضغط عليه ليصلك العدد القادم.",
        ignore: "إن لم تكن صاحب الطلب فلا تفعل شيئًا: من دون تلك الضغطة لن تصلك أي نشرة.",
        colon: ":",
    },
    Words {
        language: "es",
        face: LATIN,
        subject: |newsletter| format!("Por favor, confirme: {newsletter}"),
        title: "Por favor, confirme que fue usted",
        ask: |newsletter| {
            format!("Alguien nos pidió enviar {newsletter} a esta dirección. Si fue usted, falta una sola pulsación.")
        },
        ask_of: |newsletter, outlet| {
            format!(
                "Alguien pidió a {outlet} enviar {newsletter} a esta dirección. Si fue usted, falta una sola pulsación."
            )
        },
        button: "Confirmar mi suscripción",
        opens: "El enlace abre una página con un solo botón. Púlselo y recibirá la próxima edición.",
        ignore: "Si no fue usted, no haga nada: sin esa pulsación no recibirá ningún boletín.",
        colon: ":",
    },
    Words {
        language: "fr",
        face: LATIN,
        subject: |newsletter| format!("Merci de confirmer : {newsletter}"),
        title: "Merci de confirmer que c’est bien vous",
        ask: |newsletter| {
            format!(
                "Quelqu’un nous a demandé d’envoyer {newsletter} à cette adresse. Si c’est vous, il ne reste qu’un geste."
            )
        },
        ask_of: |newsletter, outlet| {
            format!(
                "Quelqu’un a demandé l’envoi de {newsletter}, publié par {outlet}, à cette adresse. Si c’est vous, il ne reste qu’un geste."
            )
        },
        button: "Confirmer mon abonnement",
        opens: "Le lien ouvre une page avec un seul bouton. Appuyez dessus et vous recevrez la prochaine édition.",
        ignore: "Si ce n’est pas vous, ne faites rien : sans ce geste, vous ne recevrez aucune lettre.",
        colon: "\u{A0}:",
    },
    Words {
        language: "zh",
        face: HAN,
        subject: |newsletter| format!("请确认订阅：{newsletter}"),
        title: "请确认是您本人",
        ask: |newsletter| format!("有人请我们将《{newsletter}》寄到此地址。如果是您本人，只差最后一步。"),
        ask_of: |newsletter, outlet| {
            format!("有人请 {outlet} 将《{newsletter}》寄到此地址。如果是您本人，只差最后一步。")
        },
        button: "确认订阅",
        opens: "此链接会打开一个只有一个按钮的页面。按下按钮，下一期就会寄给您。",
        ignore: "如果不是您本人，无需理会：不按那个按钮，您就不会收到任何一期。",
        colon: "：",
    },
];
