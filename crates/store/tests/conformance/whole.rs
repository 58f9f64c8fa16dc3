//! Stories of the whole database: out in one look, into an empty one, and held until a person says that it may send.

use newsroom::DepartureState;
use store::editions::Audience;
use store::ledger::{self, Claim};
use store::whole::{self, Cell};
use store::{Error, Location, Store, editions, readers, settings};

use crate::engines::{DAILY, DAWN, cut, newsroom_with, order, tell};

/// Every row of every table, as text, sorted: the engines order text differently.
async fn everything(store: &Store) -> Vec<String> {
    let read = store.read(|tx| {
        let mut all = Vec::new();
        for table in whole::every() {
            whole::rows(tx, table, |row| {
                all.push(format!("{} {row:?}", table.name));
                Ok(())
            })?;
        }
        Ok(all)
    });
    let mut all = read.await.expect("a look");
    all.sort();
    all
}

fn somewhere(name: &str) -> (std::path::PathBuf, Location) {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("whole-{name}-{}", std::process::id()));
    let _none = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a temporary folder");
    (folder.clone(), Location::Sqlite(folder.join("newsroom.db")))
}

#[test]
fn what_is_taken_out_whole_stands_in_another_database_as_it_was() {
    tell("whole", async |store| {
        newsroom_with(&store, 3_000).await;
        cut(&store, "2026-01-01", 40, 20).await;
        let before = everything(&store).await;
        let rows = store.read(|tx| {
            let mut tables = Vec::new();
            for table in whole::every() {
                let mut rows: Vec<Vec<Cell>> = Vec::new();
                whole::rows(tx, table, |row| {
                    rows.push(row);
                    Ok(())
                })?;
                tables.push(rows);
            }
            Ok(tables)
        });
        let rows = rows.await.expect("a look");
        let (folder, there) = somewhere("copy");
        let migrations = whole::migrations().len();
        whole::restore(&there, migrations, |tx| {
            whole::every().iter().zip(&rows).try_for_each(|(table, rows)| whole::fill(tx, table, rows))
        })
        .expect("it was empty");
        let copy = Store::open(&there).expect("it stands");
        assert_eq!(everything(&copy).await, before);
        drop(copy);
        let twice = whole::restore(&there, migrations, |_| Ok(()));
        assert!(matches!(twice, Err(Error::Unfit(_))), "a newsroom is never written over: {twice:?}");
        std::fs::remove_dir_all(folder).expect("our own folder");
        vec![format!("{}", before.len())]
    });
}

#[test]
fn a_row_that_does_not_fit_leaves_nothing_behind() {
    tell("whole-unfit", async |store| {
        newsroom_with(&store, 1).await;
        let newsletter = whole::every().iter().find(|table| table.name == "newsletter").expect("it is founded");
        let told = store
            .write(|tx| {
                let good = vec![Cell::Int(9), Cell::Text("b".into()), Cell::Text("B".into())];
                let short = vec![Cell::Int(10)];
                let wrong = vec![Cell::Int(10), Cell::Int(1), Cell::Text("B".into())];
                let again = vec![Cell::Int(9), Cell::Text("c".into()), Cell::Text("C".into())];
                whole::fill(tx, newsletter, &[good])?;
                let refused = [short, wrong, again].map(|row| whole::fill(tx, newsletter, &[row]).is_err());
                Ok(refused)
            })
            .await
            .expect("a story");
        assert_eq!(told, [true; 3]);
        vec![format!("{told:?}")]
    });
}

#[test]
fn a_restored_newsroom_is_held_and_its_edition_paused() {
    tell("whole-held", async |store| {
        newsroom_with(&store, 3).await;
        cut(&store, "2026-01-01", 40, 20).await;
        let told = store
            .write(|tx| {
                let lease = ledger::take_lease(tx, "a", DAWN, DAWN + 60_000)?.expect("nobody holds it");
                let copies = ledger::claim(tx, lease, Claim::Edition(newsroom::DepartureId(40), -1, -1), 2)?;
                assert_eq!(
                    ledger::mark(tx, lease, &[(copies[0].key, copies[0].cohort, newsroom::RouteId::FIRST)])?,
                    [true]
                );
                whole::hold(tx, "restored", DAWN)?;
                let held = settings::get(tx, whole::HELD)?;
                let departure = editions::departure_by_id(tx, newsroom::DepartureId(40))?.expect("it was cut");
                assert_eq!(departure.state, DepartureState::Paused);
                let next = ledger::take_lease(tx, "b", DAWN + 1, DAWN + 60_000)?.expect("the old lease is let go");
                let none = ledger::claim(tx, next, Claim::Edition(newsroom::DepartureId(40), -1, -1), 9)?;
                assert!(none.is_empty(), "nothing leaves by itself");
                let sums = ledger::sums(tx, newsroom::DepartureId(40))?;
                Ok((held, format!("{sums:?}"), whole::newest_departure(tx)?))
            })
            .await
            .expect("a story");
        assert_eq!((told.0.as_deref(), told.2), (Some("restored"), 40));
        let released = store.write(|tx| {
            whole::release(tx, Some("2026-01-05"), DAWN)?;
            let due_on = |date| editions::due_keys(tx, &order(date, 50, 30, &[]).edition, &Audience::Everybody);
            let (due, later) = (due_on("2026-01-05")?.len(), due_on("2026-01-06")?.len());
            Ok((settings::get(tx, whole::HELD)?, due, later > 0, readers::counts(tx, DAILY)?.active))
        });
        let released = released.await.expect("a story");
        assert_eq!(released, (None, 0, true, 3), "nobody gets an edition of a date that was served elsewhere");
        vec![format!("{told:?} {released:?}")]
    });
}
