//! Warming up: the plans of new ways, what each way carried day by day, and the complaints that came.
//!
//! Nothing here decides what a day allows.

use newsroom::{Ms, RouteId, WarmUp, WayDay};

use crate::{Read, Result, Write, args, sql};

const PLANS: &str = sql!("SELECT route, start, volumes FROM warm_up ORDER BY route");
const PLAN: &str = sql!(
    "INSERT INTO warm_up (route, start, volumes)
     VALUES ($1, $2, $3)
     ON CONFLICT (route) DO UPDATE SET start = excluded.start, volumes = excluded.volumes"
);
const END: &str = sql!("DELETE FROM warm_up WHERE route = $1");
const COUNT: &str = sql!(
    "INSERT INTO way_day (day, route, tried, put_off)
     VALUES ($1, $2, $3, $4)
     ON CONFLICT (day, route) DO UPDATE
       SET tried = way_day.tried + excluded.tried, put_off = way_day.put_off + excluded.put_off"
);
const DAYS: &str = sql!("SELECT route, day, tried, put_off FROM way_day WHERE day >= $1 ORDER BY day, route");
const COMPLAINTS: &str = sql!("SELECT at FROM returned WHERE kind = 2 AND at >= $1 ORDER BY at LIMIT $2");

/// Every way's plan, by its way's number.
///
/// # Errors
/// [`crate::Error`].
pub fn plans(tx: &Read) -> Result<Vec<WarmUp>> {
    let volumes = |text: String| WarmUp::parse(&text).expect("it was checked when it was set");
    let plan =
        |r: &crate::engine::Row| WarmUp { route: RouteId(r.int(0)), start: r.int(1), volumes: volumes(r.text(2)) };
    Ok(tx.query(PLANS, args![])?.iter().map(plan).collect())
}

/// Gives a way a plan, in place of the one it had.
///
/// # Errors
/// [`crate::Error`].
pub fn plan(tx: &Write, plan: &WarmUp) -> Result<()> {
    tx.execute(PLAN, args![plan.route.0, plan.start, &plan.written()])?;
    Ok(())
}

/// Takes a way's plan away. `false`: it had none.
///
/// # Errors
/// [`crate::Error`].
pub fn end(tx: &Write, route: RouteId) -> Result<bool> {
    Ok(tx.execute(END, args![route.0])? == 1)
}

/// Adds to what ways carried on a day.
///
/// # Errors
/// [`crate::Error`].
pub fn count(tx: &Write, days: &[WayDay]) -> Result<()> {
    for d in days {
        tx.execute(COUNT, args![d.day, d.route.0, d.tried, d.put_off])?;
    }
    Ok(())
}

/// What ways carried from a day on, in order.
///
/// # Errors
/// [`crate::Error`].
pub fn days(tx: &Read, since: i64) -> Result<Vec<WayDay>> {
    let day =
        |r: &crate::engine::Row| WayDay { route: RouteId(r.int(0)), day: r.int(1), tried: r.int(2), put_off: r.int(3) };
    Ok(tx.query(DAYS, args![since])?.iter().map(day).collect())
}

/// When complaints came since a moment, the earliest first, at most `limit` of them.
///
/// # Errors
/// [`crate::Error`].
pub fn complaints(tx: &Read, since: Ms, limit: i64) -> Result<Vec<Ms>> {
    Ok(tx.query(COMPLAINTS, args![since, limit])?.iter().map(|r| r.int(0)).collect())
}
