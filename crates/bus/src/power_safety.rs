//! Whether what the server has acknowledged survives a power cut. Only its monitoring port tells.

use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const TIMEOUT: Duration = Duration::from_secs(3);
const ANSWER_BYTES_MAX: u64 = 1024 * 1024;

/// Whether acknowledged messages survive a power cut of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PowerSafety {
    /// The server syncs before it acknowledges (`sync_interval: always`).
    Safe,
    /// The server acknowledges before it syncs: what it acknowledged last may be lost.
    Unsafe,
    /// Not to be found out; to be treated as not safe. Says why.
    Unknown(String),
}

#[derive(Deserialize)]
struct ServerVariables {
    server_id: String,
    jetstream: JetStream,
}

#[derive(Deserialize)]
struct JetStream {
    config: Option<Config>,
}

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    sync_always: bool,
}

/// Asks the monitoring port, which must be that of the server `server_id`.
pub(crate) async fn ask(monitor_url: &str, server_id: &str) -> PowerSafety {
    let answer = match tokio::time::timeout(TIMEOUT, get(monitor_url)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => return PowerSafety::Unknown(format!("{monitor_url} cannot be asked: {error}")),
        Err(_elapsed) => return PowerSafety::Unknown(format!("{monitor_url} did not answer within {TIMEOUT:?}")),
    };
    judge(&answer, server_id)
}

fn judge(answer: &str, server_id: &str) -> PowerSafety {
    let Some((_head, body)) = answer.split_once("\r\n\r\n") else {
        return PowerSafety::Unknown("the monitoring port did not answer with HTTP".to_owned());
    };
    match serde_json::from_str::<ServerVariables>(body) {
        Ok(variables) if variables.server_id != server_id => {
            PowerSafety::Unknown("the monitoring port belongs to another server than the connection".to_owned())
        }
        Ok(ServerVariables { jetstream: JetStream { config: Some(config) }, .. }) => {
            if config.sync_always {
                PowerSafety::Safe
            } else {
                PowerSafety::Unsafe
            }
        }
        Ok(_) => PowerSafety::Unknown("JetStream is off on this server".to_owned()),
        Err(error) => PowerSafety::Unknown(format!("the monitoring port's answer cannot be read: {error}")),
    }
}

/// One GET by HTTP/1.0, whose answer ends with the connection.
async fn get(monitor_url: &str) -> std::io::Result<String> {
    let authority = monitor_url
        .strip_prefix("http://")
        .ok_or_else(|| std::io::Error::other("only http:// is possible"))?
        .trim_end_matches('/');
    let mut stream = TcpStream::connect(authority).await?;
    stream.write_all(format!("GET /varz HTTP/1.0\r\nHost: {authority}\r\n\r\n").as_bytes()).await?;
    let mut answer = String::new();
    stream.take(ANSWER_BYTES_MAX).read_to_string(&mut answer).await?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(jetstream: &str) -> String {
        format!(
            "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{{\"server_id\":\"A\",\"jetstream\":{jetstream}}}"
        )
    }

    #[test]
    fn only_a_server_that_always_syncs_is_safe() {
        let interval = r#""sync_interval":120000000000"#;
        let always = answer(&format!(r#"{{"config":{{{interval},"sync_always":true}}}}"#));
        assert_eq!(judge(&always, "A"), PowerSafety::Safe);
        assert_eq!(judge(&answer(&format!(r#"{{"config":{{{interval}}}}}"#)), "A"), PowerSafety::Unsafe);
    }

    #[test]
    fn what_is_not_told_is_unknown() {
        let always = answer(r#"{"config":{"sync_always":true}}"#);
        for (text, server_id) in [(always.as_str(), "B"), (answer("{}").as_str(), "A"), ("220 smtp", "A")] {
            assert!(matches!(judge(text, server_id), PowerSafety::Unknown(_)), "{text}");
        }
    }
}
