//! The client for the Autobahn test suite that uses tokio-tungstenite with its defaults. It works like client.lua in
//! scripts/lib/autobahn.
//!
//! ```text
//! autobahn URL AGENT
//! ```

use std::error::Error;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(base), Some(agent)) = (arguments.next(), arguments.next()) else {
        return Err("usage: autobahn URL AGENT".into());
    };
    let count = count_cases(&base).await?;
    for number in 1..=count {
        if let Err(error) = run_case(&base, &format!("/runCase?case={number}&agent={agent}")).await {
            println!("case {number}: {error}");
        }
        if number % 50 == 0 || number == count {
            println!("{number} of {count} cases");
        }
    }
    run_case(&base, &format!("/updateReports?agent={agent}")).await
}

async fn open(base: &str, path: &str) -> Result<WebSocketStream<TcpStream>> {
    let request = format!("{base}{path}").into_client_request()?;
    let authority = request.uri().authority().ok_or("a URL without host")?.as_str();
    let stream = TcpStream::connect(authority).await?;
    Ok(client_async(request, stream).await?.0)
}

async fn count_cases(base: &str) -> Result<u32> {
    let mut connection = open(base, "/getCaseCount").await?;
    let answer = connection.next().await.ok_or("the suite did not say how many cases it has")??;
    let count = answer.to_text()?.parse()?;
    while connection.next().await.is_some_and(|message| message.is_ok()) {}
    Ok(count)
}

/// Echoes until the connection ends. An end that the case provokes is not an error.
async fn run_case(base: &str, path: &str) -> Result<()> {
    let mut connection = open(base, path).await?;
    while let Some(Ok(message)) = connection.next().await {
        if (message.is_text() || message.is_binary()) && connection.send(message).await.is_err() {
            break;
        }
    }
    Ok(())
}
