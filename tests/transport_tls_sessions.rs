//! Tests which connections of the process resume TLS sessions, and that no other connection does. A program of its own,
//! because the process keeps few configurations, and one test at a time.

// Helper functions may panic as tests do, but clippy.toml only exempts the test functions themselves.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::net::SocketAddr;

use ring::digest::{SHA256, digest};
use support::authority::{Authority, Files, Identity, Server, accept_tls, tls12};
use support::{accept, linger, plan, serve, within};
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_rustls::rustls::HandshakeKind;
use tokio_rustls::rustls::pki_types::{CertificateDer, pem::PemObject};
use tokio_rustls::rustls::{SupportedProtocolVersion, version};
use websocket_core::error::ErrorCode;
use websocket_core::options::{Fingerprint, Options, TlsOptions};
use websocket_core::transport::{Plan, resolver};

/// The names of all servers.
const NAMES: &str = "*.host.example";

static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// A server that tells whether a handshake resumed a session.
struct ResumptionServer {
    address: SocketAddr,
    kinds: UnboundedReceiver<HandshakeKind>,
}

impl ResumptionServer {
    async fn start(server: Server) -> ResumptionServer {
        let (sender, kinds) = unbounded_channel();
        let acceptor = server.acceptor();
        let address = serve(move |socket| {
            let (acceptor, sender) = (acceptor.clone(), sender.clone());
            async move {
                let Some(mut channel) = accept_tls(acceptor, socket).await else { return };
                accept(&mut channel).await;
                sender.send(channel.get_ref().1.handshake_kind().unwrap()).unwrap();
                linger(channel).await;
            }
        });
        ResumptionServer { address: address.await, kinds }
    }

    fn plan(&self, tls: &TlsOptions) -> Plan {
        let address = self.address;
        let there = resolver(move |_, _| std::future::ready(Ok(vec![address])));
        let options = Options { tls: tls.clone(), ..Options::default() };
        // Sessions are kept by name, so each server has a name of its own.
        plan(&format!("wss://s{}.host.example/", self.address.port()), &options).with_resolver(there)
    }

    /// Connects, and returns whether the session was resumed; or the text of the failure.
    async fn resumes(&mut self, tls: &TlsOptions) -> Result<bool, String> {
        let plan = self.plan(tls);
        self.opens(&plan).await
    }

    async fn opens(&mut self, plan: &Plan) -> Result<bool, String> {
        // The server's tickets of TLS 1.3 come before its response, so an open connection has them.
        within(plan.open()).await.map_err(|failure| {
            assert_eq!(failure.code, ErrorCode::Tls);
            failure.text
        })?;
        Ok(within(self.kinds.recv()).await.unwrap() == HandshakeKind::Resumed)
    }
}

fn with_ca(authority: &Authority) -> TlsOptions {
    TlsOptions { ca: Some(authority.pem().into_bytes()), ..TlsOptions::default() }
}

fn with_fingerprint(cert: &str) -> TlsOptions {
    let der = CertificateDer::from_pem_slice(cert.as_bytes()).unwrap();
    let fingerprint = Fingerprint(digest(&SHA256, &der).as_ref().try_into().unwrap());
    TlsOptions { fingerprints: vec![fingerprint], ..TlsOptions::default() }
}

fn insecure() -> TlsOptions {
    TlsOptions { insecure: true, ..TlsOptions::default() }
}

fn versions() -> [Vec<&'static SupportedProtocolVersion>; 2] {
    [tls12(), vec![&version::TLS13]]
}

#[tokio::test]
async fn connections_with_the_same_options_resume_sessions() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let authority = Authority::new();
    let files = Files::new("sessions");
    let ca_file = TlsOptions { ca_file: Some(files.write("ca.pem", &authority.pem())), ..TlsOptions::default() };
    for versions in versions() {
        let identity = authority.issue(&[NAMES]);
        let pinned = with_fingerprint(&identity.cert);
        let mut server = ResumptionServer::start(Server { versions, ..Server::new(identity) }).await;
        for tls in [with_ca(&authority), pinned, insecure()] {
            assert_eq!(server.resumes(&tls).await, Ok(false));
            assert_eq!(server.resumes(&tls).await, Ok(true));
            assert_eq!(server.resumes(&tls).await, Ok(true));
        }
        // The file contains the same as the text did.
        assert_eq!(server.resumes(&ca_file).await, Ok(true));
    }
}

#[tokio::test]
async fn connections_of_one_plan_resume_sessions() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let authority = Authority::new();
    let mut server = ResumptionServer::start(Server::new(authority.issue(&[NAMES]))).await;
    let plan = server.plan(&with_ca(&authority));
    assert_eq!(server.opens(&plan).await, Ok(false));
    assert_eq!(server.opens(&plan).await, Ok(true));
}

#[tokio::test]
async fn connections_with_a_client_certificate_resume_only_its_sessions() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let authority = Authority::new();
    for versions in versions() {
        let identity = authority.issue(&[NAMES]);
        let client_authority = Some(authority.pem());
        let mut server = ResumptionServer::start(Server { identity, versions, client_authority }).await;
        let [us, them] = ["us.example", "them.example"].map(|name| {
            let Identity { cert, key } = authority.issue(&[name]);
            TlsOptions { cert: Some(cert.into_bytes()), key: Some(key.into_bytes()), ..with_ca(&authority) }
        });
        assert_eq!(server.resumes(&us).await, Ok(false));
        assert_eq!(server.resumes(&us).await, Ok(true));
        assert_eq!(server.resumes(&them).await, Ok(false));
        let text = server.resumes(&with_ca(&authority)).await.unwrap_err();
        assert!(text.starts_with("the server wants a client certificate"), "{text}");
    }
}

#[tokio::test]
async fn a_session_is_never_resumed_where_the_certificate_would_be_refused() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let authority = Authority::new();
    for versions in versions() {
        let identity = authority.issue(&[NAMES]);
        let pinned = with_fingerprint(&identity.cert);
        let other_pin = with_fingerprint(&authority.issue(&[NAMES]).cert);
        let mut server = ResumptionServer::start(Server { versions, ..Server::new(identity) }).await;
        for tls in [insecure(), with_ca(&authority), pinned] {
            assert_eq!(server.resumes(&tls).await, Ok(false));
        }
        for (tls, expected) in [
            (other_pin, "which option tls.fingerprint does not contain"),
            (with_ca(&Authority::named("another")), "the certificate's issuer is unknown"),
            (
                TlsOptions { server_name: Some("other.example".to_owned()), ..with_ca(&authority) },
                "not valid for other",
            ),
            (TlsOptions::default(), "the certificate's issuer is unknown"),
        ] {
            let text = server.resumes(&tls).await.unwrap_err();
            assert!(text.contains(expected), "{text}");
        }
    }
}
