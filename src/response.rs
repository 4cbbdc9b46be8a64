//! The server's answer to the opening handshake, as a script sees it.

/// An HTTP response with what it settled for the connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status; 101 if the handshake succeeded.
    pub status: u16,
    /// Names in lower case with their values as they arrived, in the order of the wire.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The first 4 KiB of the body if the server refused the handshake, otherwise empty, and for
    /// a redirect that cannot be followed.
    pub body: Vec<u8>,
    /// The subprotocol that the server chose, `""` if it chose none.
    pub protocol: String,
    /// The extensions in use as the server named them, `""` if there are none.
    pub extensions: String,
}

impl Response {
    /// Returns the bytes that its headers and its body take.
    pub fn size(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        headers + self.body.len()
    }
}
