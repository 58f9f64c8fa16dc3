//! `cargo xtask power`: the real program on a file system of its own that loses its power in the middle of an edition.
//!
//! The disk is ext4 on a loop device; EXT4_IOC_SHUTDOWN without a flush of its log (Linux, `fs/ext4/ioctl.c`) is as near to
//! a power cut as a running machine comes: what was not synced is gone. What a program outside had seen reported before it,
//! in `coranto edition proof`, must stand after it; and then the edition is sent to its end and held against the receipts.
//! It needs root and loop devices, and says so where it has neither. The ioctl is made by python3, found at run time.

use crate::crash::kills::Tail;
use crate::crash::poster::Planted;
use crate::crash::reconcile::{self, Balance, Marks};
use crate::dice::Dice;
use crate::founding::{Closed, Ground, Newsroom, world};
use crate::programs::{Build, Coranto, Program, Sink};
use crate::results::{Results, workshop};
use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use coranto::config::Config;
use coranto::house::House;
use newsroom::DepartureId;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// The disk's size: room for hundreds of small editions.
const DISK_BYTES: u64 = 1 << 30;
/// Cuts the power when told to: `_IOR('X', 125, __u32)` with EXT4_GOING_FLAGS_NOLOGFLUSH.
const CUT: &str = "import fcntl,os,struct,sys\n\
                   disk = os.open(sys.argv[1], os.O_RDONLY)\n\
                   sys.stdin.readline()\n\
                   fcntl.ioctl(disk, 0x8004587D, struct.pack('I', 2))";
/// How long the sink holds back each answer, in milliseconds: an edition takes a second or more.
const WAIT_MS: u64 = 25;
/// The power goes within this part of the audience's receipts, of a hundred, and so long after, in milliseconds.
const PROGRESS_PERCENT_MAX: u64 = 90;
const LATE_MS_MAX: u64 = 60;
/// How long a file system may be busy with what has just ended.
const BUSY: Duration = Duration::from_secs(20);
/// An edition that has not settled after this is stalled.
const EDITION_MAX: Duration = Duration::from_secs(180);
/// How often the rig looks at the receipts.
const LOOK: Duration = Duration::from_millis(1);
/// States that are an outcome: once reported, they stand.
const OUTCOMES: [&str; 5] = ["accepted", "refused", "uncertain", "excluded", "expired"];

/// Cut the power in the middle of an edition.
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// How many cuts there are to be, with those that were made before.
    #[arg(long, default_value_t = 100, value_name = "N")]
    cuts: u64,
    /// How many readers each edition has.
    #[arg(long, default_value_t = 1_000, value_name = "N")]
    readers: u32,
    /// The first cut's seed; the others follow.
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// Post with this defect: the rig must find it out.
    #[arg(long, value_name = "DEFECT")]
    planted: Option<Planted>,
}

/// Makes the cuts that are missing, prints the sums of all; fails if a promise was broken at one.
pub fn run(arguments: &Arguments) -> Result<()> {
    let settings = json!({"readers": arguments.readers, "planted": arguments.planted.map(Planted::name)});
    let mut results = Results::open("power", settings)?;
    let wanted = arguments.seed..arguments.seed + arguments.cuts;
    let missing = results.missing(wanted.clone());
    println!("power: {} cuts from seed {}, {} to make", arguments.cuts, arguments.seed, missing.len());
    if !missing.is_empty() {
        make(arguments, &missing, &mut results)?;
    }
    results.of_seeds(&wanted);
    println!(
        "\n| power cuts | readers | outcomes reported before | of these lost | in doubt | missed | twice | breaches |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    let sums = ["audience", "reported", "lost", "uncertain", "missed", "twice", "breaches"];
    let sums = sums.map(|name| results.sum(name).to_string());
    println!("| {} | {} |", results.rows.len(), sums.join(" | "));
    ensure!(results.sum("breaches") == 0, "a promise was broken");
    Ok(())
}

fn make(arguments: &Arguments, seeds: &[u64], results: &mut Results) -> Result<()> {
    let folder = workshop("power")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let disk = Disk::new(&folder).context(
        "NO POWER WAS CUT: this needs root, loop devices, mkfs.ext4, e2fsck and python3. Nothing was tried and nothing proved",
    )?;
    let mut rig = Rig::found(arguments, &runtime, &folder, disk)?;
    for (number, seed) in seeds.iter().enumerate() {
        let row = rig.cut(number, *seed).with_context(|| format!("cut {seed}"))?;
        println!("seed {seed}: {row}");
        results.keep(*seed, row)?;
    }
    rig.sink.end()?;
    drop(rig.disk);
    fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())
}

/// A file with a file system in it, mounted; unmounted when dropped.
struct Disk {
    image: PathBuf,
    mounted_at: PathBuf,
}

impl Disk {
    fn new(folder: &Path) -> Result<Disk> {
        let disk = Disk { image: folder.join("image"), mounted_at: folder.join("disk") };
        fs::create_dir_all(&disk.mounted_at).with_context(|| disk.mounted_at.display().to_string())?;
        fs::File::create(&disk.image)?.set_len(DISK_BYTES)?;
        call("mkfs.ext4", &["-q", "-F", text(&disk.image)?], 0)?;
        call("python3", &["-c", "import fcntl"], 0)?;
        disk.mount()?;
        Ok(disk)
    }

    fn mount(&self) -> Result<()> {
        call("mount", &["-o", "loop", text(&self.image)?, text(&self.mounted_at)?], 0)
    }

    /// What cuts its power, ready to do so.
    fn knife(&self) -> Result<Child> {
        let mut command = Command::new("python3");
        command.args(["-c", CUT, text(&self.mounted_at)?]).stdin(Stdio::piped());
        command.spawn().context("python3")
    }

    /// Unmounts, repairs and mounts it: the power is back.
    fn back(&self) -> Result<()> {
        let began = Instant::now();
        while let Err(fault) = call("umount", &[text(&self.mounted_at)?], 0) {
            ensure!(began.elapsed() < BUSY, "{fault:#}");
            std::thread::sleep(LOOK * 50);
        }
        // e2fsck(8): 1 means that errors were corrected.
        call("e2fsck", &["-f", "-y", text(&self.image)?], 1)?;
        self.mount()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let began = Instant::now();
        while let Ok(path) = text(&self.mounted_at)
            && call("umount", &[path], 0).is_err()
            && began.elapsed() < BUSY
        {
            std::thread::sleep(LOOK * 50);
        }
        // A gigabyte of image is no result.
        fs::remove_file(&self.image).ok();
    }
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path that is text")
}

fn call(program: &str, words: &[&str], code_max: i32) -> Result<()> {
    let output = Command::new(program).args(words).output().with_context(|| program.to_owned())?;
    let good = output.status.code().is_some_and(|code| code <= code_max);
    ensure!(good, "{program}: {} {}", output.status, String::from_utf8_lossy(&output.stderr));
    Ok(())
}

struct Rig<'a> {
    arguments: &'a Arguments,
    runtime: &'a Runtime,
    xtask: PathBuf,
    newsroom: Closed,
    sink: Sink,
    noise: PathBuf,
    disk: Disk,
}

/// What a reader's copy was reported to have come to.
type Reported = BTreeMap<String, String>;

impl<'a> Rig<'a> {
    fn found(arguments: &'a Arguments, runtime: &'a Runtime, folder: &Path, disk: Disk) -> Result<Rig<'a>> {
        let xtask = std::env::current_exe().context("this program's own path")?;
        let sink = Sink::start(&xtask, folder, &["--wait-ms".to_owned(), WAIT_MS.to_string()])?;
        let settings = [
            ("relay.host", sink.address.ip().to_string()),
            ("relay.port", sink.address.port().to_string()),
            ("post.retry_first_s", "1".to_owned()),
        ];
        let ground = Ground { folder: &disk.mounted_at, database: None, build: Build::Release };
        let newsroom = runtime.block_on(Newsroom::with_readers(&ground, &settings, arguments.readers))?;
        call("sync", &[], 0)?;
        let noise = folder.join("poster.log");
        Ok(Rig { arguments, runtime, xtask, newsroom: newsroom.close(), sink, noise, disk })
    }

    /// Sends an edition, cuts the power, looks at what is left, and sends the rest.
    fn cut(&mut self, number: usize, seed: u64) -> Result<Value> {
        let Closed { coranto, stories, .. } = &mut self.newsroom;
        stories.publish(coranto, 1)?;
        let departure = coranto.cut(number)?;
        let reported = self.send_until_the_cut(&mut Dice::new(seed))?;
        self.disk.back()?;
        let after = proof(&self.newsroom.coranto).context("the proof after the cut")?;
        let lost: Vec<&String> =
            reported.iter().filter(|(reader, was)| after.get(*reader) != Some(was)).map(|l| l.0).collect();
        lost.iter().take(3).for_each(|reader| {
            println!("  breach: reader {reader} was reported {} and is {:?}", reported[*reader], after.get(*reader));
        });
        let stalled = self.send_the_rest()?;
        let balance = self.reckon(departure)?;
        balance.told.iter().for_each(|fault| println!("  breach: {fault}"));
        Ok(json!({
            "audience": balance.audience,
            "reported": reported.len(),
            "lost": lost.len(),
            "uncertain": balance.uncertain,
            "missed": balance.missed,
            "twice": balance.twice,
            "twice_in_doubt": balance.twice_in_doubt,
            "breaches": lost.len() + balance.breaches() + usize::from(stalled),
        }))
    }

    /// Gives what was reported before the power went.
    fn send_until_the_cut(&self, dice: &mut Dice) -> Result<Reported> {
        let wanted = 1 + dice.below(u64::from(self.arguments.readers) * PROGRESS_PERCENT_MAX / 100);
        let late = Duration::from_millis(dice.below(LATE_MS_MAX));
        let mut command = match self.arguments.planted {
            None => self.newsroom.coranto.command(&["edition", "send"]),
            Some(defect) => {
                let mut command = Command::new(&self.xtask);
                let folder = &self.newsroom.coranto.folder;
                command.args(["poster", "--planted", defect.name(), "--newsroom"]).arg(folder);
                command
            }
        };
        let mut tail = Tail::open(&self.sink.receipts)?;
        let before = tail.lines()?;
        let mut poster = Program::start("the poster", &mut command, &self.noise)?;
        let mut knife = self.disk.knife()?;
        let reporter = Reporter::start(self.newsroom.coranto.clone());
        let began = Instant::now();
        while tail.lines()? < before + wanted {
            ensure!(began.elapsed() < EDITION_MAX, "the edition does not move");
            if let Some(status) = poster.ended()? {
                bail!("the poster ended before its time: {status}, see {}", self.noise.display());
            }
            std::thread::sleep(LOOK);
        }
        std::thread::sleep(late);
        // A machine without power sends nothing more. Without this, one of the first four cuts (Linux 6.18) left 19 readers with
        // two copies: as if a commit under way had heard that it succeeded. That is inferred, not shown.
        poster.signal("STOP")?;
        drop(knife.stdin.take().map(|mut stdin| stdin.write_all(b"\n")));
        ensure!(knife.wait()?.success(), "the power could not be cut");
        poster.kill()?;
        reporter.end()
    }

    /// `true`: it did not come to its end.
    fn send_the_rest(&self) -> Result<bool> {
        let began = Instant::now();
        let mut command = self.newsroom.coranto.command(&["edition", "send"]);
        let mut poster = Program::start("the poster", &mut command, &self.noise)?;
        loop {
            if let Some(status) = poster.ended()? {
                return Ok(!status.success());
            }
            if began.elapsed() > EDITION_MAX {
                return Ok(true);
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Holds the receipts against the ledger.
    fn reckon(&self, departure: DepartureId) -> Result<Balance> {
        let receipts = crate::sink::receipts::read(&self.sink.receipts)?;
        self.runtime.block_on(async {
            let house = House::open(world(), Config::read(&self.newsroom.coranto.folder)?).await?;
            let (lines, doubts) = reconcile::proof(&house.store, departure).await?;
            let marks = Marks {
                key: house.vault.post_key(),
                domain: house.settings.get("mail.domain"),
                addresses: &self.newsroom.addresses,
            };
            Ok(reconcile::hold(departure, &lines, &doubts, &marks.sort(receipts)))
        })
    }
}

/// Every reader's state in the latest edition, as `coranto edition proof` tells it.
fn proof(coranto: &Coranto) -> Result<Reported> {
    let mut command = Command::new(&coranto.binary);
    command.args(["edition", "proof", "--format", "csv", "--data"]).arg(&coranto.folder);
    let output = command.output().context("coranto edition proof")?;
    ensure!(output.status.success(), "coranto edition proof: {}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).context("a proof that is text")?;
    let readers = said.lines().skip(1).filter(|line| !line.starts_with("sum"));
    let columns = readers.map(|line| line.split(',').collect::<Vec<_>>());
    Ok(columns.filter_map(|of| Some(((*of.first()?).to_owned(), (*of.get(2)?).to_owned()))).collect())
}

/// Asks for the proof again and again, in a thread of its own, and remembers every outcome that it was told.
struct Reporter {
    told: Arc<Mutex<Reported>>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Reporter {
    fn start(coranto: Coranto) -> Reporter {
        let (told, stop) = (Arc::<Mutex<Reported>>::default(), Arc::new(AtomicBool::new(false)));
        let (tell, stopped) = (told.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::SeqCst) {
                // One that fails had its disk taken away: it told nothing.
                let Ok(all) = proof(&coranto) else { continue };
                let mut told = tell.lock().expect("no panic happens under this lock");
                told.extend(all.into_iter().filter(|(_, state)| OUTCOMES.contains(&state.as_str())));
            }
        });
        Reporter { told, stop, thread }
    }

    /// What was told, once the last that was asked has answered.
    fn end(self) -> Result<Reported> {
        self.stop.store(true, Ordering::SeqCst);
        ensure!(self.thread.join().is_ok(), "the reporter died");
        let told = self.told.lock().expect("no panic happens under this lock");
        Ok(told.clone())
    }
}
