//! The featured picture: many themes show it above the text, outside the article's body, and say nowhere else what it shows.
//!
//! It takes only what the page says of that one picture; a picture of another story is never taken for it.

use crate::extract::same_picture;
use crate::link;
use crate::metadata::Metadata;
use dom_query::{Document, NodeRef};
use url::Url;

/// Where themes put it. WordPress's own class first: most partners run it.
const PLACES: &str =
    "img.wp-post-image, .featured-image img, .post-thumbnail img, .featured-media img, .entry-media img";
/// Parts of a page whose pictures belong to other stories.
const OTHERS: [&str; 6] = ["related", "recommended", "sidebar", "widget", "comments", "popular"];
/// How far up a picture's surroundings are looked at; pages are some ten deep around their article.
const ANCESTORS_MAX: usize = 32;

/// Fills in the lead picture and its alternative text where the head of the page leaves them out.
pub(crate) fn complete(page: &Document, base: &Url, told: &mut Metadata) {
    let pictures = page.select("img[src]");
    if told.picture.is_none() {
        let places = page.select(PLACES);
        let lead = places.nodes().iter().find(|node| !belongs_elsewhere(node));
        told.picture = lead.and_then(|node| source(node, base));
    }
    let Some(lead) = told.picture.as_deref().filter(|_| told.picture_alt.is_none()) else { return };
    let same = |node: &&NodeRef<'_>| source(node, base).is_some_and(|src| same_picture(&src, lead));
    let alt = |node: &NodeRef<'_>| node.attr("alt").map(|alt| alt.trim().to_owned()).filter(|alt| !alt.is_empty());
    let found = pictures.nodes().iter().filter(same).find_map(alt);
    told.picture_alt = found;
}

fn source(node: &NodeRef<'_>, base: &Url) -> Option<String> {
    link::picture(&node.attr("src")?, Some(base)).map(String::from)
}

fn belongs_elsewhere(node: &NodeRef<'_>) -> bool {
    node.ancestors_it(Some(ANCESTORS_MAX)).any(|around| {
        let element = around.node_name().is_some_and(|name| matches!(&*name, "aside" | "nav" | "footer"));
        let class = around.attr("class").map(|class| class.to_lowercase()).unwrap_or_default();
        element || OTHERS.iter().any(|word| class.contains(word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(html: &str) -> (Option<String>, Option<String>) {
        let base = Url::parse("https://outlet.example/story/").expect("a constant");
        let page = Document::from(html);
        let mut told = crate::metadata::read(&page, &base);
        complete(&page, &base, &mut told);
        (told.picture, told.picture_alt)
    }

    #[test]
    fn a_picture_above_the_text_is_the_lead_and_says_what_it_shows() {
        let html = r#"<main><div class="featured-image"><img src="/q.jpg" alt="The quay"></div><p>Text.</p></main>"#;
        let found = completed(html);
        assert_eq!(found, (Some("https://outlet.example/q.jpg".into()), Some("The quay".into())));
    }

    #[test]
    fn the_picture_that_the_head_names_takes_the_words_of_its_own_copy_on_the_page() {
        let html = r#"<head><meta property="og:image" content="/quay-scaled.jpg"></head><body>
          <img src="/boat.jpg" alt="A boat"><img src="/quay-1024x683.jpg" alt="The quay"></body>"#;
        let found = completed(html);
        assert_eq!(found, (Some("https://outlet.example/quay-scaled.jpg".into()), Some("The quay".into())));
    }

    #[test]
    fn another_storys_picture_is_never_taken() {
        let html = r#"<div class="related-posts"><img class="wp-post-image" src="/o.jpg" alt="Other"></div>
          <aside><img class="wp-post-image" src="/a.jpg" alt="Aside"></aside>"#;
        assert_eq!(completed(html), (None, None));
    }
}
