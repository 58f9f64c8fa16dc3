//! Editions to look at and to test with: an outlet of no real place, in five languages.

use edition::mail::{BlockView, CorrectionView, Doors, EditionView, EnvelopeView, PictureView, StoryBody, StoryView};
use jiff::civil::date;
use newsroom::{BlockKind, EditionKind};

/// Where the sample outlet's site would be.
pub const SITE: &str = "https://courier.example/";

/// A story in the outlet's own words, with the last part of its address.
fn story(
    language: &str,
    topic: &str,
    slug: &str,
    title: &str,
    byline: &str,
    outlet: Option<(&str, &str)>,
    teaser: &[&str],
) -> StoryView {
    StoryView {
        title: title.to_owned(),
        language: language.to_owned(),
        byline: Some(byline.to_owned()),
        outlet: outlet.map(|(name, _)| name.to_owned()),
        original: outlet.map(|(_, url)| url.to_owned()),
        topic: Some(topic.to_owned()),
        url: format!("{SITE}articles/{slug}/"),
        at: None,
        picture: None,
        body: StoryBody::Teaser(teaser.iter().map(|text| (*text).to_owned()).collect()),
    }
}

/// Twelve stories of five languages in an English edition.
pub fn mixed() -> EditionView {
    let mut stories = vec![
        story(
            "en",
            "Port",
            "first-ships-enter-harbour-3k1v9q8r2m0aa",
            "First ships enter the harbour after eleven days of strike",
            "Ana Sol and Peter Okafor",
            None,
            &[
                "Four container ships passed the breakwater before sunrise on Monday, hours after dockers voted by a narrow margin to accept shorter night shifts and a wage rise of 6.5 per cent.",
                "The union calls the agreement “a start, not a peace”. The port authority says that clearing the queue of twenty-six waiting vessels will take at least nine days.",
            ],
        ),
        story(
            "en",
            "Port",
            "tug-crews-left-out-3k1v9q8r2m0ab",
            "Tug crews say the deal forgot them",
            "Peter Okafor",
            None,
            &[
                "The 140 people who work the harbour’s tugs are employed by three contractors and were not at the table. Their representatives will meet on Wednesday to decide whether to stop work on their own. “Without us nothing bigger than a trawler moves,” said one mate.",
            ],
        ),
        story(
            "es",
            "Port",
            "pescadores-piden-muelle-propio-3k1v9q8r2m0ac",
            "Los pescadores piden un muelle propio antes del invierno",
            "Lucía Ferrer",
            Some(("La Voz del Estrecho", "https://lavoz.example/2026/11/23/muelle-propio")),
            &[
                "Tras once días sin poder descargar, la cofradía reclama un atraque reservado de ochenta metros. El puerto responde que no hay espacio hasta que termine la ampliación, prevista para 2028, y ofrece entretanto un turno de madrugada.",
            ],
        ),
        story(
            "en",
            "City hall",
            "water-rationing-vote-3k1v9q8r2m0ad",
            "Council votes tonight on rationing water in the upper districts",
            "Marguerite Lindqvist",
            None,
            &[
                "The reservoir stands at 31 per cent, its lowest level for the month since records began in 1954. The proposal would cut supply between 23:00 and 05:00 in four districts. Hospitals, schools and bakeries are exempt; laundries are not, and have announced an appeal.",
            ],
        ),
        story(
            "fr",
            "City hall",
            "budget-des-ecoles-3k1v9q8r2m0ae",
            "Écoles : le budget de chauffage amputé d’un tiers, les directeurs s’inquiètent",
            "Inès Delacourt",
            Some(("Le Fanal", "https://lefanal.example/ville/ecoles-chauffage")),
            &[
                "Dix-huit établissements devront tenir l’hiver avec 410 000 euros au lieu de 620 000. La mairie promet une révision en janvier « si le froid l’exige ». Plusieurs directeurs ont déjà prévu de regrouper les classes dans les ailes les mieux isolées.",
            ],
        ),
        story(
            "ar",
            "Neighbours",
            "معبر-الجبل-يفتح-ثلاث-ساعات-3k1v9q8r2m0af",
            "معبر الجبل يفتح ثلاث ساعات في اليوم للمرضى والطلاب",
            "سامي الحاج",
            Some(("صوت الساحل", "https://sawt.example/%D8%A7%D9%84%D9%85%D8%B9%D8%A8%D8%B1")),
            &[
                "أعلنت السلطات على الجانبين فتح المعبر من الثامنة حتى الحادية عشرة صباحًا ابتداءً من يوم الخميس. وقال أطباء في مستشفى المدينة إن نحو مئتي مريض ينتظرون العبور لتلقي العلاج، بعضهم منذ أكثر من شهرين.",
            ],
        ),
        story(
            "zh-Hans",
            "Neighbours",
            "渡轮航线恢复-3k1v9q8r2m0ag",
            "停航两年后，连接两岸的渡轮航线下周恢复",
            "林晓雯",
            Some(("海峡观察", "https://haixia.example/news/ferry-2026")),
            &[
                "首班船将于周二清晨六点四十分启航，单程票价定为三十五元，比停航前上涨五元。运营方表示，初期每天只开四班，若上座率超过六成，将从明年三月起加开夜航。沿岸商户对此普遍表示欢迎。",
            ],
        ),
        story(
            "en",
            "Health",
            "measles-clinic-hours-3k1v9q8r2m0ah",
            "Measles: clinics open on Sunday after nine new cases",
            "Dr Halima Yusuf",
            None,
            &[
                "All nine patients went to the same swimming course; seven are under six years old and none is in danger. The health office asks parents to check vaccination cards before coming, because the clinics expect queues of more than two hours.",
            ],
        ),
        story(
            "en",
            "Health",
            "night-pharmacies-3k1v9q8r2m0ai",
            "Which pharmacies stay open at night, and why three have stopped",
            "Tomas Brandt",
            Some(("Public Notice", "https://publicnotice.example/2026/pharmacies-at-night")),
            &[
                "A night shift costs a pharmacy about 340 a night and brings in 190. With the city’s subsidy unchanged since 2019, the number of night pharmacies fell from eleven to eight. We list them by district, with telephone numbers.",
            ],
        ),
        story(
            "en",
            "Culture",
            "cinema-reopens-3k1v9q8r2m0aj",
            "The Lux reopens with the film it closed on",
            "Noor van Dijk",
            None,
            &[
                "Seven years after the projector was switched off in the middle of a reel, the cooperative that bought the cinema will show the missing forty minutes first. Tickets cost what they cost in 2019. The seats are new; the smell, volunteers say, is not.",
            ],
        ),
        story(
            "es",
            "Culture",
            "archivo-de-barrio-3k1v9q8r2m0ak",
            "Un archivo de barrio reúne nueve mil fotografías que nadie quería tirar",
            "Joaquín Mena",
            Some(("Cuadernos del Sur", "https://cuadernos.example/archivo-de-barrio")),
            &[
                "Bodas, inundaciones, equipos de fútbol sin nombre: las cajas llegaron de sótanos y mudanzas. Un grupo de jubilados las ha ordenado por calles, no por fechas, “porque la gente recuerda dónde, no cuándo”. La exposición abre el viernes.",
            ],
        ),
        story(
            "en",
            "Weather",
            "wind-on-thursday-3k1v9q8r2m0al",
            "Wind of up to 95 km/h on Thursday; the coast road may close",
            "The Harbour Courier",
            None,
            &[
                "The weather service expects the strongest gusts between noon and 18:00. Trams on the bridge will stop at 11:30. Dry and cold from Friday, with the first ground frost in the valley.",
            ],
        ),
    ];
    stories[0].picture = Some(PictureView {
        url: format!("{SITE}pictures/5f1c2e-harbour.jpg"),
        alt: "A container ship passes a breakwater at dawn, with four people watching from the quay".to_owned(),
        width: 1600,
        height: 1000,
        caption: Some("The first ship passes the breakwater on Monday at 6.12.".to_owned()),
        credit: Some("Rui Tavares / The Harbour Courier".to_owned()),
    });
    EditionView {
        outlet: "The Harbour Courier".to_owned(),
        newsletter: "The Harbour Courier".to_owned(),
        site: SITE.to_owned(),
        language: "en".to_owned(),
        kind: EditionKind::Daily,
        date: date(2026, 11, 24),
        stories,
        envelope: EnvelopeView::default(),
        blocks: Vec::new(),
        more: 0,
        corrections: vec![CorrectionView {
            title: "Reservoir at its lowest since 1954".to_owned(),
            language: "en".to_owned(),
            text: "On Saturday we wrote that the reservoir holds 31 million cubic metres. It is at 31 per cent of its capacity, which is 19 million cubic metres.".to_owned(),
            url: format!("{SITE}articles/reservoir-lowest-since-1954-3k1v9q8r2m0am/"),
        }],
        postal_address: "Quay Street 12\n4050-123 Porto\nPortugal".to_owned(),
        web: format!("{SITE}editions/2026/11/24/"),
        doors: doors(),
    }
}

/// Where the sample outlet's readers choose and leave.
pub fn doors() -> Doors {
    Doors { preferences: format!("{SITE}preferences/"), unsubscribe: format!("{SITE}unsubscribe/") }
}

/// An edition that is Arabic from masthead to foot, but for one story.
pub fn arabic() -> EditionView {
    let mixed = mixed();
    let mut stories = vec![
        story(
            "ar",
            "الميناء",
            "أولى-السفن-تدخل-المرفأ-3k1v9q8r2m0ba",
            "أولى السفن تدخل المرفأ بعد إضراب دام أحد عشر يومًا",
            "سامي الحاج وليلى منصور",
            None,
            &[
                "عبرت أربع سفن حاويات كاسر الأمواج قبل شروق شمس الاثنين، بعد ساعات من تصويت عمال الأرصفة بفارق ضئيل على قبول نوبات ليلية أقصر وزيادة في الأجور قدرها 6.5 في المئة.",
                "وتصف النقابة الاتفاق بأنه «بداية لا سلام». وتقول سلطة الميناء إن إخلاء صف من ست وعشرين سفينة تنتظر سيستغرق تسعة أيام على الأقل.",
            ],
        ),
        story(
            "ar",
            "الميناء",
            "أطقم-القاطرات-3k1v9q8r2m0bb",
            "أطقم القاطرات تقول إن الاتفاق نسيها",
            "ليلى منصور",
            None,
            &[
                "يعمل مئة وأربعون شخصًا على قاطرات المرفأ لدى ثلاثة متعهدين، ولم يكونوا إلى طاولة المفاوضات. ويجتمع ممثلوهم يوم الأربعاء ليقرروا هل يتوقفون عن العمل وحدهم. وقال أحد المساعدين: «من دوننا لا يتحرك شيء أكبر من قارب صيد».",
            ],
        ),
        story(
            "ar",
            "الجوار",
            "معبر-الجبل-3k1v9q8r2m0bc",
            "معبر الجبل يفتح ثلاث ساعات في اليوم للمرضى والطلاب",
            "سامي الحاج",
            Some(("صوت الساحل", "https://sawt.example/crossing")),
            &[
                "أعلنت السلطات على الجانبين فتح المعبر من الثامنة حتى الحادية عشرة صباحًا ابتداءً من يوم الخميس. وقال أطباء في مستشفى المدينة إن نحو مئتي مريض ينتظرون العبور لتلقي العلاج، بعضهم منذ أكثر من شهرين.",
            ],
        ),
        story(
            "en",
            "الجوار",
            "water-rationing-vote-3k1v9q8r2m0bd",
            "Council votes tonight on rationing water in the upper districts",
            "Marguerite Lindqvist",
            Some(("The Harbour Courier", "https://courier.example/articles/water")),
            &[
                "The reservoir stands at 31 per cent, its lowest level for the month since records began in 1954. The proposal would cut supply between 23:00 and 05:00 in four districts.",
            ],
        ),
        story(
            "ar",
            "الصحة",
            "الحصبة-3k1v9q8r2m0be",
            "الحصبة: العيادات تفتح أبوابها يوم الأحد بعد تسع إصابات جديدة",
            "د. حليمة يوسف",
            None,
            &[
                "التحق المصابون التسعة جميعًا بدورة السباحة نفسها، وسبعة منهم دون السادسة ولا خطر على حياة أحد. وتطلب دائرة الصحة من الأهالي مراجعة بطاقات التطعيم قبل الحضور، إذ تتوقع العيادات انتظارًا يزيد على ساعتين.",
            ],
        ),
    ];
    stories[0].picture = mixed.stories[0].picture.clone().map(|picture| PictureView {
        alt: "سفينة حاويات تعبر كاسر الأمواج عند الفجر وأربعة أشخاص ينظرون من الرصيف".to_owned(),
        caption: Some("السفينة الأولى تعبر كاسر الأمواج يوم الاثنين في السادسة و12 دقيقة.".to_owned()),
        credit: Some("رامي طوقان / بريد المرفأ".to_owned()),
        ..picture
    });
    EditionView {
        outlet: "بريد المرفأ".to_owned(),
        newsletter: "بريد المرفأ".to_owned(),
        language: "ar".to_owned(),
        stories,
        corrections: vec![CorrectionView {
            title: "الخزان في أدنى مستوى منذ 1954".to_owned(),
            language: "ar".to_owned(),
            text: "كتبنا يوم السبت أن الخزان يحوي 31 مليون متر مكعب. والصحيح أنه عند 31 في المئة من سعته، أي 19 مليون متر مكعب.".to_owned(),
            url: format!("{SITE}articles/reservoir-3k1v9q8r2m0bf/"),
        }],
        postal_address: "شارع الرصيف 12\nطرابلس".to_owned(),
        ..mixed
    }
}

/// The Arabic edition with as many stories as the English one.
pub fn arabic_of_twelve() -> EditionView {
    repeated(arabic(), "ar")
}

/// A Chinese edition of twelve stories.
pub fn chinese_of_twelve() -> EditionView {
    let view = EditionView {
        outlet: "海峡观察".to_owned(),
        newsletter: "海峡观察".to_owned(),
        language: "zh-Hans".to_owned(),
        corrections: Vec::new(),
        postal_address: "码头街 12 号".to_owned(),
        ..mixed()
    };
    repeated(view, "zh-Hans")
}

fn repeated(view: EditionView, language: &str) -> EditionView {
    let of_language: Vec<StoryView> = view.stories.iter().filter(|s| s.language == language).cloned().collect();
    let stories = (0..12).map(|index| of_language[index % of_language.len()].clone()).collect();
    EditionView { stories, ..view }
}

/// What real feeds hold now and then: names without end, words without a space, nothing where something is hoped for.
pub fn awkward() -> EditionView {
    let mut view = mixed();
    view.newsletter = "The Harbour Courier’s Long Weekend Letter to Its Readers Abroad".to_owned();
    view.language = "de".to_owned();
    view.stories.truncate(5);
    view.stories[0].title = format!("https://courier.example/{}", "a-very-long-address-".repeat(8));
    if let Some(picture) = &mut view.stories[0].picture {
        (picture.width, picture.height) = (800, 2_400);
        picture.alt.clear();
        picture.credit = None;
    }
    view.stories[1].title =
        "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichenverordnung tritt in Kraft".to_owned();
    view.stories[1].language = "de".to_owned();
    view.stories[1].outlet = Some("Hafenblatt".to_owned());
    view.stories[1].original = Some("javascript:alert(1)".to_owned());
    view.stories[1].topic = None;
    view.stories[2].byline = None;
    view.stories[2].body = StoryBody::Teaser(Vec::new());
    view.stories[3].title.clear();
    view.stories[4].language = "und".to_owned();
    view.stories[4].title = "الميناء يفتح أبوابه".to_owned();
    view.stories[4].topic = Some("Stadtverordnetenversammlungsausschussvorsitzendenkonferenz".to_owned());
    view.postal_address.clear();
    view
}

/// What an outlet puts around its stories: a note, a card of another site, blocks of every kind, and more than the mail holds.
pub fn dressed() -> EditionView {
    let mut view = mixed();
    view.envelope = EnvelopeView {
        subject: "The harbour opens".to_owned(),
        last_subjects: vec!["The harbour opens".to_owned()],
        preview: "Four ships by sunrise, and what the tug crews say".to_owned(),
        note: vec!["Good morning from the quay.".to_owned(), "Thank you for the letters about the wells.".to_owned()],
        signed: "Ana Sol, editor".to_owned(),
        language: "en".to_owned(),
    };
    let block = |kind, title: &str, url: &str, link_words: &str| BlockView {
        kind,
        language: "en".to_owned(),
        title: title.to_owned(),
        text: "A few sentences that say what it is about.".to_owned(),
        url: url.to_owned(),
        link_words: link_words.to_owned(),
    };
    view.blocks = vec![
        block(BlockKind::Appeal, "Three hundred readers pay for this mail", "https://courier.example/give", "Give"),
        block(BlockKind::Event, "An evening on water", "https://courier.example/evening", "Come along"),
        block(BlockKind::Sponsor, "Quayside Bakery", "https://bakery.example/", "See the bread"),
    ];
    view.stories[1].at = Some("tugs.example".to_owned());
    view.stories[1].url = "https://tugs.example/deal?a=1&b=2".to_owned();
    view.stories[1].outlet = Some("The Tug".to_owned());
    view.more = 31;
    view
}

/// An edition of whole articles.
pub fn full() -> EditionView {
    use prose::{Block, Inline};
    let mut view = mixed();
    view.stories.truncate(3);
    for story in &mut view.stories {
        let StoryBody::Teaser(paragraphs) = &story.body else { continue };
        let mut blocks: Vec<Block> = paragraphs.iter().map(Block::paragraph).collect();
        blocks.push(Block::Heading { level: 2, inlines: vec![Inline::text("What happens next")] });
        blocks.push(Block::Paragraph {
            inlines: vec![
                Inline::text("The "),
                Inline::link("/articles/agreement", "full text of the agreement"),
                Inline::text(" was published on Monday."),
            ],
        });
        blocks.push(Block::Quote { blocks: vec![Block::paragraph("We will read every line of it.")] });
        blocks.push(Block::List {
            ordered: false,
            items: vec![
                vec![Block::paragraph("Night shifts end at four.")],
                vec![Block::paragraph("Wages rise in March.")],
            ],
        });
        story.body = StoryBody::Full(prose::Document { blocks });
    }
    view
}
