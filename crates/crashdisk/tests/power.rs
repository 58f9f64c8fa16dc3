//! What SQLite keeps when the power goes, by seed: the promise on which the ledger stands.

use crashdisk::{Disk, Flushes};
use rusqlite::{Connection, OpenFlags, Transaction};

/// How often each disk loses power in a trial: recovery is itself interrupted.
const LIVES: u64 = 3;
/// A checkpoint every so many pages, so that several fall into a trial.
const CHECKPOINT_PAGES: u64 = 12;

/// The trial's own dice, apart from the disk's.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// How one trial ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Outcome {
    acknowledged: i64,
    lost: i64,
    damaged: bool,
    trace: u64,
}

/// A connection as the store makes it. EXTRA comes before WAL on purpose: see
/// `a_journal_that_comes_back_undoes_everything_unless_its_deletion_is_flushed`.
fn open(disk: &Disk, synchronous: &str) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let connection = Connection::open_with_flags_and_vfs("newsroom.db", flags, disk.vfs_name())?;
    connection.execute_batch(&format!(
        "PRAGMA locking_mode=EXCLUSIVE; PRAGMA synchronous=EXTRA; PRAGMA journal_mode=WAL;
         PRAGMA synchronous={synchronous}; PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES};"
    ))?;
    Ok(connection)
}

/// Writes batches of one to four rows until the power goes; `acknowledged` is the last row whose commit was answered.
fn work(connection: &mut Connection, dice: &mut Dice, acknowledged: &mut i64) -> rusqlite::Result<()> {
    connection.execute_batch("CREATE TABLE IF NOT EXISTS mark (id INTEGER PRIMARY KEY, batch INTEGER, body BLOB)")?;
    let mut next: i64 = connection.query_row("SELECT COALESCE(MAX(id), 0) + 1 FROM mark", [], |row| row.get(0))?;
    loop {
        let rows = 1 + dice.below(4) as i64;
        let transaction = connection.transaction()?;
        (next..next + rows).try_for_each(|id| insert(&transaction, id, next * 10 + rows, dice))?;
        transaction.commit()?;
        next += rows;
        *acknowledged = next - 1;
    }
}

fn insert(transaction: &Transaction<'_>, id: i64, batch: i64, dice: &mut Dice) -> rusqlite::Result<()> {
    let sql = "INSERT INTO mark (id, batch, body) VALUES (?1, ?2, ZEROBLOB(?3))";
    transaction.execute(sql, (id, batch, dice.below(1500) as i64)).map(drop)
}

/// The highest row, if the file is whole: integrity, no gap, no batch in part.
fn inspect(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let integrity: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    if number("SELECT COUNT(*) FROM sqlite_schema")? == 0 {
        return Ok((integrity == "ok").then_some(0));
    }
    let highest = number("SELECT COALESCE(MAX(id), 0) FROM mark")?;
    let gaps = highest - number("SELECT COUNT(*) FROM mark")?;
    let partial = number(
        "SELECT COUNT(*) FROM (SELECT batch, COUNT(*) AS rows FROM mark GROUP BY batch) WHERE rows <> batch % 10",
    )?;
    Ok((integrity == "ok" && gaps == 0 && partial == 0).then_some(highest))
}

fn trial(seed: u64, synchronous: &str, flushes: Flushes) -> Outcome {
    let (disk, mut dice, mut outcome) = (Disk::with_flushes(seed, flushes), Dice(seed), Outcome::default());
    for _life in 0..LIVES {
        disk.crash_after(20 + dice.below(400));
        if let Ok(mut connection) = open(&disk, synchronous) {
            let stopped = work(&mut connection, &mut dice, &mut outcome.acknowledged);
            assert!(stopped.is_err() && disk.is_dead(), "only the power stops the work: {stopped:?}");
        }
        disk.power_loss();
        disk.revive();
        let found = open(&disk, synchronous).and_then(|connection| inspect(&connection));
        let highest = found.ok().flatten();
        outcome.damaged |= highest.is_none();
        outcome.lost += (outcome.acknowledged - highest.unwrap_or(0)).max(0);
        if outcome.damaged || outcome.lost > 0 {
            break;
        }
    }
    outcome.trace = disk.trace();
    outcome
}

fn trials(seeds: u64, synchronous: &str, flushes: Flushes) -> Vec<Outcome> {
    (0..seeds).map(|seed| trial(seed, synchronous, flushes)).collect()
}

#[test]
fn synchronous_full_loses_no_acknowledged_row_and_stays_whole() {
    let outcomes = trials(300, "FULL", Flushes::Honest);
    for (seed, outcome) in outcomes.iter().enumerate() {
        assert!(outcome.lost == 0 && !outcome.damaged, "seed {seed}: {outcome:?}");
    }
    let acknowledged: i64 = outcomes.iter().map(|outcome| outcome.acknowledged).sum();
    assert!(acknowledged > 10_000, "the trials must have something to lose: {acknowledged}");
}

#[test]
fn synchronous_normal_loses_acknowledged_rows_but_stays_whole() {
    let outcomes = trials(100, "NORMAL", Flushes::Honest);
    let losing = outcomes.iter().filter(|outcome| outcome.lost > 0).count();
    assert!(losing > 20, "the planted defect must be caught: {losing} of 100");
    assert!(outcomes.iter().all(|outcome| !outcome.damaged));
}

/// Turning WAL on writes a rollback journal and deletes it. FULL does not flush the folder after that; if the deletion
/// is lost with the power, hours later, SQLite finds the journal, believes the database was to be empty, and makes it
/// so. EXTRA flushes the folder (https://sqlite.org/pragma.html#pragma_synchronous), and in WAL mode costs nothing more.
#[test]
fn a_journal_that_comes_back_undoes_everything_unless_its_deletion_is_flushed() {
    let rows_left = |seed, first: &str| {
        let disk = Disk::new(seed);
        let flags = OpenFlags::default();
        let connect = || Connection::open_with_flags_and_vfs("newsroom.db", flags, disk.vfs_name()).unwrap();
        let connection = connect();
        let pragmas = format!("PRAGMA locking_mode=EXCLUSIVE; PRAGMA synchronous={first}; PRAGMA journal_mode=WAL");
        connection.execute_batch(&pragmas).unwrap();
        connection
            .execute_batch("PRAGMA synchronous=FULL; CREATE TABLE a (id INTEGER); INSERT INTO a VALUES (1)")
            .unwrap();
        disk.power_loss();
        disk.revive();
        let after = connect();
        after.execute_batch("PRAGMA locking_mode=EXCLUSIVE").unwrap();
        after.query_row("SELECT COUNT(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0)).unwrap()
    };
    let lost = |first: &str| (0..100).filter(|seed| rows_left(*seed, first) == 0).count();
    assert!(lost("FULL") > 10);
    assert_eq!(lost("EXTRA"), 0);
}

#[test]
fn synchronous_off_damages_files() {
    let damaged = trials(100, "OFF", Flushes::Honest).iter().filter(|outcome| outcome.damaged).count();
    assert!(damaged > 0, "a disk this rough must find a missing flush");
}

#[test]
fn a_lying_disk_loses_rows_whatever_sqlite_does() {
    let losing =
        trials(100, "FULL", Flushes::Lying).iter().filter(|outcome| outcome.lost > 0 || outcome.damaged).count();
    assert!(losing > 20, "{losing} of 100");
}

#[test]
fn the_same_seed_gives_the_same_trace_and_another_seed_another() {
    let (first, second) = (trials(30, "FULL", Flushes::Honest), trials(30, "FULL", Flushes::Honest));
    assert_eq!(first, second);
    let traces: std::collections::BTreeSet<u64> = first.iter().map(|outcome| outcome.trace).collect();
    assert_eq!(traces.len(), first.len());
}

/// The harness runs these tests in several threads, so disks also meet there; here they take turns.
#[test]
fn disks_side_by_side_do_not_meet() {
    let run = |seeds: &[u64]| -> Vec<(u64, u64)> {
        let disks: Vec<Disk> = seeds.iter().map(|seed| Disk::new(*seed)).collect();
        let connections: Vec<Connection> = disks.iter().map(|disk| open(disk, "FULL").unwrap()).collect();
        for connection in &connections {
            connection.execute_batch("CREATE TABLE a (id INTEGER)").unwrap();
        }
        disks.iter().zip(seeds).for_each(|(disk, seed)| disk.crash_after(50 + seed));
        for id in 0..100 {
            for (connection, disk) in connections.iter().zip(&disks) {
                let written = connection.execute("INSERT INTO a VALUES (?1)", [id]);
                assert_eq!(written.is_err(), disk.is_dead());
            }
        }
        disks.iter().map(|disk| (disk.trace(), disk.counters().operations)).collect()
    };
    let alone: Vec<_> = (0..8).flat_map(|seed| run(&[seed])).collect();
    assert_eq!(run(&[0, 1, 2, 3, 4, 5, 6, 7]), alone);
}

#[test]
fn two_disks_hold_different_files_under_one_name() {
    let (one, two) = (Disk::new(1), Disk::new(1));
    assert_ne!(one.vfs_name(), two.vfs_name());
    open(&one, "FULL").unwrap().execute_batch("CREATE TABLE a (id INTEGER)").unwrap();
    let tables = open(&two, "FULL").unwrap();
    let count: i64 = tables.query_row("SELECT COUNT(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 0);
}

#[test]
fn a_second_connection_is_kept_out_of_an_exclusive_file() {
    let disk = Disk::new(1);
    let first = open(&disk, "FULL").unwrap();
    first.execute_batch("CREATE TABLE a (id INTEGER)").unwrap();
    let second = open(&disk, "FULL").and_then(|second| second.execute_batch("CREATE TABLE b (id INTEGER)"));
    assert_eq!(second.unwrap_err().sqlite_error_code(), Some(rusqlite::ErrorCode::DatabaseBusy));
}

#[test]
fn a_connection_from_before_the_loss_writes_nothing_after_it() {
    let disk = Disk::new(1);
    let before = open(&disk, "FULL").unwrap();
    before.execute_batch("CREATE TABLE a (id INTEGER); INSERT INTO a VALUES (1)").unwrap();
    disk.power_loss();
    disk.revive();
    assert!(before.execute_batch("INSERT INTO a VALUES (2)").is_err());
    let after = open(&disk, "FULL").unwrap();
    assert!(before.execute_batch("INSERT INTO a VALUES (3)").is_err());
    drop(before);
    let rows: i64 = after.query_row("SELECT SUM(id) FROM a", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 1);
}

#[test]
fn a_disk_may_go_before_its_connections() {
    let disk = Disk::new(1);
    let connection = open(&disk, "FULL").unwrap();
    let name = disk.vfs_name().to_owned();
    drop(disk);
    connection.execute_batch("CREATE TABLE a (id INTEGER); INSERT INTO a VALUES (1)").unwrap();
    drop(connection);
    assert!(Connection::open_with_flags_and_vfs("newsroom.db", OpenFlags::default(), name.as_str()).is_err());
}

#[test]
fn big_sorts_spill_into_temporary_files_that_are_gone_when_closed() {
    let disk = Disk::new(1);
    let connection = open(&disk, "FULL").unwrap();
    connection
        .execute_batch("PRAGMA cache_size=5; PRAGMA temp_store=FILE; CREATE TEMP TABLE t (id INTEGER, b BLOB);")
        .unwrap();
    let fill = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
                INSERT INTO t SELECT i, ZEROBLOB(500) FROM n";
    connection.execute_batch(fill).unwrap();
    assert!(disk.files().iter().any(|file| file.starts_with("temporary-")), "{:?}", disk.files());
    drop(connection);
    assert_eq!(disk.files(), ["newsroom.db"]);
}

#[test]
fn the_disk_counts_and_shows_what_lies_on_it() {
    let disk = Disk::new(1);
    let connection = open(&disk, "FULL").unwrap();
    connection.execute_batch("CREATE TABLE a (b TEXT); INSERT INTO a VALUES ('planted-canary')").unwrap();
    let wal = disk.read("newsroom.db-wal").unwrap();
    assert!(wal.windows(14).any(|window| window == b"planted-canary"));
    let before = disk.counters();
    assert!(before.writes > 0 && before.flushes > 0 && before.losses == 0);
    disk.power_loss();
    disk.power_loss();
    assert_eq!(disk.counters().losses, 1);
    assert!(disk.is_dead());
}

#[test]
fn a_kill_alone_loses_nothing_even_where_nothing_is_flushed() {
    for seed in 0..50 {
        let disk = Disk::new(seed);
        let mut acknowledged = 0;
        let mut dice = Dice(seed);
        for _ in 0..LIVES {
            let connection = open(&disk, "OFF").expect("the disk is well");
            let insert = "CREATE TABLE IF NOT EXISTS mark (id INTEGER PRIMARY KEY, batch INTEGER, body BLOB);
                          INSERT INTO mark (batch, body) VALUES (1, ZEROBLOB(900))";
            for _ in 0..dice.below(30) {
                connection.execute_batch(insert).expect("the disk is well");
                acknowledged += 1;
            }
            disk.kill();
            drop(connection);
        }
        let kept: i64 = open(&disk, "FULL")
            .expect("the disk is well")
            .query_row("SELECT COALESCE(MAX(id), 0) FROM mark", [], |row| row.get(0))
            .unwrap_or(0);
        assert_eq!(kept, acknowledged, "seed {seed}");
    }
}
