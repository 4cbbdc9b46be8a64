//! What a WebSocket library in Rust must do for the benchmarks.
//!
//! Each library has a program in `src/bin` that implements [`Client`] and calls [`crate::workloads::main`]. Those that
//! block implement it, too: their futures are ready when they are first polled, which costs nothing.

use std::error::Error;

/// The result of everything that a client does.
pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// One connection of a library.
#[allow(async_fn_in_trait)]
pub trait Client: Sized + 'static {
    /// Opens a connection to a URL such as `ws://127.0.0.1:1234/echo`.
    async fn connect(url: &str) -> Result<Self>;

    /// Sends one text message and writes it to the socket.
    async fn send(&mut self, text: &str) -> Result<()>;

    /// Sends text messages in the way that is fastest for the library.
    async fn send_batch(&mut self, texts: &[String]) -> Result<()>;

    /// Waits for the next message, and returns the length of its payload.
    async fn receive(&mut self) -> Result<usize>;
}
