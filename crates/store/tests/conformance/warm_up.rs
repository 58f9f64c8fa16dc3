//! Stories of warming up: a way has one plan, and its days are added up.

use newsroom::{DepartureId, ReaderId, RouteId, WarmUp, WayDay};
use store::returned::{self, Kind, Outcome, Returned};
use store::warm_up;

use crate::engines::{DAWN, newsroom_with, tell};

#[test]
fn a_way_has_one_plan_and_its_days_are_added_up() {
    tell("warm-up", async |store| {
        newsroom_with(&store, 2).await;
        let plan = |route, start, volumes: &[u32]| WarmUp { route: RouteId(route), start, volumes: volumes.to_vec() };
        let day = |route, day, tried, put_off| WayDay { route: RouteId(route), day, tried, put_off };
        let complaint = |id, kind| Returned {
            id,
            reader: ReaderId(100),
            departure: DepartureId(id),
            kind,
            at: DAWN + id,
            source: vec![7; 16],
            reason: String::new(),
            hard: false,
            code: 0,
            said: String::new(),
            outcome: Outcome::Counted,
        };
        let told = store
            .write(move |tx| {
                warm_up::plan(tx, &plan(3, 20_000, &[50, 100]))?;
                warm_up::plan(tx, &plan(2, 20_001, &[10]))?;
                warm_up::plan(tx, &plan(3, 20_002, &[50, 60, 70]))?;
                let plans = warm_up::plans(tx)?;
                assert_eq!(plans, [plan(2, 20_001, &[10]), plan(3, 20_002, &[50, 60, 70])]);
                let ended = [warm_up::end(tx, RouteId(2))?, warm_up::end(tx, RouteId(2))?];
                assert_eq!((ended, warm_up::plans(tx)?.len()), ([true, false], 1));
                warm_up::count(tx, &[day(3, 20_002, 5, 1), day(1, 20_002, 7, 0)])?;
                warm_up::count(tx, &[day(3, 20_002, 45, 2), day(3, 20_003, 1, 1), day(3, 20_001, 9, 9)])?;
                let days = warm_up::days(tx, 20_002)?;
                assert_eq!(days, [day(1, 20_002, 7, 0), day(3, 20_002, 50, 3), day(3, 20_003, 1, 1)]);
                for (id, kind) in [(1, Kind::Complaint), (2, Kind::Bounce), (3, Kind::Complaint), (4, Kind::Complaint)]
                {
                    returned::keep(tx, &complaint(id, kind))?;
                }
                let came = [warm_up::complaints(tx, DAWN + 2, 9)?, warm_up::complaints(tx, DAWN, 1)?];
                assert_eq!(came, [vec![DAWN + 3, DAWN + 4], vec![DAWN + 1]]);
                Ok(format!("{plans:?} {days:?} {came:?}"))
            })
            .await
            .expect("a story");
        vec![told]
    });
}
