//! Stories of notices: each waits in its order until it is judged, and what it carries is spent once.

use store::notices::{self, SealedNotice};

use crate::engines::{DAWN, newsroom_with, tell};

#[test]
fn a_notice_waits_until_it_is_judged_and_its_token_is_spent_once() {
    tell("notices", async |store| {
        newsroom_with(&store, 1).await;
        let told = store
            .write(|tx| {
                for id in [7, 3, 5] {
                    notices::lay_in(tx, &SealedNotice { id, sealed: vec![9; 64], received: DAWN + id })?;
                }
                let ids = |after, limit| -> store::Result<Vec<i64>> {
                    Ok(notices::waiting(tx, after, limit)?.iter().map(|notice| notice.id).collect())
                };
                let waiting = (ids(0, 2)?, ids(5, 9)?, notices::count(tx)?);
                let erased = (notices::erase(tx, 3)?, notices::erase(tx, 3)?, notices::count(tx)?);
                let spent = [DAWN, DAWN + 5].map(|at| notices::spend(tx, &[1; 16], at));
                let other = notices::spend(tx, &[2; 16], DAWN + 9)?;
                let forgotten = notices::forget(tx, DAWN + 1)?;
                let again = [[1; 16], [2; 16]].map(|token| notices::spend(tx, &token, DAWN + 10));
                Ok(format!("{waiting:?} {erased:?} {spent:?} {other} {forgotten} {again:?}"))
            })
            .await
            .expect("a story");
        assert_eq!(told, "([3, 5], [7], 3) (true, false, 2) [Ok(true), Ok(false)] true 1 [Ok(true), Ok(false)]");
        vec![told]
    });
}
