//! The program at a terminal, which `script` of util-linux makes.

use super::program::{PATH, Program, answer_close, close_with, command};
use super::support::peer::{Door, TEXT, frame};

fn at_terminal(arguments: &str) -> Program {
    Program::spawn(command("script").args([
        "--quiet",
        "--return",
        "--command",
        &format!("{PATH} {arguments}"),
        "/dev/null",
    ]))
}

#[test]
fn shows_no_control_character_of_the_server() {
    let door = Door::new();
    let program = at_terminal(&door.url());
    let mut peer = door.peer();
    assert_eq!(program.line(), format!("websocket: connected to ws://{}", door.address()));
    peer.say(&frame(TEXT, "\u{1b}]0;title\u{7}a\tb\rc\u{9b}31m".as_bytes()));
    assert_eq!(program.line(), "\\x1b]0;title\\x07a\tb\\x0dc\\x9b31m");
    close_with(peer, b"", 1000);
    assert_eq!(program.line(), "websocket: closed");
    assert_eq!(program.wait().status, Some(0));
}

#[test]
fn passes_over_a_line_that_is_no_message_and_closes_after_ctrl_d() {
    let door = Door::new();
    let mut program = at_terminal(&format!("--binary {}", door.url()));
    let mut peer = door.peer();
    assert_eq!(program.line(), format!("websocket: connected to ws://{}", door.address()));
    program.write(b"0\n");
    // The terminal echoes what is typed.
    assert_eq!(program.line(), "0");
    let text = "websocket: line 1 has 1 hexadecimal digits, must have two for each byte";
    assert_eq!(program.line(), text);
    program.write(b"00\n");
    assert_eq!(peer.hear().1, [0]);
    program.write(b"\x04");
    answer_close(peer, 1000, b"");
    assert_eq!(program.wait().status, Some(0));
}
