//! The test server. A spec steers it by the URL of each connection, and reads its records in a directory.
//!
//! ```text
//! test-server --dir DIR                                       opens all ports, which DIR/ports.lua lists
//! test-server --demo --dir DIR [--ws-port N] [--wss-port N]   an echo server on 8765 (ws) and 8766 (wss)
//!             [--address IP]                                  not on 127.0.0.1 but on this address of the machine
//! ```
//! Both print `ready` when all ports listen. The first ends when its stdin is closed, the second when it is killed.
//! README.md of spec/support describes the URLs.

mod echo;
mod frames;
mod head;
mod malformed;
mod peer;
mod pki;
mod ports;
mod random;
mod record;
mod routes;
mod script;
mod stream;

use std::error::Error;
use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use crate::pki::Pki;
use crate::ports::{Behaviour, Ports};
use crate::record::{Records, write_whole};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> ExitCode {
    match start() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("test-server: {error}");
            ExitCode::FAILURE
        }
    }
}

struct Arguments {
    directory: PathBuf,
    ports_file: PathBuf,
    demo: bool,
    address: IpAddr,
    ws_port: u16,
    wss_port: u16,
}

impl Arguments {
    fn read() -> Result<Arguments> {
        let (mut directory, mut ports_file) = (None, None);
        let (mut demo, mut ws_port, mut wss_port) = (false, 8765, 8766);
        let mut address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let mut arguments = std::env::args().skip(1);
        while let Some(name) = arguments.next() {
            if name == "--demo" {
                demo = true;
                continue;
            }
            let value = arguments.next().ok_or_else(|| format!("{name}: unknown, or lacks its value"))?;
            match &*name {
                "--dir" => directory = Some(PathBuf::from(value)),
                "--ports-file" => ports_file = Some(PathBuf::from(value)),
                "--address" => address = value.parse()?,
                "--ws-port" => ws_port = value.parse()?,
                "--wss-port" => wss_port = value.parse()?,
                _ => return Err(format!("{name}: unknown").into()),
            }
        }
        let directory = directory.ok_or("--dir DIR is missing")?;
        let ports_file = ports_file.unwrap_or_else(|| directory.join("ports.lua"));
        Ok(Arguments { directory, ports_file, demo, address, ws_port, wss_port })
    }
}

fn start() -> Result<()> {
    let arguments = Arguments::read()?;
    std::fs::create_dir_all(&arguments.directory)?;
    if !arguments.demo {
        // The process that started this one holds the other end of stdin, so this one ends together with it.
        std::thread::spawn(|| {
            let mut stdin = std::io::stdin().lock();
            while stdin.read(&mut [0; 256]).is_ok_and(|count| count > 0) {}
            std::process::exit(0);
        });
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(run(&arguments))
}

async fn run(arguments: &Arguments) -> Result<()> {
    let records = Arc::new(Records::new(&arguments.directory)?);
    let pki = Pki::make(&arguments.directory)?;
    let ports =
        if arguments.demo { open_demo(arguments, &pki, &records)? } else { ports::open_all(&pki, &records).await? };
    let mut list = String::from("return {\n");
    for (name, port) in ports {
        writeln!(list, "  {name} = {port},")?;
    }
    list.push_str("}\n");
    write_whole(&arguments.ports_file, &list)?;
    writeln!(std::io::stdout(), "ready")?;
    records.keep_files().await;
    std::future::pending().await
}

fn open_demo(arguments: &Arguments, pki: &Pki, records: &Arc<Records>) -> Result<Ports> {
    let mut ports = Ports::new();
    for (name, port, behaviour) in
        [("ws", arguments.ws_port, Behaviour::Ws), ("wss", arguments.wss_port, Behaviour::Wss(pki.good.clone()))]
    {
        let address = SocketAddr::new(arguments.address, port);
        let opened = ports::open(name, address, behaviour, records);
        ports.push((name, opened.map_err(|error| format!("port {port}: {error}"))?));
    }
    Ok(ports)
}
