//! The Lua module; the only part of the engine that uses mlua.
//!
//! Comes in: calls of the script. Goes out: the module's table, the `websocket` userdata, and events as Lua values.
//! Reading order: `entry` (how a Lua state gets here; on Windows by `exports`), `module` (what it gets), `builder`,
//! `answer` and `arguments` (how calls come and go), `options`, `host` (what one Lua state has), `handle` (userdata of
//! ours), `socket` (connections), `planning` and `new` (how they start, and start again), `record` (their tables),
//! `connections` (all of them) and `timers`, then what is called for every message: `send`, `inbox` (what waits), `poll`
//! and `polling` (how it is waited for), `effect` (what an event means), `push` (its values), `calls` (callbacks are
//! called) and `dispatch` (in each turn), and `receive` (messages that scripts take themselves); `text` (UTF-8 and
//! URLs), `bare` (userdata for shapes) and `nested` (calls in a finaliser).
//!
//! Every function that mlua makes here returns `true, results...` or `false, text`, and a Lua guard (prelude.lua)
//! raises the text, because an error that a Rust function returns to mlua arrives as a userdata.

mod answer;
mod arguments;
mod bare;
mod builder;
mod calls;
mod connections;
mod dispatch;
mod effect;
mod entry;
#[cfg(windows)]
mod exports;
mod handle;
mod host;
mod inbox;
mod module;
mod nested;
mod new;
mod options;
mod planning;
mod poll;
mod polling;
mod push;
mod receive;
mod record;
mod send;
mod socket;
mod text;
mod timers;
