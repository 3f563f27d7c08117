//! The key that seals grants: from the caller, or from a file that only its owner
//! reads.

use std::io::Write;
use std::path::Path;

use super::Error;
use crate::secret::{Key, Secret};

/// Returns the key: `given`, else the one in `file`, which is made with a new key
/// where there is none.
///
/// A file that others may read is refused.
pub fn load(given: Option<&Secret>, file: &Path) -> Result<Key, Error> {
    if let Some(text) = given {
        let place = "the environment".to_owned();
        return Key::parse(text.expose()).map_err(|why| Error::Key { place, why });
    }
    let error = |doing, cause| Error::File { doing, file: file.to_owned(), cause };
    match std::fs::read_to_string(file) {
        Ok(text) => {
            refuse_open(file)?;
            let place = file.display().to_string();
            Key::parse(&text).map_err(|why| Error::Key { place, why })
        }
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {
            let key = Key::generate();
            create(file, key.text()).map_err(|cause| error("write", cause))?;
            Ok(key)
        }
        Err(cause) => Err(error("read", cause)),
    }
}

#[cfg(unix)]
fn refuse_open(file: &Path) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt;
    let about = file.metadata();
    let about =
        about.map_err(|cause| Error::File { doing: "read", file: file.to_owned(), cause })?;
    let mode = about.permissions().mode() & 0o777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(Error::KeyOpen { file: file.to_owned(), mode }) }
}

#[cfg(not(unix))]
fn refuse_open(_file: &Path) -> Result<(), Error> {
    Ok(())
}

/// Makes the file for its owner alone; never over one that another process has
/// made meanwhile.
fn create(file: &Path, key: &Secret) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut made = options.open(file)?;
    writeln!(made, "{}", key.expose())?;
    made.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_is_made_once_for_its_owner_alone() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("key");
        let made = load(None, &file).unwrap();
        let again = load(None, &file).unwrap();
        assert_eq!(made.text().expose(), again.text().expose());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
            assert!(matches!(load(None, &file), Err(Error::KeyOpen { mode: 0o644, .. })));
        }
    }

    #[test]
    fn a_given_key_needs_no_file() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("key");
        let given = Secret::from("ab".repeat(32).as_str());
        load(Some(&given), &file).unwrap();
        assert!(!file.exists());
        assert!(matches!(load(Some(&"short".into()), &file), Err(Error::Key { .. })));
    }
}
