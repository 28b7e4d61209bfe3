//! Whatever the disk does, who reads a whole file finds what was written last and
//! acknowledged, or an attempt after that, or learns that it is damaged; and a way of
//! writing that leaves one step out is found out.

use std::collections::BTreeMap;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::whole_file::{
    Found, clear, framed, read, replace, temporary_of, unframed_unchecked, write,
};
use super::{Disk, DiskEvent, DiskFault, DiskRates, SimDisk, Step};

/// So many seeds must be clean.
const SEEDS_COUNT: u64 = 20_000;
/// Within so many each mistake is found.
const SEEDS_TO_FIND: u64 = 100;
const WRITES_COUNT: usize = 16;
const NAME: &str = "state";

/// A mistake in the way of writing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mistake {
    /// The file gets its name before its content is durable.
    RenamedBeforeSync,
    /// Nobody syncs the directory.
    DirectoryNotSynced,
    /// Nobody checks the content.
    NoChecksum,
    /// A sync that failed is tried again on the same file.
    SyncTriedAgain,
    /// What a write says is not looked at.
    WriteNotChecked,
    /// The old file is written over.
    WrittenInPlace,
    /// The old file is removed before the new one has its name.
    OldRemovedFirst,
}

const MISTAKES: [Mistake; 7] = [
    Mistake::RenamedBeforeSync,
    Mistake::DirectoryNotSynced,
    Mistake::NoChecksum,
    Mistake::SyncTriedAgain,
    Mistake::WriteNotChecked,
    Mistake::WrittenInPlace,
    Mistake::OldRemovedFirst,
];

/// [`replace`], with a mistake in it.
fn replace_wrongly(disk: &mut SimDisk, mistake: Mistake, content: &[u8]) -> Result<(), DiskFault> {
    let temporary = temporary_of(NAME);
    let bytes = framed(content);
    match mistake {
        Mistake::NoChecksum => replace(disk, NAME, content),
        Mistake::WrittenInPlace => {
            disk.remove(NAME)?;
            let mut file = disk.create(NAME)?;
            write(disk, &mut file, &bytes)?;
            disk.sync(&file)?;
            disk.sync_directory()
        }
        Mistake::RenamedBeforeSync => {
            disk.remove(&temporary)?;
            let mut file = disk.create(&temporary)?;
            write(disk, &mut file, &bytes)?;
            disk.rename(&temporary, NAME)?;
            disk.sync(&file)?;
            disk.sync_directory()
        }
        Mistake::DirectoryNotSynced
        | Mistake::SyncTriedAgain
        | Mistake::WriteNotChecked
        | Mistake::OldRemovedFirst => {
            disk.remove(&temporary)?;
            let mut file = disk.create(&temporary)?;
            let written = write(disk, &mut file, &bytes);
            if mistake != Mistake::WriteNotChecked {
                written?;
            }
            let synced = disk.sync(&file);
            if mistake != Mistake::SyncTriedAgain || disk.is_off() {
                synced?;
            } else if synced.is_err() {
                disk.sync(&file)?;
            }
            if mistake == Mistake::OldRemovedFirst {
                disk.remove(NAME)?;
            }
            disk.rename(&temporary, NAME)?;
            if mistake == Mistake::DirectoryNotSynced { Ok(()) } else { disk.sync_directory() }
        }
    }
}

/// What a reader may find.
#[derive(Debug)]
struct Expected {
    /// What was acknowledged last, or found after a crash.
    settled: Found,
    /// Attempts since that nobody acknowledged.
    attempts: Vec<Vec<u8>>,
    /// A bit turned over since.
    may_be_damaged: bool,
}

impl Expected {
    fn check(&self, found: &Found) -> Result<(), String> {
        let is_attempt =
            |found: &Found| matches!(found, Found::Whole(it) if self.attempts.contains(it));
        let is_right = match found {
            Found::Damaged => self.may_be_damaged,
            found => *found == self.settled || is_attempt(found),
        };
        if is_right {
            return Ok(());
        }
        let name = |found: &Found| match found {
            Found::Whole(content) => format!("{:?}", content.first_chunk::<8>()),
            other => format!("{other:?}"),
        };
        let attempts = self.attempts.len();
        let settled = name(&self.settled);
        Err(format!("finds {} where {settled} or {attempts} attempts may be", name(found)))
    }
}

/// Writes and reads by `seed`, and says what was found that must not be.
fn live(seed: u64, mistake: Option<Mistake>) -> Result<Vec<DiskEvent>, String> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(1);
    let mut rate = |most: u32| if random.random_bool(0.6) { most } else { 0 };
    let rates = DiskRates { crash: 500, failure: rate(300), full: rate(200), rot: rate(1_000) };
    let mut disk = SimDisk::new(seed, rates);
    let mut expected =
        Expected { settled: Found::Nothing, attempts: Vec::new(), may_be_damaged: false };
    for number in 0..WRITES_COUNT {
        let length = 8 + random.random_range(0..900);
        let mut content: Vec<u8> = (0..length).map(|_| random.random()).collect();
        content[..8].copy_from_slice(&(number as u64).to_le_bytes());
        let written = match mistake {
            None => replace(&mut disk, NAME, &content),
            Some(mistake) => replace_wrongly(&mut disk, mistake, &content),
        };
        if written.is_ok() {
            let settled = Found::Whole(content);
            expected = Expected { settled, attempts: Vec::new(), may_be_damaged: false };
        } else {
            expected.attempts.push(content);
        }
        expected.may_be_damaged |= disk.rot();
        let has_crashed = disk.is_off() || random.random_bool(0.2);
        if has_crashed {
            disk.crash();
        }
        let told = |why| format!("after write {number} of seed {seed} ({written:?}) {why}");
        let Some(found) = find(&mut disk, mistake) else { continue };
        expected.check(&found).map_err(told)?;
        if has_crashed {
            // Nothing is open any more: what is found is durable.
            let may_be_damaged = expected.may_be_damaged;
            expected = Expected { settled: found, attempts: Vec::new(), may_be_damaged };
        }
    }
    Ok(disk.events)
}

/// What a reader finds who starts again when the machine goes off or the disk says no;
/// nothing where it went off meanwhile.
fn find(disk: &mut SimDisk, mistake: Option<Mistake>) -> Option<Found> {
    for _ in 0..20 {
        let found = clear(disk).and_then(|()| match mistake {
            Some(Mistake::NoChecksum) => Ok(match disk.read(NAME)? {
                None => Found::Nothing,
                Some(bytes) => unframed_unchecked(&bytes).map_or(Found::Damaged, Found::Whole),
            }),
            _ => read(disk, NAME),
        });
        match found {
            Ok(found) => return Some(found),
            Err(DiskFault::Off) => disk.crash(),
            Err(DiskFault::Full | DiskFault::Failed) => {}
        }
    }
    None
}

#[test]
fn a_whole_file_is_the_old_or_the_new_or_known_to_be_damaged() {
    let mut events: BTreeMap<DiskEvent, u64> = BTreeMap::new();
    for seed in 0..SEEDS_COUNT {
        match live(seed, None) {
            Ok(met) => met.into_iter().for_each(|it| *events.entry(it).or_default() += 1),
            Err(why) => panic!("a reader {why}"),
        }
    }
    // What never happens is not tested.
    let steps = Step::ALL.iter().copied();
    let is_always_done = |step: &Step| *step != Step::Remove;
    let mut must_happen: Vec<DiskEvent> = steps.clone().map(DiskEvent::CrashAt).collect();
    must_happen.extend(steps.filter(is_always_done).map(DiskEvent::FailedAt));
    must_happen.extend([Step::Create, Step::Write].map(DiskEvent::FullAt));
    must_happen.extend([
        DiskEvent::TornWrite,
        DiskEvent::TornBlock,
        DiskEvent::LostRename,
        DiskEvent::LostName,
        DiskEvent::BitRot,
    ]);
    let never: Vec<_> = must_happen.iter().filter(|it| !events.contains_key(it)).collect();
    assert!(never.is_empty(), "never happened: {never:?}");
    eprintln!("{SEEDS_COUNT} seeds of a disk are clean: {events:?}");
}

#[test]
fn every_mistake_in_writing_a_file_is_found() {
    for mistake in MISTAKES {
        let found = (0..SEEDS_TO_FIND).find_map(|seed| live(seed, Some(mistake)).err());
        let Some(why) = found else {
            panic!("{mistake:?} is not found within {SEEDS_TO_FIND} seeds");
        };
        eprintln!("{mistake:?}: a reader {why}");
    }
}
