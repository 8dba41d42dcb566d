//! Sends a command from another service in Rust: set `NATS_URL` as `carelog up` prints it, then
//! `cargo run --example publish`.

use async_nats::ConnectOptions;
use serde_json::{Value, json};
use uuid::Uuid;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let url = std::env::var("NATS_URL")?;
    // async-nats takes the token apart from the address.
    let address = url.trim_start_matches("nats://");
    let (token, address) = address.split_once('@').unwrap_or(("", address));
    let connection = ConnectOptions::with_token(token.to_owned()).connect(address).await?;
    let command = json!({
        "command_id": Uuid::new_v4(), // the same id again gets the same answer: retry with it
        "id": Uuid::new_v4(),
        "actor": {"kind": "service", "id": "web"},
        "data": {"display_name": "Ada Lovelace"},
    });
    let reply = connection.request("carelog.command.web.customer.register", command.to_string().into()).await?;
    println!("{}", serde_json::from_slice::<Value>(&reply.payload)?);
    Ok(())
}
