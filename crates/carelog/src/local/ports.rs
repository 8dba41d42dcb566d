//! Free ports on the loopback interface.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};

use anyhow::bail;

/// The lowest port that is handed out.
const LOWEST: u16 = 10_000;

/// The lowest port that Linux gives to outgoing connections by default.
const EPHEMERAL_DEFAULT: u16 = 32_768;

/// How many ports are tried.
const ATTEMPTS_MAX: usize = 200;

/// Returns a port of 127.0.0.1 that nobody listens on now; somebody else may take it any moment.
///
/// It lies below the range of outgoing connections. Inside that range a client that keeps
/// reconnecting while the server is down may be given the server's port for its own end, connect
/// to itself and keep the server from coming back.
pub(super) fn free_port() -> anyhow::Result<u16> {
    let highest = lowest_ephemeral_port().unwrap_or(EPHEMERAL_DEFAULT).max(LOWEST + 1_000);
    for _ in 0..ATTEMPTS_MAX {
        let port = rand::random_range(LOWEST..highest);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no free port on 127.0.0.1 between {LOWEST} and {highest}")
}

fn lowest_ephemeral_port() -> Option<u16> {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?;
    range.split_whitespace().next()?.parse().ok()
}
