//! Reads the arguments of the command line.
//!
//! Comes in: arguments. Goes out: a [`Command`] of checked values, or a text that names the argument and the limit. No
//! text contains the value of a header, a proxy or a URL.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use lexopt::prelude::*;
use websocket_core::connection::Outgoing;
use websocket_core::extension::Compression;
use websocket_core::options::{Options, Reconnect};
use websocket_core::quote::quoted;
use websocket_core::url::Endpoint;

use crate::message::{Form, message};
use crate::screen::Layout;

/// The longest time in seconds, some thirty years, as in the module.
const MAX_SECONDS: f64 = websocket_core::options::kind::MAX_SECONDS;

/// What the program is asked to do.
pub enum Command {
    /// Print how it is used.
    Help,
    /// Print its version.
    Version,
    /// Serve an echo at this address.
    Listen(SocketAddr),
    /// Connect.
    Connect(Box<Connect>),
}

/// One connection.
pub struct Connect {
    /// Where to.
    pub endpoint: Endpoint,
    /// How.
    pub options: Options,
    /// What the lines of the input are.
    pub form: Form,
    /// How texts are shown.
    pub layout: Layout,
    /// The messages of `-x`.
    pub messages: Vec<Outgoing>,
    /// The value of `--wait`.
    pub patience: Option<Patience>,
    /// What is told about the connection.
    pub detail: Detail,
}

/// How long the next message is waited for, once everything is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// This long.
    Limited(Duration),
    /// As long as the connection lives.
    Endless,
}

/// What is told about the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// What went wrong.
    Errors,
    /// Every step.
    Log,
}

/// Reads the arguments, without the name of the program.
///
/// # Errors
/// An option that does not exist, lacks its value or has a value that cannot be used; no URL, or more than one.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, String> {
    let mut parser = lexopt::Parser::from_args(arguments);
    let mut given = Given::default();
    while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help),
            Short('V') | Long("version") => return Ok(Command::Version),
            Value(word) if given.url.is_none() && word == "listen" => return parse_listen(&mut parser),
            Value(word) if given.url.is_none() => given.url = Some(unicode(word, "the URL")?),
            Value(_) => return Err("there is more than one URL; a message is sent by -x MESSAGE".to_owned()),
            Short(letter) => given.read(&format!("-{letter}"), &mut parser)?,
            Long(name) => {
                let name = format!("--{name}");
                given.read(&name, &mut parser)?;
            }
        }
    }
    given.check().map(|connect| Command::Connect(Box::new(connect)))
}

/// What was given so far.
#[derive(Default)]
struct Given {
    url: Option<String>,
    options: Options,
    form: Option<Form>,
    layout: Option<Layout>,
    messages: Vec<String>,
    patience: Option<Patience>,
    detail: Option<Detail>,
}

impl Given {
    fn read(&mut self, option: &str, parser: &mut lexopt::Parser) -> Result<(), String> {
        let options = &mut self.options;
        match option {
            "-H" | "--header" => add_header(options, &value(parser, "--header")?)?,
            "--protocol" => {
                for name in value(parser, "--protocol")?.split(',') {
                    options.add_protocol(name.trim()).map_err(|error| format!("--protocol: {error}"))?;
                }
            }
            "--origin" => {
                let origin = value(parser, "--origin")?;
                options.set_origin(origin.as_bytes()).map_err(|error| in_our_words(&error.to_string()))?;
            }
            "--ca" => options.tls.ca_file = Some(value(parser, "--ca")?),
            "--fingerprint" => {
                let text = value(parser, "--fingerprint")?;
                options.tls.add_fingerprint(&text).map_err(|error| in_our_words(&error.to_string()))?;
            }
            "--proxy" => {
                let url = value(parser, "--proxy")?;
                let url = (url != "none").then_some(&*url);
                options.set_proxy(url).map_err(|error| in_our_words(&error.to_string()))?;
            }
            "--compress" => options.compression = Some(Compression::default()),
            "--ping" => {
                let interval = seconds(&value(parser, "--ping")?, "--ping", "")?;
                options.ping_interval = Some(interval).filter(|interval| !interval.is_zero());
            }
            "--reconnect" => options.reconnect = Some(Reconnect::default()),
            "--binary" => self.form = Some(Form::Hex),
            "--json" => self.layout = Some(Layout::Json),
            "-x" | "--execute" => self.messages.push(value(parser, "-x")?),
            "--wait" => self.patience = Some(patience(&value(parser, "--wait")?)?),
            "-v" | "--verbose" => self.detail = Some(Detail::Log),
            other => return Err(unknown(other)),
        }
        Ok(())
    }

    fn check(self) -> Result<Connect, String> {
        let url = self.url.ok_or("there is no URL; websocket --help shows how to use this program")?;
        let form = self.form.unwrap_or(Form::Text);
        let messages = self.messages.iter().enumerate().map(|(at, text)| {
            message(form, text.as_bytes()).map_err(|error| format!("message {} of -x {error}", at + 1))
        });
        let mut options = self.options;
        // The input is read on once the connection accepts messages again.
        options.report_drain = true;
        options.check().map_err(|error| in_our_words(&error.to_string()))?;
        Ok(Connect {
            endpoint: Endpoint::parse(&url).map_err(|error| error.to_string())?,
            options,
            form,
            layout: self.layout.unwrap_or(Layout::Plain),
            messages: messages.collect::<Result<_, _>>()?,
            patience: self.patience,
            detail: self.detail.unwrap_or(Detail::Errors),
        })
    }
}

fn parse_listen(parser: &mut lexopt::Parser) -> Result<Command, String> {
    let mut address = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let mut port = None;
    while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help),
            Long("address") => {
                let text = value(parser, "--address")?;
                let refuse = |_| format!("--address must be an IP address, got {}", quoted(&text));
                address = text.parse().map_err(refuse)?;
            }
            Value(word) if port.is_none() => {
                let text = unicode(word, "the port")?;
                let refuse = |_| format!("the port must be a whole number from 0 to 65535, got {}", quoted(&text));
                port = Some(text.parse::<u16>().map_err(refuse)?);
            }
            Value(word) => {
                return Err(format!("there is more than one port: {}", quoted(word.to_string_lossy().as_bytes())));
            }
            Short(letter) => return Err(unknown(&format!("-{letter}"))),
            Long(name) => return Err(unknown(&format!("--{name}"))),
        }
    }
    let port = port.ok_or("listen needs a port, or 0 for a free one")?;
    Ok(Command::Listen(SocketAddr::new(address, port)))
}

fn add_header(options: &mut Options, line: &str) -> Result<(), String> {
    let Some((name, value)) = line.split_once(':') else {
        return Err("--header must be \"Name: value\", got a line without a colon".to_owned());
    };
    let value = value.trim_matches([' ', '\t']);
    options.add_header(name.trim_end(), value.as_bytes()).map_err(|error| format!("--header: {error}"))
}

fn patience(text: &str) -> Result<Patience, String> {
    if text == "forever" {
        return Ok(Patience::Endless);
    }
    seconds(text, "--wait", ", or \"forever\"").map(Patience::Limited)
}

fn seconds(text: &str, option: &str, or: &str) -> Result<Duration, String> {
    let number = text.parse().ok().filter(|seconds| (0.0..=MAX_SECONDS).contains(seconds));
    number.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).ok_or_else(|| {
        format!("{option} must be a number of seconds from 0 to {MAX_SECONDS}{or}, got {}", quoted(text))
    })
}

fn value(parser: &mut lexopt::Parser, option: &str) -> Result<String, String> {
    let value = parser.value().map_err(|_| format!("{option} lacks its value"))?;
    unicode(value, &format!("the value of {option}"))
}

fn unicode(value: OsString, what: &str) -> Result<String, String> {
    value.into_string().map_err(|_| format!("{what} is not valid UTF-8"))
}

fn unknown(option: &str) -> String {
    format!("{} is no option; websocket --help lists all", quoted(option))
}

/// Replaces the names of the module's options by those of this program.
pub fn in_our_words(text: &str) -> String {
    let names = [("tls.fingerprint", "--fingerprint"), ("tls.ca_file", "--ca")];
    let text = names.iter().fold(text.to_owned(), |text, (theirs, ours)| text.replace(theirs, ours));
    ["proxy", "origin"]
        .iter()
        .fold(text, |text, name| text.replace(&format!("option {name}"), &format!("option --{name}")))
}

#[cfg(test)]
#[path = "arguments/tests.rs"]
mod tests;
