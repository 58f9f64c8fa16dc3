//! From the store to the folder: what is published lies there, what is withdrawn does not.

use crate::{place::Place, sample};

use std::path::Path;

use newsroom::{Article, NewsletterId, Outlet, PictureId};
use press::folder::Manifest;
use press::publish::publish;
use store::{Location, Store};
use world::World;

fn outlet() -> Outlet {
    Outlet {
        name: "The Harbour Post".into(),
        tagline: "What the coast has to know, once a day".into(),
        site: "https://post.example".into(),
        language: "en".into(),
        zone: "Europe/Madrid".into(),
        postal_address: "1 Quay".into(),
        from: "post@post.example".into(),
        reply_to: None,
        mail_domain: "post.example".into(),
        selector: "c1".into(),
        invitation: "One mail a day, and it ends.".into(),
    }
}

fn world() -> World {
    world::simulated::world(7, world::simulated::Internet::new())
}

fn picture_bytes(name: &str) -> Vec<u8> {
    format!("picture {name}").into_bytes()
}

/// A store with the sample's topics and its first six articles, published oldest first.
async fn founded(place: &Path) -> (Store, Vec<Article>) {
    let store = Store::open(&Location::Sqlite(place.join("newsroom.sqlite"))).expect("a fresh database opens");
    let articles: Vec<Article> = sample::articles().into_iter().take(6).collect();
    let kept = articles.clone();
    let found = move |tx: &store::Write<'_>| {
        for topic in sample::topics() {
            store::topics::ensure(tx, topic.id, &topic.slug, &topic.title)?;
        }
        let newsletter = newsroom::Newsletter { id: NewsletterId(1), slug: "daily".into(), title: "Daily".into() };
        store::newsletters::add(tx, &newsletter)?;
        for article in kept.iter().rev() {
            if let Some(shown) = &article.revision.picture {
                let hash = shown.file.clone().into_bytes();
                let picture = store::pictures::Picture {
                    id: PictureId(shown.picture.0),
                    hash,
                    file: shown.file.clone(),
                    width: shown.width,
                    height: shown.height,
                };
                store::pictures::keep(tx, &picture, picture_bytes(&shown.file))?;
            }
            let first = newsroom::Revision { number: 1, ..article.revision.clone() };
            store::articles::add(tx, &article.slug, None, None, &first)?;
            let at = article.published.expect("the sample is published").at;
            store::articles::publish(tx, article.id, at)?.expect("published once");
        }
        Ok(())
    };
    store.write(found).await.expect("it is written");
    (store, articles)
}

#[tokio::test(start_paused = true)]
async fn what_the_store_holds_is_laid_with_its_pictures() {
    let place = Place::new("holds");
    let (store, articles) = founded(&place).await;
    let folder = place.join("site");
    let changes = publish(&world(), &store, &outlet(), &folder).await.expect("it is published");
    assert_eq!(changes.missing, Vec::<String>::new());
    let front = std::fs::read_to_string(folder.join("index.html")).expect("it lies there");
    for article in &articles {
        assert!(front.contains(&article.revision.title), "{}", article.revision.title);
        assert!(folder.join("articles").join(&article.slug).join("index.html").exists());
    }
    assert!(front.contains("One mail a day, and it ends."));
    let shown = articles[0].revision.picture.as_ref().expect("the first has one");
    let laid = std::fs::read(folder.join("pictures").join(&shown.file)).expect("it lies there");
    assert_eq!(laid, picture_bytes(&shown.file));
    let again = publish(&world(), &store, &outlet(), &folder).await.expect("it is published");
    assert_eq!((again.written.len(), again.kept), (0, changes.written.len() + changes.kept));
}

#[tokio::test(start_paused = true)]
async fn a_withdrawn_article_leaves_the_site_and_its_address_says_so() {
    let place = Place::new("withdrawn");
    let (store, articles) = founded(&place).await;
    let folder = place.join("site");
    publish(&world(), &store, &outlet(), &folder).await.expect("it is published");
    let gone = articles[0].id;
    assert!(store.write(move |tx| store::articles::withdraw(tx, gone)).await.expect("it is written"));
    publish(&world(), &store, &outlet(), &folder).await.expect("it is published");
    let manifest = Manifest::read(&folder).expect("it reads");
    let asked = |slug: &str| {
        let path = format!("/articles/{slug}/");
        press::serve::lookup(&manifest, press::serve::Asked { path: &path, ..Default::default() }).status
    };
    assert_eq!([asked(&articles[0].slug), asked(&articles[1].slug)], [410, 200]);
    let left = std::fs::read_to_string(folder.join("articles").join(&articles[0].slug).join("index.html"));
    let left = left.expect("its address says something");
    assert!(left.contains("Withdrawn") && !left.contains("class=\"prose\""), "{left}");
    let front = std::fs::read_to_string(folder.join("index.html")).expect("the front page");
    assert!(!front.contains(&articles[0].slug), "nothing leads there any more");
}

// Not paused: the database works on threads of its own, and a paused clock would run ahead of them.
#[tokio::test]
async fn two_publishers_take_turns() {
    let place = Place::new("turns");
    let (store, _) = founded(&place).await;
    let (world, outlet, folder) = (world(), outlet(), place.join("site"));
    let (one, other) =
        tokio::join!(publish(&world, &store, &outlet, &folder), publish(&world, &store, &outlet, &folder));
    let (one, other) = (one.expect("it is published"), other.expect("it is published"));
    let written = [one.written.len(), other.written.len()];
    assert_eq!(
        written.iter().filter(|count| **count == 0).count(),
        1,
        "the second finds everything as it should be: {written:?}"
    );
}
