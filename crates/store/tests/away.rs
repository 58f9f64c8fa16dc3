//! A database that goes away is said to be away: callers wait for it, and take it for no defect.

use interop::{Tool, need, postgres};
use store::{Error, Location, Store, topics};

#[test]
fn whoever_asks_a_database_that_has_gone_away_hears_so() {
    let Some(binaries) = need(Tool::Postgres) else { return };
    let server = postgres::start(&binaries).expect("an installed PostgreSQL starts");
    let place = Location::Postgres(server.database().expect("a fresh database"));
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let store = Store::open(&place).expect("a fresh database");
        store.read(topics::list).await.expect("it is there");
        drop(server);
        for _ in 0..2 {
            let (read, written) = (store.read(topics::list).await, store.write(|tx| topics::list(tx)).await);
            assert!(matches!(read, Err(Error::Away(_))), "{read:?}");
            assert!(matches!(written, Err(Error::Away(_))), "{written:?}");
        }
        let opened = Store::open(&place).map(drop);
        assert!(matches!(opened, Err(Error::Away(_))), "{opened:?}");
    });
}
