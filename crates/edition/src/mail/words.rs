//! The mail's own words, in the languages that it speaks, and how each writes dates and numbers (CLDR 48). A language
//! without a table gets English. Every phrase that takes a name is a function, so that no table can forget one.

use super::language::primary;
use jiff::civil::Date;

/// The words of one language.
pub(crate) struct Words {
    /// Its BCP 47 tag.
    pub(crate) language: &'static str,
    /// Before the headlines above the masthead of a daily, a weekly and a breaking edition.
    pub(crate) also: [&'static str; 3],
    /// Between the parts of a postal address.
    pub(crate) comma: &'static str,
    /// After a phrase that a link follows, in the text part.
    pub(crate) colon: &'static str,
    /// The link to an article.
    pub(crate) read: &'static str,
    /// The link to an article that lives elsewhere.
    pub(crate) read_at: fn(host: &str) -> String,
    /// Above an appeal, an event, and what a sponsor paid for.
    pub(crate) labels: [&'static str; 3],
    /// The link to what the mail had no room for.
    pub(crate) more_on_site: fn(count: u64) -> String,
    /// Above stories that have no topic, when others have one.
    pub(crate) more: &'static str,
    /// Above the corrections.
    pub(crate) corrections: &'static str,
    /// The link to the edition on the site.
    pub(crate) web: &'static str,
    /// For whom the mail was forwarded to, before a link that carries no token.
    pub(crate) friend: &'static str,
    /// That link.
    pub(crate) friend_link: &'static str,
    /// The link to the reader's choices.
    pub(crate) preferences: &'static str,
    /// The link that ends the subscription.
    pub(crate) unsubscribe: &'static str,
    /// The calm end of a daily, a weekly and a breaking edition.
    pub(crate) end: [&'static str; 3],
    pub(crate) original: fn(outlet: &str) -> String,
    pub(crate) photo: fn(credit: &str) -> String,
    /// Why this mail came, when the newsletter is called as its outlet is.
    pub(crate) why: fn(newsletter: &str) -> String,
    /// Why this mail came, when it is not.
    pub(crate) why_of: fn(newsletter: &str, outlet: &str) -> String,
    pub(crate) stories: fn(count: u64) -> String,
    pub(crate) words: fn(count: u64) -> String,
    pub(crate) minutes: fn(count: u64) -> String,
    pub(crate) date: fn(Date) -> String,
}

impl Words {
    /// The words of `language`, a BCP 47 tag; English when there is no table for it.
    pub(crate) fn of(language: &str) -> &'static Self {
        let wanted = primary(language);
        EVERY.iter().find(|words| words.language == wanted).unwrap_or(&EVERY[0])
    }

    /// The words of `language` when there is a table for it.
    pub(crate) fn exactly(language: &str) -> Option<&'static Self> {
        let wanted = primary(language);
        EVERY.iter().find(|words| words.language == wanted)
    }
}

/// Every table. English first: it stands in for the others.
pub(crate) static EVERY: [Words; 5] = [
    Words {
        language: "en",
        also: ["Also today: ", "Also this week: ", "Also: "],
        comma: ", ",
        colon: ":",
        read: "Read the article",
        read_at: |host| format!("Read it at {host}"),
        labels: ["Support us", "Event", "Sponsored"],
        more_on_site: |n| format!("More on the site: {}", one_or_more(n, "story", "stories", ",")),
        more: "More news",
        corrections: "Corrections",
        web: "Read this edition on the web",
        friend: "Somebody sent you this?",
        friend_link: "Get it yourself",
        preferences: "Change what you get",
        unsubscribe: "Unsubscribe",
        end: ["That is all for today.", "That is all for this week.", "That is all for now."],
        original: |outlet| format!("Originally published by {outlet}"),
        photo: |credit| format!("Picture: {credit}"),
        why: |newsletter| format!("You get this mail because you confirmed that you want to read {newsletter}."),
        why_of: |newsletter, outlet| {
            format!("You get this mail because you confirmed that you want {newsletter}, which {outlet} publishes.")
        },
        stories: |n| one_or_more(n, "story", "stories", ","),
        words: |n| one_or_more(n, "word", "words", ","),
        minutes: |n| one_or_more(n, "minute", "minutes", ","),
        date: |date| {
            format!("{} {} {} {}", name(EN_DAYS, day(date)), date.day(), name(EN_MONTHS, month(date)), date.year())
        },
    },
    Words {
        language: "ar",
        also: ["وفي هذا اليوم أيضًا: ", "وفي هذا الأسبوع أيضًا: ", "واقرأ أيضًا: "],
        comma: "، ",
        colon: ":",
        read: "اقرأ المقال",
        read_at: |host| format!("اقرأه على {host}"),
        labels: ["ادعمنا", "فعالية", "محتوى مدفوع"],
        more_on_site: |n| format!("المزيد على الموقع: {}", arabic(n, ["خبر واحد", "خبران", "أخبار", "خبرًا", "خبر"])),
        more: "أخبار أخرى",
        corrections: "تصويبات",
        web: "اقرأ هذا العدد على الموقع",
        friend: "أرسله إليك أحدهم؟",
        friend_link: "اشترك فيه بنفسك",
        preferences: "غيّر ما يصلك",
        unsubscribe: "إلغاء الاشتراك",
        end: ["هذا كل شيء لهذا اليوم.", "هذا كل شيء لهذا الأسبوع.", "هذا كل شيء الآن."],
        original: |outlet| format!("نُشر أولًا في {outlet}"),
        photo: |credit| format!("الصورة: {credit}"),
        why: |newsletter| format!("تصلك هذه الرسالة لأنك أكدت رغبتك في قراءة «{newsletter}»."),
        why_of: |newsletter, outlet| {
            format!("تصلك هذه الرسالة لأنك أكدت رغبتك في تلقي «{newsletter}» التي تصدرها «{outlet}».")
        },
        stories: |n| arabic(n, ["خبر واحد", "خبران", "أخبار", "خبرًا", "خبر"]),
        words: |n| arabic(n, ["كلمة واحدة", "كلمتان", "كلمات", "كلمة", "كلمة"]),
        minutes: |n| arabic(n, ["دقيقة واحدة", "دقيقتان", "دقائق", "دقيقة", "دقيقة"]),
        date: |date| {
            format!("{}، {} {} {}", name(AR_DAYS, day(date)), date.day(), name(AR_MONTHS, month(date)), date.year())
        },
    },
    Words {
        language: "es",
        also: ["Además, hoy: ", "Además, esta semana: ", "Además: "],
        comma: ", ",
        colon: ":",
        read: "Leer el artículo",
        read_at: |host| format!("Leer en {host}"),
        labels: ["Apóyenos", "Evento", "Contenido patrocinado"],
        more_on_site: |n| format!("Más en la web: {}", one_or_more(n, "noticia", "noticias", SPANISH)),
        more: "Más noticias",
        corrections: "Correcciones",
        web: "Leer esta edición en la web",
        friend: "¿Se lo envió alguien?",
        friend_link: "Recíbalo usted también",
        preferences: "Cambiar lo que recibe",
        unsubscribe: "Darse de baja",
        end: ["Eso es todo por hoy.", "Eso es todo por esta semana.", "Eso es todo por ahora."],
        original: |outlet| format!("Publicado originalmente por {outlet}"),
        photo: |credit| format!("Imagen: {credit}"),
        why: |newsletter| format!("Recibe este correo porque confirmó que quiere leer {newsletter}."),
        why_of: |newsletter, outlet| {
            format!("Recibe este correo porque confirmó que quiere {newsletter}, que publica {outlet}.")
        },
        stories: |n| one_or_more(n, "noticia", "noticias", SPANISH),
        words: |n| one_or_more(n, "palabra", "palabras", SPANISH),
        minutes: |n| one_or_more(n, "minuto", "minutos", SPANISH),
        date: |date| {
            format!(
                "{}, {} de {} de {}",
                name(ES_DAYS, day(date)),
                date.day(),
                name(ES_MONTHS, month(date)),
                date.year()
            )
        },
    },
    Words {
        language: "fr",
        also: ["Aujourd’hui aussi : ", "Cette semaine aussi : ", "À lire aussi : "],
        comma: ", ",
        colon: "\u{A0}:",
        read: "Lire l’article",
        read_at: |host| format!("À lire sur {host}"),
        labels: ["Soutenez-nous", "Rendez-vous", "Contenu sponsorisé"],
        more_on_site: |n| format!("Encore sur le site : {}", french(n, "article", "articles")),
        more: "Autres nouvelles",
        corrections: "Rectificatifs",
        web: "Lire cette édition sur le site",
        friend: "On vous l’a transféré ?",
        friend_link: "Recevez-le vous aussi",
        preferences: "Modifier ce que vous recevez",
        unsubscribe: "Se désabonner",
        end: ["C’est tout pour aujourd’hui.", "C’est tout pour cette semaine.", "C’est tout pour l’instant."],
        original: |outlet| format!("Publié d’abord par {outlet}"),
        photo: |credit| format!("Image : {credit}"),
        why: |newsletter| format!("Vous recevez ce courrier parce que vous avez confirmé vouloir lire {newsletter}."),
        why_of: |newsletter, outlet| {
            format!("Vous recevez ce courrier parce que vous avez confirmé vouloir {newsletter}, que publie {outlet}.")
        },
        stories: |n| french(n, "article", "articles"),
        words: |n| french(n, "mot", "mots"),
        minutes: |n| french(n, "minute", "minutes"),
        date: |date| {
            let ordinal = if date.day() == 1 { "er" } else { "" };
            format!(
                "{} {}{ordinal} {} {}",
                name(FR_DAYS, day(date)),
                date.day(),
                name(FR_MONTHS, month(date)),
                date.year()
            )
        },
    },
    Words {
        language: "zh",
        also: ["今日还有：", "本周还有：", "还有："],
        comma: "、",
        colon: "：",
        read: "阅读全文",
        read_at: |host| format!("在 {host} 阅读"),
        labels: ["支持我们", "活动", "赞助内容"],
        more_on_site: |n| format!("网站上还有 {} 篇报道", grouped(n, ",")),
        more: "更多报道",
        corrections: "更正",
        web: "在网站上阅读本期",
        friend: "有人转发给您？",
        friend_link: "自己也订一份",
        preferences: "更改接收内容",
        unsubscribe: "退订",
        end: ["今天就到这里。", "本周就到这里。", "暂时就到这里。"],
        original: |outlet| format!("原载于 {outlet}"),
        photo: |credit| format!("图片：{credit}"),
        why: |newsletter| format!("您收到此邮件，是因为您确认订阅了《{newsletter}》。"),
        why_of: |newsletter, outlet| format!("您收到此邮件，是因为您确认订阅了 {outlet} 出版的《{newsletter}》。"),
        stories: |n| format!("{} 篇报道", grouped(n, ",")),
        words: |n| format!("{} 字", grouped(n, ",")),
        minutes: |n| format!("约 {} 分钟", grouped(n, ",")),
        date: |date| format!("{}年{}月{}日{}", date.year(), date.month(), date.day(), name(ZH_DAYS, day(date))),
    },
];

const EN_DAYS: &str = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday";
const EN_MONTHS: &str = "January February March April May June July August September October November December";
const AR_DAYS: &str = "الاثنين الثلاثاء الأربعاء الخميس الجمعة السبت الأحد";
const AR_MONTHS: &str = "يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر";
const ES_DAYS: &str = "lunes martes miércoles jueves viernes sábado domingo";
const ES_MONTHS: &str = "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre";
const FR_DAYS: &str = "lundi mardi mercredi jeudi vendredi samedi dimanche";
const FR_MONTHS: &str = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre";
const ZH_DAYS: &str = "星期一 星期二 星期三 星期四 星期五 星期六 星期日";

fn day(date: Date) -> i8 {
    date.weekday().to_monday_zero_offset()
}

fn month(date: Date) -> i8 {
    date.month() - 1
}

fn name(names: &'static str, index: i8) -> &'static str {
    let index = usize::try_from(index).expect("jiff's days and months are not negative");
    names.split(' ').nth(index).expect("seven days and twelve months are listed")
}

/// CLDR `es`: no separator in numbers of four digits.
const SPANISH: &str = ".4";

/// `1 story`, `12 stories`.
fn one_or_more(count: u64, one: &str, more: &str, separator: &str) -> String {
    let separator = if separator == SPANISH && count < 10_000 { "" } else { separator.trim_end_matches('4') };
    format!("{} {}", grouped(count, separator), if count == 1 { one } else { more })
}

/// French counts none as one, and parts thousands by a narrow space that does not break.
fn french(count: u64, one: &str, more: &str) -> String {
    format!("{} {}", grouped(count, "\u{202F}"), if count < 2 { one } else { more })
}

/// Arabic has words of its own for one and two, a plural for 3 to 10, an accusative for 11 to 99 and the bare noun for
/// hundreds; the last two digits decide (CLDR plural rules for `ar`).
fn arabic(count: u64, [one, two, few, many, other]: [&str; 5]) -> String {
    let noun = match (count, count % 100) {
        (1, _) => return one.to_owned(),
        (2, _) => return two.to_owned(),
        (_, 3..=10) => few,
        (_, 11..=99) => many,
        _ => other,
    };
    format!("{} {noun}", grouped(count, ","))
}

fn grouped(count: u64, separator: &str) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push_str(separator);
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_language_writes_dates_its_own_way() {
        let date = jiff::civil::date(2026, 11, 1);
        let written = |language: &str| (Words::of(language).date)(date);
        assert_eq!(written("en-GB"), "Sunday 1 November 2026");
        assert_eq!(written("ar"), "الأحد، 1 نوفمبر 2026");
        assert_eq!(written("es"), "domingo, 1 de noviembre de 2026");
        assert_eq!(written("fr"), "dimanche 1er novembre 2026");
        assert_eq!(written("zh-Hans"), "2026年11月1日星期日");
        assert_eq!(written("tlh"), "Sunday 1 November 2026");
    }

    #[test]
    fn each_language_counts_its_own_way() {
        let counted = |language: &str, n| (Words::of(language).stories)(n);
        assert_eq!(counted("en", 1), "1 story");
        assert_eq!(counted("en", 1_234_567), "1,234,567 stories");
        let arabic: Vec<String> = [1, 2, 3, 10, 11, 99, 100, 101, 103].map(|n| counted("ar", n)).into();
        assert_eq!(
            arabic,
            ["خبر واحد", "خبران", "3 أخبار", "10 أخبار", "11 خبرًا", "99 خبرًا", "100 خبر", "101 خبر", "103 أخبار"]
        );
        assert_eq!(counted("es", 1_234), "1234 noticias");
        assert_eq!(counted("es", 12_345), "12.345 noticias");
        assert_eq!(counted("fr", 1_234), "1\u{202F}234 articles");
        assert_eq!(counted("zh", 12), "12 篇报道");
    }
}
