//! The state directory: who may use it, its lock, its secrets, and the URLs of whoever runs on it.

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use uuid::Uuid;

use super::process::{Account, POLL};

/// How long a second start waits for the first one to tell its URLs, or to go away.
const LOCK_TIMEOUT: Duration = Duration::from_secs(15);

/// Returns the state directory that is meant where none was named: `.carelog` of the nearest
/// project around the current directory, else `.carelog` in the current directory.
///
/// For root this may be a place that the servers' user cannot reach, such as a checkout under
/// `/root`; then it is a directory under `/var/tmp` that is named after that place.
pub(super) fn default_path() -> anyhow::Result<PathBuf> {
    let here = std::env::current_dir().context("cannot tell the current directory")?;
    let uid = rustix::process::geteuid().as_raw();
    let path = project_state_dirs(&here)
        .find(|dir| fs::metadata(dir).is_ok_and(|metadata| metadata.uid() == uid))
        .unwrap_or_else(|| here.join(".carelog"));
    let Some(account) = Account::for_servers()? else {
        return Ok(path);
    };
    if unreachable_part(&path, &account).is_none() {
        return Ok(path);
    }
    let name = Uuid::new_v5(&Uuid::NAMESPACE_URL, path.as_os_str().as_encoded_bytes());
    let fallback = PathBuf::from(format!("/var/tmp/carelog-{}", name.simple()));
    tracing::info!(
        "the user {} cannot reach {}: the state is kept in {}",
        account.name,
        path.display(),
        fallback.display()
    );
    Ok(fallback)
}

/// The `.carelog` directories of `from` and of the directories around it, nearest first.
pub(super) fn project_state_dirs(from: &Path) -> impl Iterator<Item = PathBuf> {
    from.ancestors().map(|dir| dir.join(".carelog")).filter(|dir| dir.is_dir())
}

/// Returns the first directory on the way to `path` that `account` may not enter.
pub(super) fn unreachable_part(path: &Path, account: &Account) -> Option<PathBuf> {
    let mut parts: Vec<&Path> = path.ancestors().collect();
    parts.reverse();
    parts.into_iter().find_map(|part| {
        let metadata = fs::metadata(part).ok()?;
        let bit = if metadata.uid() == account.uid {
            0o100
        } else if metadata.gid() == account.gid {
            0o010
        } else {
            0o001
        };
        (metadata.mode() & bit == 0).then(|| part.to_owned())
    })
}

/// The first start already serves this state directory; these are its URLs.
#[derive(Clone, Debug)]
pub struct AlreadyRunning {
    /// The state directory that is in use.
    pub state_dir: PathBuf,
    /// Where the first start's PostgreSQL listens.
    pub database_url: String,
    /// Where the first start's NATS listens.
    pub nats_url: String,
    /// Where the first start's NATS answers monitoring requests.
    pub nats_monitor_url: String,
}

impl fmt::Display for AlreadyRunning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the servers of {} are already running: use their URLs, stop them, or set CARELOG_STATE_DIR to another directory",
            self.state_dir.display()
        )
    }
}

impl std::error::Error for AlreadyRunning {}

/// What makes the servers of one state directory private; the same for every start on it.
#[derive(Debug)]
pub(super) struct Secrets {
    pub(super) postgres_password: String,
    pub(super) nats_token: String,
}

/// A state directory that this process alone uses until it drops this.
pub(super) struct StateDir {
    path: PathBuf,
    _lock: File,
}

impl StateDir {
    /// Makes the directory where it is missing, and locks it.
    ///
    /// # Errors
    /// [`AlreadyRunning`] if another process serves it; otherwise a message for the user.
    pub(super) async fn open(path: &Path, account: Option<&Account>) -> anyhow::Result<Self> {
        let path = std::path::absolute(path).context("the state directory has no absolute path")?;
        check_reach(&path, account)?;
        create(&path)?;
        check_owner(&path)?;
        // Again: a strict umask may have closed the directories above it.
        check_reach(&path, account)?;
        let lock = lock(&path).await?;
        let state = Self { path, _lock: lock };
        state.forget_urls();
        Ok(state)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where PostgreSQL keeps its data.
    pub(super) fn postgres_dir(&self) -> PathBuf {
        self.path.join("postgres")
    }

    /// Returns the passwords of the two servers, made at the first call and kept for ever.
    pub(super) fn secrets(&self) -> anyhow::Result<Secrets> {
        let path = self.path.join("secrets");
        if !path.exists() {
            let text = format!("postgres_password={}\nnats_token={}\n", random_hex::<24>(), random_hex::<24>());
            write_private(&path, &text, None)?;
        }
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        match (value_of(&text, "postgres_password"), value_of(&text, "nats_token")) {
            (Some(postgres_password), Some(nats_token)) => Ok(Secrets { postgres_password, nats_token }),
            (None, _) | (_, None) => {
                bail!("{} is damaged: restore it, or remove the whole state directory", path.display())
            }
        }
    }

    /// Returns the file of the master key, 32 random bytes in hex, made before the database is.
    pub(super) fn master_key_file(&self) -> anyhow::Result<PathBuf> {
        let path = self.path.join("master.key");
        if !path.exists() {
            if self.postgres_dir().exists() {
                bail!(
                    "{} is missing, and nothing else opens the database beside it: put it back, or remove the whole \
                     state directory to begin anew",
                    path.display()
                );
            }
            write_private(&path, &format!("{}\n", random_hex::<32>()), None)?;
        }
        Ok(path)
    }

    /// Tells later starts on this directory where the servers listen.
    pub(super) fn publish_urls(&self, database: &str, nats: &str, nats_monitor: &str) -> anyhow::Result<()> {
        let text = format!("DATABASE_URL={database}\nNATS_URL={nats}\nNATS_MONITOR_URL={nats_monitor}\n");
        write_private(&urls_file(&self.path), &text, None)
    }

    fn forget_urls(&self) {
        let _ = fs::remove_file(urls_file(&self.path));
    }
}

impl Drop for StateDir {
    fn drop(&mut self) {
        self.forget_urls();
    }
}

/// Writes a file that only its owner can read: wholly or not at all, and durably.
pub(super) fn write_private(path: &Path, text: &str, owner: Option<&Account>) -> anyhow::Result<()> {
    let unfinished = path.with_added_extension("new");
    let write = || -> io::Result<()> {
        let _ = fs::remove_file(&unfinished);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
        file.write_all(text.as_bytes())?;
        give_to(&unfinished, owner)?;
        file.sync_all()?;
        fs::rename(&unfinished, path)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

/// Makes a directory that only its owner can enter.
pub(super) fn create_private_dir(path: &Path, owner: Option<&Account>) -> anyhow::Result<()> {
    let make = || -> io::Result<()> {
        DirBuilder::new().mode(0o700).create(path)?;
        give_to(path, owner)
    };
    make().with_context(|| format!("cannot make {}", path.display()))
}

/// Returns `BYTES` random bytes in hex.
pub(super) fn random_hex<const BYTES: usize>() -> String {
    hex::encode(rand::random::<[u8; BYTES]>())
}

fn give_to(path: &Path, owner: Option<&Account>) -> io::Result<()> {
    match owner {
        Some(owner) => chown(path, Some(owner.uid), Some(owner.gid)),
        None => Ok(()),
    }
}

fn create(path: &Path) -> anyhow::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let make = || -> io::Result<()> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        match DirBuilder::new().mode(0o711).create(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            made => made,
        }
    };
    make().with_context(|| {
        format!("cannot make the state directory {}: set CARELOG_STATE_DIR to another place", path.display())
    })
}

fn check_owner(path: &Path) -> anyhow::Result<()> {
    // Not followed: in a shared directory somebody else could have laid a link.
    let metadata = fs::symlink_metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
    if !metadata.is_dir() {
        bail!("the state directory {} is not a directory", path.display());
    }
    let uid = rustix::process::geteuid().as_raw();
    if metadata.uid() != uid {
        bail!(
            "the state directory {} belongs to user {}, and this is user {uid}: set CARELOG_STATE_DIR to another directory",
            path.display(),
            metadata.uid()
        );
    }
    Ok(())
}

fn check_reach(path: &Path, account: Option<&Account>) -> anyhow::Result<()> {
    if let Some(account) = account
        && let Some(part) = unreachable_part(path, account)
    {
        bail!(
            "the servers run as {}, who cannot enter {}: set CARELOG_STATE_DIR to a place that everybody can reach, such as /var/tmp/carelog, or run chmod o+x {}",
            account.name,
            part.display(),
            part.display()
        );
    }
    Ok(())
}

async fn lock(state_dir: &Path) -> anyhow::Result<File> {
    let path = state_dir.join("lock");
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(&path)
        .with_context(|| format!("cannot open {}", path.display()))?;
    let deadline = Instant::now() + LOCK_TIMEOUT;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock {}", path.display()));
            }
            Err(TryLockError::WouldBlock) => {}
        }
        if let Some(running) = running_on(state_dir) {
            return Err(running.into());
        }
        if Instant::now() >= deadline {
            bail!("another start holds {} and tells no URLs: wait for it, or end it", path.display());
        }
        tokio::time::sleep(POLL).await;
    }
}

fn running_on(state_dir: &Path) -> Option<AlreadyRunning> {
    let text = fs::read_to_string(urls_file(state_dir)).ok()?;
    Some(AlreadyRunning {
        state_dir: state_dir.to_owned(),
        database_url: value_of(&text, "DATABASE_URL")?,
        nats_url: value_of(&text, "NATS_URL")?,
        nats_monitor_url: value_of(&text, "NATS_MONITOR_URL")?,
    })
}

fn urls_file(state_dir: &Path) -> PathBuf {
    state_dir.join("urls")
}

fn value_of(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned)
}
