//! The disk seam, ready for snapshots: what a writer of whole files asks of a disk, a disk
//! that does what disks may do, and the proof of the way of writing that survives it.
//!
//! Nothing of the service writes a file yet. When its snapshots come, they take this up so:
//!
//! 1. [`Disk`] and [`DiskFault`] move to `src/service/disk.rs` as they are, with a filling
//!    over `std::fs` beside them (`create_new`, `write_all`, `sync_all`, `rename`, and
//!    `sync_all` of the opened directory);
//! 2. [`whole_file`] is the way that they write, with their own frame in the place of its;
//! 3. [`SimDisk`] goes on filling the seam here: a [`crate::member::Member`] keeps one that
//!    outlives it, a kill becomes [`SimDisk::crash`] too, and what a fresh instance restores
//!    from it is judged by O4 as everything else;
//! 4. [`proof`] stays, and its mistakes become planted bugs of the snapshot writer.

mod proof;
mod simulated;
mod whole_file;

pub(crate) use simulated::{DiskEvent, DiskRates, SimDisk, Step};

/// Why a disk did not do what it was asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum DiskFault {
    /// There is no room left. Some of what was to be written may be there.
    Full,
    /// It said no. After a failed sync nobody knows what is on the disk, and the next sync
    /// of the same file may say yes without having written anything.
    Failed,
    /// The machine is off: nothing is done any more.
    Off,
}

/// One directory of a disk. Names are of files in it.
///
/// What is written, created, renamed or removed is seen by readers at once, and survives a
/// crash only when it was synced: the content of a file by [`Self::sync`], its name by
/// [`Self::sync_directory`].
pub(crate) trait Disk {
    /// A file that is open for writing.
    type File;

    /// A new, empty file. Nothing may have its name.
    fn create(&mut self, name: &str) -> Result<Self::File, DiskFault>;

    /// Appends all of `bytes`, or says why not.
    fn write(&mut self, file: &mut Self::File, bytes: &[u8]) -> Result<(), DiskFault>;

    /// Makes the content durable.
    fn sync(&mut self, file: &Self::File) -> Result<(), DiskFault>;

    /// Gives `from` the name `to`, in place of whatever had it.
    fn rename(&mut self, from: &str, to: &str) -> Result<(), DiskFault>;

    /// Removes a file, if it is there.
    fn remove(&mut self, name: &str) -> Result<(), DiskFault>;

    /// Makes durable what names there are.
    fn sync_directory(&mut self) -> Result<(), DiskFault>;

    /// The whole content of a file; `None` where there is none.
    fn read(&mut self, name: &str) -> Result<Option<Vec<u8>>, DiskFault>;

    /// The names of all files.
    fn names(&mut self) -> Result<Vec<String>, DiskFault>;
}
