//! Stories of members: links that work once, sessions that end, the last admin.

use newsroom::{Address, Member, MemberId, Role};
use store::members::{self, Act, Invited};

use crate::engines::{DAWN, tell};

fn member(id: i64, name: &str, role: Role) -> Member {
    let address = Address::parse(&format!("m{id}@courier.example")).expect("a plain address");
    Member { id: MemberId(id), name: name.into(), address, role, active: true, made: DAWN }
}

#[test]
fn a_member_is_known_by_name_and_by_address_and_neither_twice() {
    tell("members", async |store| {
        let told = store
            .write(|tx| {
                let first = members::add(tx, &member(1, "Ana Sol", Role::Admin))?;
                let same_name = members::add(tx, &member(2, "ANA  sol", Role::Editor))?;
                let other = members::add(tx, &member(3, "Ben Co", Role::Editor))?;
                let found = ["ana sol", " Ana SOL ", "M1@courier.example", "m2@courier.example", "nobody"]
                    .map(|typed| members::by_typed(tx, typed).map(|known| known.map(|k| k.member.id)));
                Ok((first, same_name, other, found.into_iter().collect::<Result<Vec<_>, _>>()?, members::list(tx)?))
            })
            .await
            .expect("a story");
        let ana = Some(MemberId(1));
        assert_eq!((told.0, told.1, told.2), (true, false, true));
        assert_eq!(told.3, [ana, ana, ana, None, None]);
        vec![format!("{:?}", told.4)]
    });
}

#[test]
fn a_link_works_once_and_a_new_one_ends_the_old() {
    tell("links", async |store| {
        let told = store
            .write(|tx| {
                members::add(tx, &member(1, "Ana Sol", Role::Admin))?;
                let join = Invited::Join(MemberId(1));
                members::invite(tx, b"old", join, DAWN + 1_000)?;
                members::invite(tx, b"new", join, DAWN + 1_000)?;
                members::invite(tx, b"first", Invited::Found, DAWN + 1_000)?;
                let held = [b"old".as_slice(), b"new", b"first"].map(|hash| members::invited(tx, hash, DAWN));
                let late = members::invited(tx, b"new", DAWN + 1_000)?;
                let used = [members::use_up(tx, b"new", DAWN)?, members::use_up(tx, b"new", DAWN)?];
                Ok((held.into_iter().collect::<Result<Vec<_>, _>>()?, late, used))
            })
            .await
            .expect("a story");
        assert_eq!(told.0, [None, Some(Invited::Join(MemberId(1))), Some(Invited::Found)]);
        assert_eq!((told.1, told.2), (None, [true, false]));
        vec![format!("{told:?}")]
    });
}

#[test]
fn a_session_ends_with_the_password_and_with_the_member() {
    tell("sessions", async |store| {
        let told = store
            .write(|tx| {
                members::add(tx, &member(1, "Ana Sol", Role::Admin))?;
                members::add(tx, &member(2, "Ben Co", Role::Editor))?;
                let founded = [members::founded(tx)?, {
                    members::set_password(tx, MemberId(1), "$argon2id$")?;
                    members::founded(tx)?
                }];
                members::open_session(tx, b"one", MemberId(1), DAWN)?;
                members::open_session(tx, b"two", MemberId(2), DAWN)?;
                members::touch(tx, b"one", DAWN + 5)?;
                let seen = members::session(tx, b"one")?.map(|s| (s.member.name, s.made, s.seen));
                members::set_password(tx, MemberId(1), "$argon2id$2")?;
                members::keep_device(tx, b"laptop", MemberId(2), DAWN)?;
                let knows = members::knows_device(tx, b"laptop", MemberId(2))?;
                members::set_active(tx, MemberId(2), false)?;
                let after = (members::session(tx, b"one")?, members::session(tx, b"two")?);
                members::set_active(tx, MemberId(2), true)?;
                let back = members::session(tx, b"two")?;
                let knows = [knows, members::knows_device(tx, b"laptop", MemberId(2))?];
                Ok((founded, seen, after, back, knows))
            })
            .await
            .expect("a story");
        assert_eq!(told, ([false, true], Some(("Ana Sol".into(), DAWN, DAWN + 5)), (None, None), None, [true, false]));
        vec![format!("{told:?}")]
    });
}

#[test]
fn old_sessions_are_swept_out_and_only_the_latest_browsers_are_known() {
    tell("sweep", async |store| {
        let told = store
            .write(|tx| {
                members::add(tx, &member(1, "Ana Sol", Role::Admin))?;
                for (hash, made, seen) in [(b"a", 0, 9), (b"b", 5, 5), (b"c", 5, 9)] {
                    members::open_session(tx, hash, MemberId(1), made)?;
                    members::touch(tx, hash, seen)?;
                }
                members::sweep(tx, 1, 6, 10)?;
                let left = [b"a", b"b", b"c"].map(|hash| members::session(tx, hash).map(|s| s.is_some()));
                for n in 0..25_i64 {
                    members::keep_device(tx, &n.to_be_bytes(), MemberId(1), DAWN + n)?;
                }
                let known = (0..25_i64).map(|n| members::knows_device(tx, &n.to_be_bytes(), MemberId(1)));
                let known = known.collect::<Result<Vec<_>, _>>()?.into_iter().filter(|known| *known).count();
                Ok((left.into_iter().collect::<Result<Vec<_>, _>>()?, known))
            })
            .await
            .expect("a story");
        assert_eq!(told, (vec![false, false, true], 20));
        vec![format!("{told:?}")]
    });
}

#[test]
fn the_last_admin_is_known_and_acts_are_kept_in_order() {
    tell("acts", async |store| {
        let told = store
            .write(|tx| {
                members::add(tx, &member(1, "Ana Sol", Role::Admin))?;
                members::add(tx, &member(2, "Ben Co", Role::Editor))?;
                let alone = members::other_admin(tx, MemberId(1))?;
                members::set_role(tx, MemberId(2), Role::Admin)?;
                let two = members::other_admin(tx, MemberId(1))?;
                for id in 1..=3 {
                    let member = (id > 1).then_some(MemberId(1));
                    members::note(tx, &Act { id, at: DAWN + id, member, act: "did".into(), subject: format!("{id}") })?;
                }
                Ok((alone, two, members::acts(tx, i64::MAX, 2)?, members::acts(tx, 2, 2)?))
            })
            .await
            .expect("a story");
        assert_eq!((told.0, told.1, told.2.len(), told.3.len()), (false, true, 2, 1));
        vec![format!("{told:?}")]
    });
}
