//! A disk that does what disks may do: it remembers what is synced, and of everything else
//! whatever the seed says.

use std::collections::{BTreeMap, BTreeSet};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Disk, DiskFault};

/// Content becomes durable in blocks of so many bytes.
const BLOCK_BYTES: usize = 64;

/// What is asked of a disk.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Step {
    Create,
    Write,
    Sync,
    Rename,
    Remove,
    SyncDirectory,
    Read,
}

impl Step {
    pub(crate) const ALL: &[Self] = &[
        Self::Create,
        Self::Write,
        Self::Sync,
        Self::Rename,
        Self::Remove,
        Self::SyncDirectory,
        Self::Read,
    ];
}

/// What happened to a disk.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum DiskEvent {
    /// The machine went off at this step.
    CrashAt(Step),
    /// The disk said no at this step.
    FailedAt(Step),
    /// There was no room at this step.
    FullAt(Step),
    /// A crash left a part of what was written.
    TornWrite,
    /// A crash left a part of one block.
    TornBlock,
    /// A crash undid a name that had been given.
    LostRename,
    /// A crash undid that a file was made or removed.
    LostName,
    /// A bit of a file turned over.
    BitRot,
}

/// How likely each is where it can happen, in ten-thousandths.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DiskRates {
    pub(crate) crash: u32,
    pub(crate) failure: u32,
    pub(crate) full: u32,
    pub(crate) rot: u32,
}

#[derive(Debug, Default)]
struct Content {
    /// What readers see.
    cached: Vec<u8>,
    durable: Vec<u8>,
    /// Blocks that the next sync writes.
    dirty: BTreeSet<usize>,
}

/// A change of names that a crash may undo.
#[derive(Debug)]
enum Renaming {
    Made(String, usize),
    Renamed(String, String, usize),
    Removed(String),
}

impl Renaming {
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Made(name, file) => drop(names.insert(name.clone(), *file)),
            Self::Renamed(from, to, file) => {
                names.remove(from);
                names.insert(to.clone(), *file);
            }
            Self::Removed(name) => drop(names.remove(name)),
        }
    }
}

/// A disk by a seed.
#[derive(Debug)]
pub(crate) struct SimDisk {
    random: ChaCha8Rng,
    rates: DiskRates,
    files: Vec<Content>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    renamings: Vec<Renaming>,
    is_off: bool,
    /// What happened, in order, and how often.
    pub(crate) events: Vec<DiskEvent>,
}

impl SimDisk {
    pub(crate) fn new(seed: u64, rates: DiskRates) -> Self {
        Self {
            random: ChaCha8Rng::seed_from_u64(seed),
            rates,
            files: Vec::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            renamings: Vec::new(),
            is_off: false,
            events: Vec::new(),
        }
    }

    pub(crate) fn is_off(&self) -> bool {
        self.is_off
    }

    /// Switches the machine off and on: what was not synced is there, or not, or in part.
    pub(crate) fn crash(&mut self) {
        let mut files = std::mem::take(&mut self.files);
        for file in &mut files {
            self.leave_some(file);
        }
        self.files = files;
        for renaming in std::mem::take(&mut self.renamings) {
            if self.chance(5_000) {
                renaming.apply(&mut self.durable_names);
            } else {
                self.events.push(match renaming {
                    Renaming::Renamed(..) => DiskEvent::LostRename,
                    Renaming::Made(..) | Renaming::Removed(_) => DiskEvent::LostName,
                });
            }
        }
        self.names.clone_from(&self.durable_names);
        self.is_off = false;
    }

    /// Turns over a bit of a file, if there is one.
    pub(crate) fn rot(&mut self) -> bool {
        if !self.chance(self.rates.rot) || self.names.is_empty() {
            return false;
        }
        let place = self.random.random_range(0..self.names.len());
        let file = *self.names.values().nth(place).unwrap();
        let Content { cached, durable, .. } = &mut self.files[file];
        let bits = cached.len().min(durable.len()) * 8;
        if bits == 0 {
            return false;
        }
        let bit = self.random.random_range(0..bits);
        for bytes in [cached, durable] {
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        self.events.push(DiskEvent::BitRot);
        true
    }

    fn chance(&mut self, ten_thousandths: u32) -> bool {
        self.random.random_range(0..10_000) < ten_thousandths
    }

    /// What is left of `file` after a crash.
    fn leave_some(&mut self, file: &mut Content) {
        let dirty = std::mem::take(&mut file.dirty);
        let count = dirty.len();
        let mut kept_count = 0;
        for block in dirty {
            match self.random.random_range(0..3) {
                0 => continue,
                1 => write_block(file, block, BLOCK_BYTES),
                _ => {
                    self.events.push(DiskEvent::TornBlock);
                    let bytes = self.random.random_range(1..BLOCK_BYTES);
                    write_block(file, block, bytes);
                }
            }
            kept_count += 1;
        }
        if (1..count).contains(&kept_count) {
            self.events.push(DiskEvent::TornWrite);
        }
        file.cached.clone_from(&file.durable);
    }

    /// Before a step: the machine goes off, or the disk says no.
    fn begin(&mut self, step: Step) -> Result<(), DiskFault> {
        if self.is_off {
            return Err(DiskFault::Off);
        }
        if self.chance(self.rates.crash) {
            return Err(self.go_off(step));
        }
        let may_fail = step != Step::Remove;
        if may_fail && self.chance(self.rates.failure) {
            self.events.push(DiskEvent::FailedAt(step));
            return Err(DiskFault::Failed);
        }
        if matches!(step, Step::Create | Step::Write) && self.chance(self.rates.full) {
            self.events.push(DiskEvent::FullAt(step));
            return Err(DiskFault::Full);
        }
        Ok(())
    }

    fn go_off(&mut self, step: Step) -> DiskFault {
        self.is_off = true;
        self.events.push(DiskEvent::CrashAt(step));
        DiskFault::Off
    }

    fn append(&mut self, file: usize, bytes: &[u8]) {
        let content = &mut self.files[file];
        let from = content.cached.len();
        content.cached.extend(bytes);
        let last = content.cached.len().saturating_sub(1) / BLOCK_BYTES;
        content.dirty.extend(from / BLOCK_BYTES..=last);
    }
}

/// Makes the first `bytes` of a block durable; what was never written before it is zero.
fn write_block(file: &mut Content, block: usize, bytes: usize) {
    let from = block * BLOCK_BYTES;
    let to = (from + bytes).min(file.cached.len());
    if file.durable.len() < to {
        file.durable.resize(to, 0);
    }
    file.durable[from..to].copy_from_slice(&file.cached[from..to]);
}

impl Disk for SimDisk {
    type File = usize;

    fn create(&mut self, name: &str) -> Result<usize, DiskFault> {
        self.begin(Step::Create)?;
        assert!(!self.names.contains_key(name), "{name} is there already");
        let file = self.files.len();
        self.files.push(Content::default());
        self.names.insert(name.to_owned(), file);
        self.renamings.push(Renaming::Made(name.to_owned(), file));
        Ok(file)
    }

    fn write(&mut self, file: &mut usize, bytes: &[u8]) -> Result<(), DiskFault> {
        let begun = self.begin(Step::Write);
        let count = match begun {
            Ok(()) => bytes.len(),
            // Some of it may be there all the same.
            Err(_) => self.random.random_range(0..=bytes.len()),
        };
        self.append(*file, &bytes[..count]);
        begun
    }

    fn sync(&mut self, file: &usize) -> Result<(), DiskFault> {
        let begun = self.begin(Step::Sync);
        if begun == Err(DiskFault::Off) {
            return begun;
        }
        // A sync that fails forgets what was to be written: the next one has nothing to do.
        let dirty = std::mem::take(&mut self.files[*file].dirty);
        for block in dirty {
            if begun.is_ok() || self.chance(5_000) {
                write_block(&mut self.files[*file], block, BLOCK_BYTES);
            }
        }
        begun
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), DiskFault> {
        self.begin(Step::Rename)?;
        let file = self.names.remove(from).expect("it was made");
        self.names.insert(to.to_owned(), file);
        self.renamings.push(Renaming::Renamed(from.to_owned(), to.to_owned(), file));
        Ok(())
    }

    fn remove(&mut self, name: &str) -> Result<(), DiskFault> {
        self.begin(Step::Remove)?;
        if self.names.remove(name).is_some() {
            self.renamings.push(Renaming::Removed(name.to_owned()));
        }
        Ok(())
    }

    fn sync_directory(&mut self) -> Result<(), DiskFault> {
        self.begin(Step::SyncDirectory)?;
        for renaming in std::mem::take(&mut self.renamings) {
            renaming.apply(&mut self.durable_names);
        }
        Ok(())
    }

    fn read(&mut self, name: &str) -> Result<Option<Vec<u8>>, DiskFault> {
        self.begin(Step::Read)?;
        Ok(self.names.get(name).map(|file| self.files[*file].cached.clone()))
    }

    fn names(&mut self) -> Result<Vec<String>, DiskFault> {
        if self.is_off {
            return Err(DiskFault::Off);
        }
        Ok(self.names.keys().cloned().collect())
    }
}
