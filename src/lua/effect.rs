//! What an event shows to the script, and what it changes.
//!
//! Comes in: an event of a connection. Goes out: what its callback is called with, and the new state of the connection.
//! [`shown`] changes nothing that the script sees, because the Lua values of the event are made after it, and that may
//! fail. Calls no Lua.

use super::host::Host;
use super::socket::{Socket, Status};
use crate::batch::Batch;
use crate::event::{End, Event, Kind, Reconnecting};
use crate::queue::ConnectionId;

/// The arguments of a callback, without the connection. The pointers are valid while the event is where it is.
#[derive(Clone, Copy)]
pub enum Shown {
    /// `received`, the payload and the kind.
    Message(Kind, *const [u8]),
    /// The event's name, what comes second, and what comes third.
    Other(&'static str, Option<*const [u8]>, Detail),
    /// No callback is called, but the logger, with the level and the text.
    Line(&'static str, *const [u8]),
    /// No callback is called: the script plans the attempt of this number, by the function of the other number.
    Planning(usize, u64),
}

/// The third argument of a callback.
#[derive(Clone, Copy)]
pub enum Detail {
    /// None.
    Nothing,
    /// The code of an error.
    Name(&'static str),
    /// The code of a Close frame.
    Code(u16),
    /// A table about the next attempt.
    Attempt(*const Reconnecting),
}

/// What a callback has to do with an event that took its effect.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The callback is not called.
    Hidden,
    /// It is called.
    Shown,
    /// It is called for the last time.
    Ended,
}

/// Returns what the script sees of an event.
pub fn shown(event: &mut Event, socket: &Socket) -> Shown {
    // A script that has closed before the connection was open must see just that, however far the engine had come.
    if let Event::End(end) = event
        && socket.status.get() == Status::GivenUp
    {
        **end = End::dropped();
    }
    match event {
        Event::Message(..) if socket.mailbox.is_some() => Shown::Other("received", None, Detail::Nothing),
        Event::Message(kind, payload) => Shown::Message(*kind, &raw const **payload),
        Event::Open(_) => Shown::Other("open", None, Detail::Nothing),
        Event::Ping(payload) => Shown::Other("ping", Some(&raw const **payload), Detail::Nothing),
        Event::Pong(payload) => Shown::Other("pong", Some(&raw const **payload), Detail::Nothing),
        Event::Closing { code, reason } => {
            Shown::Other("closing", Some(&raw const *reason.as_bytes()), Detail::Code(*code))
        }
        Event::Drain => Shown::Other("drain", None, Detail::Nothing),
        Event::Reconnecting(reconnecting) => Shown::Other(
            "reconnecting",
            Some(&raw const *reconnecting.text.as_bytes()),
            Detail::Attempt(&raw const **reconnecting),
        ),
        Event::Line(level, text) => Shown::Line(level.as_str(), &raw const *text.as_bytes()),
        Event::Preparing(attempt) => {
            Shown::Planning(*attempt, socket.planning.as_ref().map_or(0, |planning| planning.function))
        }
        Event::End(end) => match end.error {
            Some(error) => Shown::Other("fail", Some(&raw const *end.text.as_bytes()), Detail::Name(error.as_str())),
            None => Shown::Other("closed", Some(&raw const *end.reason.as_bytes()), Detail::Code(end.code)),
        },
    }
}

/// Lets an event take its effect on what the script sees of the connection.
pub fn settle(host: &Host, id: ConnectionId, socket: &Socket, event: Event) -> Effect {
    match event {
        Event::End(mut end) => {
            socket.status.set(Status::Closed);
            if let Some(response) = end.response.take() {
                socket.response.replace(Some(response.into()));
            }
            socket.end.replace(Some(end.into()));
            host.forget(id);
            Effect::Ended
        }
        Event::Line(..) if host.logger.get().is_some() => Effect::Shown,
        Event::Line(..) => Effect::Hidden,
        _ if is_given_up(socket) => Effect::Hidden,
        Event::Drain | Event::Preparing(_) if has_closed(socket) => Effect::Hidden,
        // The script has closed before it was told of the loss, so it is told of no further connection.
        Event::Reconnecting(_) if has_closed(socket) => {
            socket.status.set(Status::GivenUp);
            Effect::Hidden
        }
        Event::Open(response) => {
            if socket.status.get() == Status::Connecting {
                socket.status.set(Status::Open);
            }
            socket.response.replace(Some(response.into()));
            Effect::Shown
        }
        Event::Closing { .. } => {
            if socket.status.get() == Status::Open {
                socket.status.set(Status::PeerClosing);
            }
            if socket.report_closing { Effect::Shown } else { Effect::Hidden }
        }
        Event::Reconnecting(mut reconnecting) => {
            socket.status.set(Status::Connecting);
            if let Some(response) = reconnecting.response.take() {
                socket.response.replace(Some(response.into()));
            }
            Effect::Shown
        }
        Event::Preparing(_) => {
            if let Some(planning) = &socket.planning {
                planning.begin();
            }
            host.begin_planning(&socket.connection);
            Effect::Shown
        }
        Event::Message(kind, payload) => {
            if let Some(mailbox) = &socket.mailbox {
                mailbox.push(Batch::of_one(kind, payload), host.inbox.take_charge());
            }
            Effect::Shown
        }
        Event::Ping(_) | Event::Pong(_) | Event::Drain => Effect::Shown,
    }
}

fn has_closed(socket: &Socket) -> bool {
    socket.status.get() == Status::Closing
}

/// Tells whether the script has closed before the connection was open, so that it sees nothing of it but its end.
pub fn is_given_up(socket: &Socket) -> bool {
    socket.status.get() == Status::GivenUp
}
