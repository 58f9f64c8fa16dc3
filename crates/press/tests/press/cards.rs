//! Cards lead to where a story lives and have no page here; house blocks are labelled; an editor's lead leads.

use crate::sample;

use newsroom::{Article, BlockId, BlockKind, BlockPlace, Form, HouseBlock};
use press::{FeedFormat, Page, Site, SiteView, pages, render};

fn view_with_card() -> (SiteView, Article) {
    let mut view = sample::view("en");
    let card = &mut view.articles[0];
    card.form = Form::Card;
    card.revision.credit.canonical = Some("https://www.tugs.example/deal?a=1&b=2".into());
    card.revision.credit.outlet = Some("The Tug".into());
    let card = card.clone();
    (view, card)
}

fn text(site: &Site, page: Page) -> String {
    let file = render(site, page).expect("the sample renders").expect("there is such a page");
    String::from_utf8(file.bytes).expect("pages are UTF-8")
}

#[test]
fn a_card_leads_to_where_the_story_lives_and_has_no_page_here() {
    let (view, card) = view_with_card();
    let site = Site::new(view).expect("a sound sample");
    assert!(!pages(&site).contains(&Page::Article(card.id)) && !pages(&site).contains(&Page::Picture(card.id)));
    assert!(render(&site, Page::Article(card.id)).expect("no fault").is_none());
    let front = text(&site, Page::Front);
    let link = "<a href=\"https://www.tugs.example/deal?a=1&amp;b=2\" rel=\"external noopener noreferrer\">";
    assert!(front.contains(link), "{front}");
    assert!(front.contains("<bdi>tugs.example</bdi>") && !front.contains(&card.slug));
    assert!(!text(&site, Page::Sitemap).contains("tugs.example"));
}

#[test]
fn feeds_carry_a_card_with_its_own_address_and_no_text_of_the_other_outlet() {
    let (view, card) = view_with_card();
    let site = Site::new(view).expect("a sound sample");
    for format in FeedFormat::EVERY {
        let feed = text(&site, Page::Feed(format, None));
        assert!(feed.contains("tugs.example/deal?a=1&"), "{format:?}");
        assert!(!feed.contains("post.example/articles/https"), "{format:?}");
        assert!(!feed.contains(&card.slug), "{format:?}");
        // The first sentence of the sample's body.
        assert!(!feed.contains("At six the bell rings twice."), "{format:?}");
    }
}

#[test]
fn a_card_that_leads_nowhere_is_a_page() {
    let (mut view, card) = view_with_card();
    view.articles[0].revision.credit.canonical = Some("javascript:alert(1)".into());
    let site = Site::new(view).expect("a sound sample");
    assert!(pages(&site).contains(&Page::Article(card.id)));
}

#[test]
fn an_editors_lead_leads_with_or_without_a_picture() {
    let mut view = sample::view("en");
    let chosen =
        view.articles.iter_mut().rev().find(|a| view.editions[0].line_up.contains(&a.id)).expect("it is lined up");
    chosen.revision.picture = None;
    view.editions[0].lead = Some(chosen.id);
    let title = chosen.revision.title.clone();
    let front = text(&Site::new(view).expect("a sound sample"), Page::Front);
    let lead = front.split("class=\"teaser lead\"").nth(1).expect("a lead");
    let headline = lead.split("</h3>").next().expect("a headline");
    assert!(headline.contains(&title), "{headline}");
}

#[test]
fn blocks_are_labelled_in_the_outlets_language_and_what_is_paid_for_says_so() {
    for (language, label) in [("en", "Sponsored"), ("ar", "محتوى مدفوع"), ("fr", "Contenu sponsorisé")] {
        let mut view = sample::view(language);
        view.blocks = vec![HouseBlock {
            id: BlockId(1),
            kind: BlockKind::Sponsor,
            place: BlockPlace::Both,
            title: "Quayside <Bakery>".into(),
            text: "Bread at six.".into(),
            link: "https://bakery.example/".into(),
            link_words: "See the bread".into(),
            starts: 0,
            ends: 1,
        }];
        let article = view.articles[1].id;
        let site = Site::new(view).expect("a sound sample");
        for page in [Page::Front, Page::Article(article)] {
            let html = text(&site, page);
            assert!(html.contains(label) && html.contains("Quayside &lt;Bakery&gt;"), "{language} {page:?}");
            assert!(html.contains("href=\"https://bakery.example/\" rel=\"sponsored external noopener noreferrer\""));
        }
    }
}
