use super::*;
use websocket_core::options::ProxyChoice;

fn connect(arguments: &[&str]) -> Connect {
    match parse(arguments.iter().map(OsString::from)) {
        Ok(Command::Connect(connect)) => *connect,
        Ok(_) => panic!("{arguments:?}: another command"),
        Err(text) => panic!("{arguments:?}: {text}"),
    }
}

fn refused(arguments: &[&str]) -> String {
    match parse(arguments.iter().map(OsString::from)) {
        Ok(_) => panic!("{arguments:?} was accepted"),
        Err(text) => text,
    }
}

#[test]
fn takes_what_the_module_takes_where_nothing_is_given() {
    let plain = connect(&["ws://host/path"]);
    assert_eq!(plain.endpoint.href, "ws://host/path");
    assert!(plain.options.headers.is_empty() && plain.options.compression.is_none() && plain.messages.is_empty());
    assert_eq!((plain.form, plain.layout, plain.detail), (Form::Text, Layout::Plain, Detail::Errors));
    assert_eq!((plain.patience, plain.options.ping_interval), (None, Some(Duration::from_secs(20))));
}

#[test]
fn takes_every_option_before_and_after_the_url() {
    let fingerprint = "ab".repeat(32);
    let all = connect(&[
        "-HCookie: a=1",
        "--header=X-Empty:",
        "--protocol",
        "chat, super",
        "--origin",
        "https://host",
        "wss://host",
        "--fingerprint",
        &fingerprint,
        "--proxy",
        "http://user:secret@proxy:3128",
        "--compress",
        "--ping",
        "0.5",
        "--reconnect",
        "--json",
        "-vx",
        "00ff",
        "--execute=",
        "--wait",
        "2.5",
        "--binary",
    ]);
    let options = &all.options;
    assert_eq!(options.header("cookie"), Some(&b"a=1"[..]));
    assert_eq!(options.header("x-empty"), Some(&b""[..]));
    assert_eq!(options.protocols, ["chat", "super"]);
    assert_eq!(options.origin.as_deref(), Some(&b"https://host"[..]));
    assert_eq!(options.tls.fingerprints.len(), 1);
    assert!(matches!(options.proxy, ProxyChoice::By(_)));
    assert!(options.compression.is_some() && options.reconnect.is_some() && options.report_drain);
    assert_eq!(options.ping_interval, Some(Duration::from_millis(500)));
    assert_eq!((all.form, all.layout, all.detail), (Form::Hex, Layout::Json, Detail::Log));
    assert_eq!(all.patience, Some(Patience::Limited(Duration::from_millis(2500))));
    let payloads: Vec<_> = all
        .messages
        .iter()
        .map(|message| match message {
            Outgoing::Message { payload, .. } => &payload[..],
            Outgoing::Ping(_) => panic!("a Ping"),
        })
        .collect();
    assert_eq!(payloads, [&b"\x00\xff"[..], b""]);
}

#[test]
fn takes_words_in_place_of_numbers_and_urls() {
    let words = connect(&["ws://host", "--wait=forever", "--proxy=none", "--ping=0", "--ca", "ca.pem"]);
    assert_eq!(words.patience, Some(Patience::Endless));
    assert!(matches!(words.options.proxy, ProxyChoice::Direct));
    assert_eq!(words.options.ping_interval, None);
    assert_eq!(words.options.tls.ca_file.as_deref(), Some("ca.pem"));
}

#[test]
fn names_what_is_wrong_and_the_limit() {
    for (arguments, expected) in [
        (&[][..], "there is no URL; websocket --help"),
        (&["ws://a", "hello"], "there is more than one URL"),
        (&["http://a"], "invalid URL: unknown scheme \"http\""),
        (&["ws://a", "--colour"], "\"--colour\" is no option; websocket --help lists all"),
        (&["ws://a", "-q"], "\"-q\" is no option"),
        (&["ws://a", "--wait"], "--wait lacks its value"),
        (
            &["ws://a", "--wait", "-1"],
            "--wait must be a number of seconds from 0 to 1000000000, or \"forever\", got \"-1\"",
        ),
        (&["ws://a", "--wait", "NaN"], "--wait must be a number of seconds"),
        (&["ws://a", "--ping", "1e10"], "--ping must be a number of seconds from 0 to 1000000000, got \"1e10\""),
        (&["ws://a", "-H", "Cookie"], "--header must be \"Name: value\""),
        (&["ws://a", "-H", "Upgrade: x"], "--header: header \"Upgrade\" belongs to the opening handshake"),
        (&["ws://a", "--protocol", "a b"], "--protocol: invalid subprotocol: \"a b\""),
        (&["ws://a", "--fingerprint", "ab"], "option --fingerprint \"ab\" has 2 hexadecimal digits"),
        (&["ws://a", "--ca=a", "--fingerprint", &"ab".repeat(32)], "options --fingerprint and --ca exclude each other"),
        (&["ws://a", "--origin", "a\n"], "option --origin holds the control character 0x0a"),
        (&["ws://a", "--binary", "-x", "00", "-x", "0"], "message 2 of -x has 1 hexadecimal digits"),
        (&["listen"], "listen needs a port"),
        (&["listen", "65536"], "the port must be a whole number from 0 to 65535, got \"65536\""),
        (&["listen", "1", "2"], "there is more than one port: \"2\""),
        (&["listen", "1", "--address", "host"], "--address must be an IP address, got \"host\""),
        (&["listen", "1", "--json"], "\"--json\" is no option"),
    ] {
        let text = refused(arguments);
        assert!(text.starts_with(expected), "{arguments:?}: {text}");
    }
}

#[test]
fn shows_no_secret() {
    for arguments in [
        &["ws://user:secret@"][..],
        &["ws://a", "wss://user:secret@b"],
        &["ws://a", "-H", "Authorization Bearer secret"],
        &["ws://a", "-H", "Authorization: secret\n"],
        &["ws://a", "--proxy", "ftp://user:secret@proxy"],
        &["ws://a", "-x", "secret", "--binary"],
    ] {
        let text = refused(arguments);
        assert!(!text.contains("secret"), "{arguments:?}: {text}");
    }
}

#[test]
fn listens_on_loopback_unless_it_is_told_otherwise() {
    let listen = |arguments: &[&str]| match parse(arguments.iter().map(OsString::from)) {
        Ok(Command::Listen(address)) => address.to_string(),
        _ => panic!("{arguments:?}"),
    };
    assert_eq!(listen(&["listen", "8765"]), "127.0.0.1:8765");
    assert_eq!(listen(&["listen", "0", "--address", "::"]), "[::]:0");
}

#[test]
fn the_usage_and_the_page_name_every_option() {
    let usage = include_str!("../usage.txt");
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/command-line.md")).unwrap();
    let names = [
        "-H",
        "--header",
        "--protocol",
        "--origin",
        "--ca",
        "--fingerprint",
        "--proxy",
        "--compress",
        "--ping",
        "--reconnect",
        "--binary",
        "--json",
        "-x",
        "--execute",
        "--wait",
        "-v",
        "--verbose",
        "--help",
        "--version",
        "--address",
    ];
    for name in names {
        assert!(usage.contains(name) && page.contains(name), "{name}");
    }
    assert!(usage.lines().all(|line| line.chars().count() <= 120));
}
