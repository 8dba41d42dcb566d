//! A client of HTTP/1.1 for load: one connection that is kept, a request of fixed bytes, an answer that is counted and
//! dropped. It does as little as a client can, because it takes its time from the same cores as the server.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

const BUFFER_BYTES: usize = 16 * 1024;
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Fewer than the API takes requests at once.
const CONNECTIONS_MAX: usize = 128;
/// How long a request that the server has no room for is made again.
const PATIENCE: Duration = Duration::from_secs(60);
const RETRY: Duration = Duration::from_millis(50);
/// How long a connection is kept that nothing is asked over: the API closes those that are silent for ten seconds.
const IDLE_MAX: Duration = Duration::from_secs(5);

/// A connection that is kept.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// Nobody listens there.
    pub async fn open(addr: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(addr).await.with_context(|| format!("cannot connect to {addr}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(BUFFER_BYTES) })
    }

    /// Asks, and reads the answer to its end. Gives its body.
    ///
    /// # Errors
    /// The answer is not 200 ([`NotNow`] where it is 503), tells no length, or breaks off.
    pub async fn get(&mut self, path: &str, headers: &str) -> anyhow::Result<&[u8]> {
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n");
        self.stream.write_all(request.as_bytes()).await?;
        self.buffer.clear();
        let head_length = loop {
            self.read().await?;
            if let Some(at) = self.buffer.windows(4).position(|part| part == b"\r\n\r\n") {
                break at + 4;
            }
        };
        let head = self.buffer.get(..head_length).unwrap_or_default();
        let (is_ok, is_not_now) = (head.get(9..12) == Some(b"200"), head.get(9..12) == Some(b"503"));
        let body_length = content_length(head).context("the answer tells no length")?;
        let length = head_length + body_length;
        while self.buffer.len() < length {
            self.read().await?;
        }
        if is_not_now {
            return Err(NotNow.into());
        }
        if !is_ok {
            bail!("{path}: {}", String::from_utf8_lossy(&self.buffer));
        }
        Ok(self.buffer.get(head_length..length).unwrap_or_default())
    }

    /// Asks until the server has room. Gives how often it had none.
    ///
    /// # Errors
    /// The answer is neither 200 nor 503, or breaks off, or the server has no room for too long.
    pub async fn get_patiently(&mut self, path: &str, headers: &str) -> anyhow::Result<u64> {
        let begun = Instant::now();
        let mut refusals = 0;
        while let Err(error) = self.get(path, headers).await {
            if !error.is::<NotNow>() || begun.elapsed() > PATIENCE {
                return Err(error);
            }
            refusals += 1;
            tokio::time::sleep(RETRY).await;
        }
        Ok(refusals)
    }

    async fn read(&mut self) -> anyhow::Result<()> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 || self.buffer.len() > ANSWER_BYTES_MAX {
            bail!("the answer breaks off after {} bytes", self.buffer.len());
        }
        Ok(())
    }
}

fn content_length(head: &[u8]) -> Option<usize> {
    let head = std::str::from_utf8(head).ok()?;
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(name, _)| name.eq_ignore_ascii_case("content-length"))?.1.trim().parse().ok()
}

/// Connections that are kept and lent, for open loops. What finds none free waits, and counts from the time meant.
#[derive(Clone)]
pub struct Connections {
    addr: SocketAddr,
    /// Each with the moment since which nothing was asked over it; the last was used last.
    idle: Arc<Mutex<Vec<(Instant, Connection)>>>,
    places: Arc<Semaphore>,
}

impl Connections {
    /// None yet; they are made as they are needed.
    #[must_use]
    pub fn to(addr: SocketAddr) -> Self {
        Self { addr, idle: Arc::default(), places: Arc::new(Semaphore::new(CONNECTIONS_MAX)) }
    }

    /// Asks over a connection that is idle, or a new one, until the server has room. Gives how often it had none.
    ///
    /// # Errors
    /// Those of [`Connection::get_patiently`].
    pub async fn get(&self, path: &str, headers: &str) -> anyhow::Result<u64> {
        let _place = self.places.acquire().await?;
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut connection = match idle {
            Some((since, connection)) if since.elapsed() < IDLE_MAX => connection,
            Some(_) | None => Connection::open(self.addr).await?,
        };
        let refusals = connection.get_patiently(path, headers).await?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push((Instant::now(), connection));
        Ok(refusals)
    }
}

/// The server has no room for the request, or is not ready for it: 503.
#[derive(Debug)]
pub struct NotNow;

impl fmt::Display for NotNow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the server answers 503")
    }
}

impl std::error::Error for NotNow {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_is_read_whatever_the_case_of_its_name() {
        assert_eq!(content_length(b"HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n"), Some(17));
        assert_eq!(content_length(b"HTTP/1.1 200 OK\r\ndate: 10:00\r\ncontent-length: 0\r\n\r\n"), Some(0));
        assert_eq!(content_length(b"HTTP/1.1 200 OK\r\n\r\n"), None);
    }
}
