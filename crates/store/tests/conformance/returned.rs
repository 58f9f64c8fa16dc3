//! Stories of what comes back: kept once, counted in rows, held, turned away.

use newsroom::{DAY_MS, DepartureId, ReaderId};
use store::readers;
use store::returned::{self, Kind, Outcome, Returned};

use crate::engines::{DAILY, DAWN, newsroom_with, tell};

fn row(id: i64, reader: i64, departure: i64, outcome: Outcome) -> Returned {
    Returned {
        id,
        reader: ReaderId(reader),
        departure: DepartureId(departure),
        kind: Kind::Bounce,
        at: DAWN + id,
        source: vec![7; 16],
        reason: "mailbox_full".into(),
        hard: false,
        code: 552,
        said: "552 full".into(),
        outcome,
    }
}

#[test]
fn a_copy_has_one_row_of_a_kind_and_a_later_word_takes_its_place() {
    tell("returned", async |store| {
        newsroom_with(&store, 3).await;
        let told = store
            .write(|tx| {
                returned::keep(tx, &row(1, 100, 5, Outcome::Counted))?;
                returned::keep(tx, &Returned { hard: true, ..row(2, 100, 5, Outcome::Suppressed) })?;
                returned::keep(tx, &row(3, 101, 5, Outcome::Held))?;
                let known = returned::known(tx, ReaderId(100), DepartureId(5), Kind::Bounce)?;
                let none = returned::known(tx, ReaderId(100), DepartureId(5), Kind::Complaint)?;
                let ended = [DAWN, DAWN + 2].map(|since| returned::ended_by(tx, &[7; 16], since));
                let held = returned::held(tx, 10)?;
                let resolved =
                    [(3, Outcome::Dropped), (3, Outcome::Dropped)].map(|(id, o)| returned::resolve(tx, id, o));
                Ok(format!("{known:?} {none:?} {ended:?} {held:?} {resolved:?} {:?}", returned::sums(tx)?))
            })
            .await
            .expect("a story");
        assert!(told.starts_with("Some((true, Suppressed)) None [Ok(1), Ok(0)]"), "{told}");
        assert!(told.contains("[Ok(true), Ok(false)]"), "{told}");
        vec![told]
    });
}

#[test]
fn a_streak_grows_by_the_edition_and_what_was_turned_away_is_counted_by_the_day() {
    tell("streak", async |store| {
        newsroom_with(&store, 1).await;
        let told = store
            .write(|tx| {
                let mut told = Vec::new();
                for n in 0..3 {
                    let streak = returned::soften(tx, ReaderId(100), 0, DAILY, DepartureId(10 + n), DAWN + n * DAY_MS)?;
                    told.push(format!("{streak:?}"));
                }
                returned::refuse(tx, "no_mark", 2, DAWN)?;
                returned::refuse(tx, "no_mark", 3, DAWN)?;
                returned::refuse(tx, "late", 1, DAWN - 40 * DAY_MS)?;
                told.push(format!("{:?}", returned::refused(tx, DAWN - DAY_MS)?));
                returned::bar(tx, ReaderId(100), "unreachable", DAWN)?;
                told.push(format!("{:?} {}", readers::counts(tx, DAILY)?, returned::held_count(tx)?));
                Ok(told)
            })
            .await
            .expect("a story");
        assert!(told[2].contains("editions: 3"), "{told:?}");
        assert!(told[3].contains("(\"no_mark\", 5)") && !told[3].contains("late"), "{told:?}");
        assert!(told[4].contains("suppressed: 1"), "{told:?}");
        told
    });
}
