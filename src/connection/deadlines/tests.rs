//! Tables of moments, in seconds after the connection opened.

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const CLOSE_TIMEOUT: u32 = 10;

/// What happens to a connection whose pings are due every 20 seconds, with a `ping_timeout` of 5 and a `close_timeout`
/// of 10.
#[derive(Clone, Copy, Debug)]
enum Event {
    Bytes,
    Capacity,
    Progress,
    Pause,
    Reading,
    CloseWanted,
    CloseWritten,
    CloseReceived,
    Breach,
    Failed,
    WriteLost,
    /// Nothing but a look at the deadlines, as at each turn.
    Look,
}

use self::Event::*;

struct Table {
    deadlines: Deadlines,
    start: Instant,
}

impl Table {
    fn new() -> Table {
        let start = Instant::now();
        let keepalive = Keepalive::new(Some(20 * SECOND), Some(5 * SECOND), start);
        Table { deadlines: Deadlines::new(keepalive, CLOSE_TIMEOUT * SECOND), start }
    }

    /// Plays events at their moments, and returns the deadline as it is seen at the last one, in milliseconds.
    fn play(events: &[(u64, Event)]) -> Option<(u64, Due)> {
        let mut table = Table::new();
        let mut seen = None;
        for (millis, event) in events {
            seen = table.step(*millis, *event);
        }
        seen
    }

    fn step(&mut self, millis: u64, event: Event) -> Option<(u64, Due)> {
        let now = self.start + Duration::from_millis(millis);
        let deadlines = &mut self.deadlines;
        match event {
            Bytes => deadlines.note_received_bytes(),
            Capacity => deadlines.note_capacity_opened(),
            Progress => deadlines.note_progress(now),
            Pause => deadlines.note_pause(now),
            Reading => deadlines.note_reading(now),
            CloseWanted => deadlines.note_close_wanted(now),
            CloseWritten => deadlines.note_close_written(now),
            CloseReceived => deadlines.note_close_received(now),
            Breach => deadlines.note_breach(now),
            Failed => deadlines.note_failed(now),
            WriteLost => deadlines.note_write_lost(now),
            Look => {}
        }
        if deadlines.is_open() {
            deadlines.keepalive().take_due_ping(now);
        }
        let next = deadlines.next(now)?;
        Some(((next.at - self.start).as_millis() as u64, next.due))
    }
}

/// Events at their moments, and the deadline that is seen at the last one.
type Row<'a> = (&'a [(u64, Event)], Option<(u64, Due)>);

#[track_caller]
fn assert_deadlines(rows: &[Row<'_>]) {
    for (events, expected) in rows {
        assert_eq!(Table::play(events), *expected, "{events:?}");
    }
}

#[test]
fn an_open_connection_ends_a_ping_timeout_after_a_ping_without_a_sign_of_life() {
    assert_deadlines(&[
        (&[(0, Look)], Some((20_000, Due::Ping))),
        (&[(20_000, Look)], Some((25_000, Due::Silence))),
        (&[(20_000, Look), (21_000, Bytes)], Some((40_000, Due::Ping))),
        (&[(20_000, Look), (21_000, Capacity)], Some((40_000, Due::Ping))),
        // Bytes that the transport takes without having been full are no sign of life.
        (&[(20_000, Look), (21_000, Progress)], Some((25_000, Due::Silence))),
        // What came before the ping was due says nothing about the time after it.
        (&[(19_000, Bytes), (19_500, Capacity), (20_000, Look)], Some((25_000, Due::Silence))),
    ]);
}

#[test]
fn an_open_connection_does_not_end_while_reading_is_paused_and_the_pause_does_not_count() {
    assert_deadlines(&[
        (&[(10_000, Pause), (20_000, Look)], Some((40_000, Due::Ping))),
        (&[(10_000, Pause), (20_000, Look), (39_000, Reading)], Some((40_000, Due::Ping))),
        (&[(10_000, Pause), (20_000, Look), (30_000, Reading)], Some((35_000, Due::Silence))),
        (&[(20_000, Look), (22_000, Pause), (30_000, Reading)], Some((33_000, Due::Silence))),
        (&[(20_000, Look), (22_000, Pause), (30_000, Reading), (30_000, Bytes)], Some((40_000, Due::Ping))),
    ]);
}

#[test]
fn our_close_must_be_written_within_close_timeout_of_the_last_progress() {
    assert_deadlines(&[
        (&[(1000, CloseWanted)], Some((11_000, Due::CloseUnwritten))),
        (&[(1000, CloseWanted), (2000, CloseWanted)], Some((11_000, Due::CloseUnwritten))),
        (&[(1000, CloseWanted), (9000, Progress)], Some((19_000, Due::CloseUnwritten))),
        // What arrives does not help to write it.
        (&[(1000, CloseWanted), (9000, Bytes)], Some((11_000, Due::CloseUnwritten))),
    ]);
}

#[test]
fn the_peer_must_answer_within_close_timeout_of_the_moment_our_close_was_written() {
    let written = [(1000, CloseWanted), (3000, CloseWritten)];
    for event in [Bytes, Capacity, Progress, Pause, Reading, CloseWanted, CloseWritten, Look] {
        let events = [&written[..], &[(9000, event), (9000, Reading)]].concat();
        assert_eq!(Table::play(&events), Some((13_000, Due::CloseUnanswered)), "{event:?} puts nothing off");
    }
    assert_deadlines(&[(&[written[0], written[1], (4000, CloseReceived)], Some((6000, Due::Linger)))]);
}

#[test]
fn a_close_deadline_that_passes_in_a_pause_is_checked_once_after_it() {
    let close = |at| [(0, CloseWanted), (0, CloseWritten), (at, Pause)];
    // (when the pause begins, when it ends, when the deadline is then)
    for (began, ended, expected) in [(9000, 9500, 10_000), (9000, 10_100, 11_100), (9000, 60_000, 61_000)] {
        let events = [&close(began)[..], &[(ended - 1, Look)]].concat();
        assert_eq!(Table::play(&events), None, "no deadline in the pause from {began} to {ended}");
        let events = [&close(began)[..], &[(ended, Reading)]].concat();
        assert_eq!(Table::play(&events), Some((expected, Due::CloseUnanswered)));
    }
}

#[test]
fn a_peer_that_keeps_the_queue_full_cannot_put_off_the_answer_to_our_close() {
    let mut table = Table::new();
    table.step(0, CloseWanted);
    table.step(0, CloseWritten);
    // Every second reading is paused for 990 ms, and what is read fills the queue again.
    let end = (0..60).find_map(|second| {
        table.step(1000 * second, Pause);
        table.step(1000 * second + 990, Reading);
        let seen = table.step(1000 * second + 995, Pause);
        seen.filter(|(at, _)| *at <= 1000 * second + 995)
    });
    assert_eq!(end, Some((10_995, Due::CloseUnanswered)));
}

#[test]
fn a_peer_that_waited_for_us_has_a_moment_to_read_what_stands_before_our_close() {
    let mut table = Table::new();
    table.step(0, CloseWanted);
    table.step(1000, Pause);
    assert_eq!(table.step(15_000, Look), None);
    assert_eq!(table.step(15_000, Reading), Some((16_000, Due::CloseUnwritten)));
    assert_eq!(table.step(15_100, Pause), Some((16_000, Due::CloseUnwritten)), "a further pause puts nothing off");
    assert_eq!(table.step(15_200, Reading), Some((16_000, Due::CloseUnwritten)));
    assert_eq!(table.step(15_300, Progress), Some((25_300, Due::CloseUnwritten)));
}

#[test]
fn the_peers_close_must_be_answered_within_two_seconds_of_progress_and_within_close_timeout() {
    let received = (1000, CloseReceived);
    assert_deadlines(&[
        (&[received], Some((3000, Due::CloseUnwritten))),
        (&[(0, CloseWanted), received], Some((3000, Due::CloseUnwritten))),
        (&[received, (2500, Progress)], Some((4500, Due::CloseUnwritten))),
        (&[received, (2500, Bytes)], Some((3000, Due::CloseUnwritten))),
        (
            &[
                received,
                (2500, Progress),
                (4000, Progress),
                (5500, Progress),
                (7000, Progress),
                (8500, Progress),
                (10_000, Progress),
            ],
            Some((11_000, Due::CloseUnwritten)),
        ),
        (&[received, (2500, CloseWritten)], Some((4500, Due::Linger))),
    ]);
}

#[test]
fn the_last_two_seconds_are_put_off_by_nobody() {
    let ways: [&[(u64, Event)]; 4] = [
        &[(0, CloseWanted), (0, CloseWritten), (1000, CloseReceived)],
        &[(0, CloseReceived), (1000, CloseWritten)],
        &[(0, Breach), (1000, Failed)],
        &[(0, CloseWanted), (1000, WriteLost)],
    ];
    for way in ways {
        for event in [
            Bytes,
            Capacity,
            Progress,
            Reading,
            CloseWanted,
            CloseWritten,
            CloseReceived,
            Breach,
            Failed,
            WriteLost,
            Look,
        ] {
            let events = [way, &[(2500, event)]].concat();
            assert_eq!(Table::play(&events), Some((3000, Due::Linger)), "{event:?} after {way:?}");
        }
    }
}

#[test]
fn what_a_lost_peer_sent_may_still_be_read_after_a_pause() {
    assert_deadlines(&[
        (&[(0, Pause), (1000, WriteLost), (9000, Look)], None),
        (&[(0, Pause), (1000, WriteLost), (9000, Reading)], Some((11_000, Due::Linger))),
        (&[(0, WriteLost), (1000, Pause), (9000, Reading)], Some((10_000, Due::Linger))),
    ]);
}

#[test]
fn the_script_has_two_seconds_to_answer_what_came_before_a_breach() {
    for before in [Look, CloseWanted, CloseWritten] {
        for event in [Bytes, Capacity, Progress, CloseWanted, CloseWritten, WriteLost] {
            let events = [(0, before), (1000, Breach), (2000, event)];
            assert_eq!(Table::play(&events), Some((3000, Due::Breach)), "{events:?}");
        }
    }
}

#[test]
fn a_deadline_that_is_seen_late_is_put_off_once() {
    let mut table = Table::new();
    table.step(0, CloseWanted);
    table.step(0, CloseWritten);
    // The process was stopped for a minute and a half.
    assert_eq!(table.step(90_000, Look), Some((91_000, Due::CloseUnanswered)));
    // And then again.
    assert_eq!(table.step(180_000, Look), Some((91_000, Due::CloseUnanswered)));
    let mut table = Table::new();
    table.step(20_000, Look);
    assert_eq!(table.step(25_400, Look), Some((25_000, Due::Silence)));
    assert_eq!(table.step(25_600, Look), Some((26_600, Due::Silence)));
}
