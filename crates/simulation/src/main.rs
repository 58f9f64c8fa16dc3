fn main() {
    let seed: u64 = std::env::args().nth(1).and_then(|s| s.parse().ok()).unwrap_or(1);
    let to: u64 = std::env::args().nth(2).and_then(|s| s.parse().ok()).unwrap_or(seed);
    for seed in seed..=to {
        let t = std::time::Instant::now();
        let r = simulation::run(
            seed,
            simulation::Settings { lines: std::env::var("LINES_").is_ok(), ..Default::default() },
        );
        for l in &r.lines {
            println!("{l}");
        }
        println!("seed {seed} {:016x} {:?} {} {:?}", r.hash, t.elapsed(), r.counters, r.fault);
    }
}
