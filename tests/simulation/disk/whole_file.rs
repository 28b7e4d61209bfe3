//! A file that is replaced as a whole: who reads it finds the old content or the new, or
//! learns that it is damaged.
//!
//! ```text
//! create temporary ▶ write ▶ sync ▶ rename ▶ sync directory ▶ done
//!                      │       │                  │
//!                      └───────┴── a fault: remove the temporary, say so, keep the old
//! ```
//!
//! A file whose sync failed is never synced again and never renamed: the next attempt is a
//! new file. What a crash leaves behind is removed by [`clear`] at the next start.

use super::{Disk, DiskFault};

const MAGIC: &[u8; 8] = b"whole-1\n";
const HEAD_BYTES: usize = 16;
const CHECKSUM_BYTES: usize = 8;
/// So much is handed to the disk at a time.
const PIECE_BYTES: usize = 200;
const TEMPORARY: &str = ".new";

/// What a reader finds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Found {
    Nothing,
    Whole(Vec<u8>),
    /// Something that is not what anybody wrote.
    Damaged,
}

/// Puts `content` in the place of what `name` holds. Once it is `Ok`, it survives a crash.
pub(crate) fn replace(disk: &mut impl Disk, name: &str, content: &[u8]) -> Result<(), DiskFault> {
    let temporary = temporary_of(name);
    let written = write_synced(disk, &temporary, content)
        .and_then(|()| disk.rename(&temporary, name))
        .and_then(|()| disk.sync_directory());
    if written.is_err() {
        // Where this fails, too, the next attempt clears it.
        drop(disk.remove(&temporary));
    }
    written
}

fn write_synced(disk: &mut impl Disk, name: &str, content: &[u8]) -> Result<(), DiskFault> {
    disk.remove(name)?;
    let mut file = disk.create(name)?;
    write(disk, &mut file, &framed(content))?;
    disk.sync(&file)
}

pub(super) fn write<D: Disk>(
    disk: &mut D,
    file: &mut D::File,
    bytes: &[u8],
) -> Result<(), DiskFault> {
    bytes.chunks(PIECE_BYTES).try_for_each(|piece| disk.write(file, piece))
}

/// What `name` holds.
pub(crate) fn read(disk: &mut impl Disk, name: &str) -> Result<Found, DiskFault> {
    Ok(match disk.read(name)? {
        None => Found::Nothing,
        Some(bytes) => unframed(&bytes).map_or(Found::Damaged, Found::Whole),
    })
}

/// Removes what an attempt left behind that did not come to its end.
pub(crate) fn clear(disk: &mut impl Disk) -> Result<(), DiskFault> {
    let left: Vec<_> = disk.names()?.into_iter().filter(|it| it.ends_with(TEMPORARY)).collect();
    left.iter().try_for_each(|name| disk.remove(name))
}

pub(super) fn temporary_of(name: &str) -> String {
    format!("{name}{TEMPORARY}")
}

/// `content` with its length before it and a checksum of both behind it.
pub(super) fn framed(content: &[u8]) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend((content.len() as u64).to_le_bytes());
    bytes.extend(content);
    bytes.extend(checksum(&bytes).to_le_bytes());
    bytes
}

fn unframed(bytes: &[u8]) -> Option<Vec<u8>> {
    let content = unframed_unchecked(bytes)?;
    let (checked, found) = bytes.split_at(bytes.len() - CHECKSUM_BYTES);
    (found == checksum(checked).to_le_bytes()).then_some(content)
}

/// The content by its length alone.
pub(super) fn unframed_unchecked(bytes: &[u8]) -> Option<Vec<u8>> {
    let content_end = bytes.len().checked_sub(CHECKSUM_BYTES).filter(|end| *end >= HEAD_BYTES)?;
    let length = u64::from_le_bytes(bytes[MAGIC.len()..HEAD_BYTES].try_into().unwrap());
    let is_whole = bytes.starts_with(MAGIC) && length == (content_end - HEAD_BYTES) as u64;
    is_whole.then(|| bytes[HEAD_BYTES..content_end].to_vec())
}

/// FNV-1a: it finds any one bit, which is all that is asked of it here. The service's own
/// frame has a checksum for each block and a keyed digest of the whole.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
