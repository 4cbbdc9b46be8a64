//! The texts of I/O errors, in the style of our own texts.

use std::io;

/// Returns the system's words for an error: lower case, without the number, and without the full stop of Windows. The
/// usual errors of Windows, which has words in the language of its user, are called as on Linux.
pub(super) fn describe(error: &io::Error) -> String {
    if cfg!(windows)
        && error.raw_os_error().is_some()
        && let Some(words) = words_of_linux(error.kind())
    {
        return words.to_owned();
    }
    let mut text = error.to_string();
    if let Some(at) = text.find(" (os error ") {
        text.truncate(at);
    }
    lower_first(text.trim_end_matches('.'))
}

fn words_of_linux(kind: io::ErrorKind) -> Option<&'static str> {
    Some(match kind {
        io::ErrorKind::AddrInUse => "address already in use",
        io::ErrorKind::AddrNotAvailable => "cannot assign requested address",
        io::ErrorKind::ConnectionRefused => "connection refused",
        io::ErrorKind::ConnectionReset => "connection reset by peer",
        io::ErrorKind::HostUnreachable => "no route to host",
        io::ErrorKind::NetworkUnreachable => "network is unreachable",
        io::ErrorKind::NotFound => "no such file or directory",
        io::ErrorKind::PermissionDenied => "permission denied",
        io::ErrorKind::TimedOut => "connection timed out",
        _ => return None,
    })
}

/// Returns a text with its first letter in lower case.
pub(super) fn lower_first(text: &str) -> String {
    let mut text = text.to_owned();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_out_the_number_and_the_full_stop() {
        let error = io::Error::other("The target refused it. (os error 10061)");
        assert_eq!(describe(&error), "the target refused it");
        assert_eq!(describe(&io::Error::other("Timed out")), "timed out");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn knows_the_words_of_linux() {
        for number in [
            libc::EADDRINUSE,
            libc::EADDRNOTAVAIL,
            libc::ECONNREFUSED,
            libc::ECONNRESET,
            libc::EHOSTUNREACH,
            libc::ENETUNREACH,
            libc::ENOENT,
            libc::EACCES,
            libc::ETIMEDOUT,
        ] {
            let error = io::Error::from_raw_os_error(number);
            assert_eq!(words_of_linux(error.kind()), Some(describe(&error).as_str()));
        }
        assert_eq!(words_of_linux(io::ErrorKind::Other), None);
    }
}
