//! One seed, one history: the simulated world repeats itself exactly, and differs with the seed.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use world::{
    Target, Trace,
    simulated::{self, Internet, START},
};

/// An echo with moods, spoken to by eight tasks for two simulated days.
fn live(seed: u64) -> Trace {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(async move {
        let net = Internet::new().with_refusals(100).with_lines();
        net.serve("echo.example", 7, |mut stream, world| async move {
            let mut line = [0; 5];
            while stream.read_exact(&mut line).await.is_ok() {
                world.sleep(world.roll(90_000).try_into().expect("small")).await;
                if world.roll(10) == 0 || stream.write_all(&line).await.is_err() {
                    return;
                }
            }
        });
        let world = simulated::world(seed, net);
        let mut tasks = tokio::task::JoinSet::new();
        for task in 0..8 {
            let world = world.clone();
            tasks.spawn(async move {
                while world.now() < START + 2 * 86_400_000 {
                    let heard = echo(&world).await.unwrap_or_else(|error| error.kind().to_string());
                    world.note(&format!("{task} {heard} {}", world.mint()));
                    world.sleep(600_000).await;
                }
            });
        }
        while tasks.join_next().await.is_some() {}
        world.trace().expect("a simulation has a trace")
    })
}

async fn echo(world: &world::World) -> std::io::Result<String> {
    let mut stream = world.dial(&Target::Host { host: "echo.example".into(), port: 7 }).await?;
    stream.write_all(b"hello").await?;
    let mut heard = [0; 5];
    stream.read_exact(&mut heard).await?;
    Ok(String::from_utf8_lossy(&heard).into_owned())
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let (once, again) = (live(7), live(7));
    assert_eq!(once, again);
    assert!(once.events > 1_000, "two days were lived: {} events", once.events);
    assert!(once.lines.iter().any(|line| line.contains("hello")));
    assert!(once.lines.iter().any(|line| line.contains("refused")));
}

#[test]
fn another_seed_gives_another_trace() {
    assert_ne!(live(7).hash, live(8).hash);
}

#[tokio::test(start_paused = true)]
async fn the_simulated_clock_starts_where_it_is_set_and_follows_the_timers() {
    let world = simulated::world_at(1, 5_000, Internet::new());
    assert_eq!(world.now(), 5_000);
    world.sleep(86_400_000).await;
    assert_eq!(world.now(), 86_405_000);
}

#[tokio::test(start_paused = true)]
async fn heavy_work_stays_on_the_simulations_thread() {
    let world = simulated::world(1, Internet::new());
    let here = std::thread::current().id();
    assert_eq!(world.compute(move || std::thread::current().id()).await, here);
    let real = world::real::world(1);
    assert_ne!(real.compute(move || std::thread::current().id()).await, here);
}

#[tokio::test(start_paused = true)]
async fn every_side_of_the_dice_comes_up_about_as_often() {
    let world = simulated::world(11, Internet::new());
    let mut sides = [0_u32; 6];
    for _ in 0..60_000 {
        sides[usize::try_from(world.roll(6)).expect("six sides")] += 1;
    }
    assert!(sides.iter().all(|count| (9_500..10_500).contains(count)), "{sides:?}");
    assert_eq!(world.roll(1), 0);
    // Two powers, where no throw is unfair, and the largest die.
    world.roll(1 << 63);
    world.roll(u64::MAX);
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "planted")]
async fn a_stranger_who_breaks_a_promise_fails_the_simulation() {
    let net = Internet::new();
    net.serve("broken.example", 1, |_, _| async { panic!("planted") });
    let world = simulated::world(1, net);
    let target = Target::Host { host: "broken.example".into(), port: 1 };
    for _ in 0..2 {
        drop(world.dial(&target).await);
        world.sleep(1).await;
    }
}
