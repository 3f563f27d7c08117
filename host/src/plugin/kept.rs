//! Work that is kept: what was made once stands in a file, by a name that tells what it was made
//! of, until newer files take its place.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::SystemTime;

use sha2::{Digest, Sha256};

/// How long the checksum is that ends each file, in bytes.
const CHECKSUM: usize = 32;

/// A folder of kept files, each whole or not there at all.
pub(super) struct Kept {
    folder: PathBuf,
    /// How many there may be: those that were used last.
    most: usize,
}

impl Kept {
    pub(super) fn new(folder: PathBuf, most: usize) -> Self {
        Self { folder, most }
    }

    /// Returns what was kept by this name. A file that isn't as it was written counts for none.
    pub(super) fn read(&self, name: &str) -> Option<Vec<u8>> {
        let file = self.folder.join(name);
        let mut bytes = std::fs::read(&file).ok()?;
        let checksum = bytes.split_off(bytes.len().checked_sub(CHECKSUM)?);
        if Sha256::digest(&bytes)[..] != checksum[..] {
            return None;
        }
        // Those that are used outlive those that were only tried.
        let used = std::fs::File::options().append(true).open(&file);
        let _ = used.and_then(|file| file.set_modified(SystemTime::now()));
        Some(bytes)
    }

    /// Keeps bytes by a name. Where that fails, they are made again another time.
    pub(super) fn keep(&self, name: &str, bytes: &[u8]) {
        if let Err(error) = self.write(name, bytes) {
            tracing::warn!(%error, name, "what was made can't be kept, and is made again next time");
        }
    }

    fn write(&self, name: &str, bytes: &[u8]) -> std::io::Result<()> {
        std::fs::create_dir_all(&self.folder)?;
        let mut new = tempfile::NamedTempFile::new_in(&self.folder)?;
        new.write_all(bytes)?;
        new.write_all(&Sha256::digest(bytes))?;
        new.persist(self.folder.join(name))?;
        let mut all: Vec<_> = std::fs::read_dir(&self.folder)?
            .flatten()
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        all.sort();
        let over = all.len().saturating_sub(self.most);
        all.iter().take(over).try_for_each(|(_, old)| std::fs::remove_file(old))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::new(folder.path().join("kept"), 2);
        assert_eq!(kept.read("a"), None);
        kept.keep("a", b"code");
        assert_eq!(kept.read("a").as_deref(), Some(&b"code"[..]));
        let file = folder.path().join("kept/a");
        let whole = std::fs::read(&file).unwrap();
        for place in 0..whole.len() {
            let mut other = whole.clone();
            other[place] ^= 1;
            std::fs::write(&file, other).unwrap();
            assert_eq!(kept.read("a"), None, "{place}");
            std::fs::write(&file, &whole[..place]).unwrap();
            assert_eq!(kept.read("a"), None, "{place}");
        }
    }

    #[test]
    fn the_files_that_were_used_last_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::new(folder.path().to_owned(), 2);
        let long_ago = |name| {
            let file = std::fs::File::options().append(true).open(folder.path().join(name));
            file.unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        };
        for name in ["old", "used"] {
            kept.keep(name, name.as_bytes());
            long_ago(name);
        }
        kept.read("used").unwrap();
        kept.keep("new", b"new");
        let is_kept = |name| kept.read(name).is_some();
        assert_eq!(["old", "used", "new"].map(is_kept), [false, true, true]);
    }
}
