//! Much data, and sides that are slow or gone.

use std::fs;
use std::io::Write;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use super::program::{Ended, PATH, Program, answer_close, command};
use super::support::PATIENCE;
use super::support::peer::{Door, TEXT, frame};

const MIB: usize = 1 << 20;

/// Returns the most memory that a process has had, in bytes.
#[cfg(target_os = "linux")]
fn most_memory(process: u32) -> usize {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

#[test]
#[cfg(target_os = "linux")]
fn stops_reading_from_the_server_while_nobody_takes_its_output() {
    let door = Door::new();
    let mut child = command(PATH).arg(door.url()).spawn().unwrap();
    let stdout = child.stdout.take().unwrap();
    let mut peer = door.peer();
    let line = vec![b'x'; MIB - 1];
    let message = frame(TEXT, &line);
    peer.say(&message);
    let mut whole = 1;
    peer.stream.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    // The client takes what fits into its queue; then TCP stops the server.
    while whole < 256 && peer.stream.write_all(&message).is_ok() {
        whole += 1;
    }
    assert!(whole < 64, "{whole} MiB were taken");
    assert!(most_memory(child.id()) < 64 * MIB, "{} bytes", most_memory(child.id()));
    drop(peer);
    // What was read is printed before the end.
    let reader = thread::spawn(move || std::io::read_to_string(stdout).unwrap());
    assert!(!child.wait().unwrap().success());
    assert_eq!(reader.join().unwrap().len(), whole * MIB);
}

#[test]
#[cfg(target_os = "linux")]
fn stops_reading_its_input_while_the_server_takes_nothing_and_sends_all_in_the_end() {
    const LINES: usize = 64;
    let door = Door::narrow();
    let mut program = Program::start(&[&door.url()]);
    let mut peer = door.peer();
    let mut stdin = program.child.stdin.take().unwrap();
    let (sender, written) = std::sync::mpsc::channel();
    let writer = thread::spawn(move || {
        for number in 0..LINES {
            let mut line = format!("{number}:").into_bytes();
            line.resize(MIB, b'x');
            line.push(b'\n');
            stdin.write_all(&line).unwrap();
            sender.send(number).unwrap();
        }
    });
    // The writer is stopped once the client holds 16 MiB and the kernel its share.
    let mut taken = 0;
    while written.recv_timeout(if taken < 10 { PATIENCE } else { Duration::from_millis(500) }).is_ok() {
        taken += 1;
    }
    assert!((10..40).contains(&taken), "{taken} MiB were taken");
    for number in 0..LINES {
        let (first, payload) = peer.hear();
        assert_eq!((first, payload.len()), (TEXT, MIB));
        assert!(payload.starts_with(format!("{number}:x").as_bytes()), "message {number}");
    }
    assert!(most_memory(program.child.id()) < 64 * MIB, "{} bytes", most_memory(program.child.id()));
    writer.join().unwrap();
    answer_close(peer, 1000, b"");
    assert_eq!(program.wait(), Ended::well(""));
}

#[test]
fn ends_quietly_when_the_program_that_reads_its_output_has_ended() {
    let door = Door::new();
    let mut child = command(PATH).arg(door.url()).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut peer = door.peer();
    peer.say(&frame(TEXT, b"hello"));
    answer_close(peer, 1001, &frame(TEXT, b"more"));
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}

#[test]
fn refuses_a_line_of_more_than_16_mib() {
    let door = Door::new();
    let mut program = Program::start(&[&door.url()]);
    let peer = door.peer();
    program.write(&vec![b'x'; 16 * MIB + 1]);
    answer_close(peer, 1000, b"");
    assert_eq!(program.wait(), Ended::badly(2, "", "line 1 has more than 16777216 bytes, the limit"));
}

#[test]
fn leaves_its_input_alone_when_the_connection_does_not_open() {
    let door = Door::new();
    let script = format!("{{ {PATH} {} 2>/dev/null; cat; }}", door.url());
    let mut shell = Program::spawn(command("sh").args(["-c", &script]));
    shell.write(b"for the next program\n");
    let mut socket = door.socket();
    socket.set_write_timeout(Some(PATIENCE)).unwrap();
    socket.write_all(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n").unwrap();
    assert_eq!(shell.end(), Ended::well("for the next program\n"));
}
