//! What the system tests share: a database and a NATS prefix of their own for each test, and commands to send.
//!
//! The tests run under `carelog local`, which gives `DATABASE_URL` and `NATS_URL`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot be set up ends here"
)]

pub mod model;
pub mod reference;
mod system;

use std::str::FromStr as _;

use domain::envelope::{CommandMessage, Publisher};
use event_store::pool::{PoolRole, connect};
use event_store::{MasterKeys, Reader, Vault};
use serde_json::Value;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool};
use uuid::Uuid;

pub use system::{Process, System};

/// A master key for tests.
///
/// # Panics
/// Never: the key is a constant.
#[must_use]
pub fn keys() -> MasterKeys {
    MasterKeys::parse(&"5a".repeat(32)).unwrap()
}

/// A prefix for subjects and streams that no other test uses.
#[must_use]
pub fn unique_prefix() -> String {
    format!("t{}", Uuid::new_v4().simple())
}

/// The server that the tests use.
///
/// # Panics
/// The tests do not run under `carelog local`.
#[must_use]
pub fn nats_url() -> String {
    std::env::var("NATS_URL").expect("NATS_URL: run the tests with tests/run")
}

fn server() -> String {
    std::env::var("DATABASE_URL").expect("DATABASE_URL: run the tests with tests/run")
}

/// A migrated database of its own; [`TestDatabase::remove`] removes it.
pub struct TestDatabase {
    /// Its URL.
    pub url: String,
    name: String,
    server: String,
}

impl TestDatabase {
    /// Makes and migrates a database on the server of `DATABASE_URL`.
    ///
    /// # Panics
    /// The server cannot be reached.
    pub async fn create() -> Self {
        Self::create_on(&server()).await
    }

    /// Makes and migrates a database on a server.
    ///
    /// # Panics
    /// The server cannot be reached.
    pub async fn create_on(server: &str) -> Self {
        let name = format!("t{}", Uuid::new_v4().simple());
        let mut connection = PgConnection::connect(server).await.unwrap();
        sqlx::query(AssertSqlSafe(format!("create database {name}"))).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        let url = PgConnectOptions::from_str(server).unwrap().database(&name);
        let url = sqlx::ConnectOptions::to_url_lossy(&url).to_string();
        carelog::schema::migrate(&url).await.unwrap();
        Self { url, name, server: server.to_owned() }
    }

    /// A pool with a role's rights.
    ///
    /// # Panics
    /// The server cannot be reached.
    pub async fn pool(&self, role: PoolRole) -> PgPool {
        connect(&self.url, role, 8).await.unwrap()
    }

    /// A reader of the history.
    pub async fn reader(&self) -> Reader {
        Reader::new(self.pool(PoolRole::Query).await)
    }

    /// A vault that opens what is sealed.
    pub async fn vault(&self) -> Vault {
        Vault::new(self.pool(PoolRole::Append).await, keys())
    }

    /// Removes the database, also while connections are open.
    ///
    /// # Panics
    /// The server cannot be reached.
    pub async fn remove(self) {
        let mut connection = PgConnection::connect(&self.server).await.unwrap();
        let drop = format!("drop database if exists {} with (force)", self.name);
        sqlx::query(AssertSqlSafe(drop)).execute(&mut connection).await.unwrap();
    }
}

/// A command as the publisher `test` sends it, acting as a service.
///
/// # Panics
/// The command is not one that the domain knows.
#[must_use]
pub fn command(name: &str, id: Uuid, data: &Value) -> CommandMessage {
    command_with_id(Uuid::now_v7(), name, id, data)
}

/// The same with a command id.
///
/// # Panics
/// The command is not one that the domain knows.
#[must_use]
pub fn command_with_id(command_id: Uuid, name: &str, id: Uuid, data: &Value) -> CommandMessage {
    let (aggregate, name) = name.split_once('.').unwrap();
    let actor = serde_json::json!({"kind": "service", "id": "test"});
    let body = serde_json::json!({"command_id": command_id, "id": id, "actor": actor, "data": data});
    let publisher = Publisher::parse("test").unwrap();
    CommandMessage::parse(publisher, aggregate, name, body.to_string().as_bytes()).unwrap()
}
