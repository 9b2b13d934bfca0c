//! Where webhooks must not go, they do not go: nobody there sees so much as a connection.

use std::{
    collections::HashMap,
    io::ErrorKind,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use service::{
    config::Webhooks as Config,
    edge::deadline::Deadline,
    external::webhooks::{Error, Guard, Webhooks},
};

/// Listens on every address of this machine, and must never be connected to.
struct Tripwire(TcpListener);

impl Tripwire {
    fn set() -> Self {
        let listener = TcpListener::bind("[::]:0").or_else(|_| TcpListener::bind("0.0.0.0:0"));
        let listener = listener.expect("a port");
        listener.set_nonblocking(true).expect("a setting");
        Self(listener)
    }

    fn port(&self) -> u16 {
        self.0.local_addr().expect("an address").port()
    }

    fn is_untouched(&self) -> bool {
        let accepted = self.0.accept();
        accepted.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }
}

/// What names lead to: at the first look-up, at the second and so on; the last is good for all that follow.
#[derive(Default)]
struct Names {
    known: HashMap<&'static str, Vec<Vec<&'static str>>>,
    asked: AtomicUsize,
}

struct Shared(Arc<Names>);

impl Resolve for Shared {
    fn resolve(&self, name: Name) -> Resolving {
        let time = self.0.asked.fetch_add(1, Ordering::SeqCst);
        let answers = &self.0.known[name.as_str()];
        let answer = answers.get(time).or(answers.last()).expect("an answer");
        let found: Vec<SocketAddr> = answer
            .iter()
            .map(|text| (text.parse::<IpAddr>().expect("an address"), 0).into())
            .collect();
        Box::pin(async move { Ok(Box::new(found.into_iter()) as Addrs) })
    }
}

fn production(ports: &[u16]) -> Config {
    Config {
        key: None,
        other_key: None,
        is_strict: true,
        allowed_ports: ports.to_owned(),
        allowed_networks: Vec::new(),
        inbound_secrets: Vec::new(),
    }
}

async fn post(webhooks: &Webhooks, url: &str) -> Result<u16, Error> {
    let deadline = Deadline::after(Duration::from_secs(5));
    let answer = webhooks.post(url, http::HeaderMap::new(), "{}".to_owned(), deadline);
    answer.await.map(|answer| answer.status)
}

/// `PORT` is the tripwire's, which is an allowed one.
const HOSTILE: &[&str] = &[
    // Loopback, and all the ways to write it.
    "https://127.0.0.1:PORT/",
    "https://127.0.0.2:PORT/",
    "https://127.1:PORT/",
    "https://127.0.1:PORT/",
    "https://0x7f000001:PORT/",
    "https://0x7f.0.0.1:PORT/",
    "https://0177.0.0.1:PORT/",
    "https://2130706433:PORT/",
    "https://①②⑦.⓪.⓪.①:PORT/",
    "https://127。0。0。1:PORT/",
    "https://%31%32%37.0.0.1:PORT/",
    "https://[::1]:PORT/",
    "https://[0:0:0:0:0:0:0:1]:PORT/",
    "https://[::ffff:127.0.0.1]:PORT/",
    "https://[::ffff:7f00:1]:PORT/",
    "https://[::127.0.0.1]:PORT/",
    "https://[64:ff9b::7f00:1]:PORT/",
    "https://[64:ff9b:1::7f00:1]:PORT/",
    "https://[2002:7f00:1::]:PORT/",
    "https://[2001:0:7f00:1::]:PORT/",
    // Unspecified, which systems take for themselves.
    "https://0.0.0.0:PORT/",
    "https://0:PORT/",
    "https://[::]:PORT/",
    "https://[::ffff:0.0.0.0]:PORT/",
    // Private networks.
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://172.31.255.255/",
    "https://192.168.1.1/",
    "https://100.64.0.1/",
    "https://[fc00::1]/",
    "https://[fd12:3456:789a::1]/",
    "https://[::ffff:10.0.0.1]/",
    "https://[64:ff9b::a00:1]/",
    "https://[2002:a00:1::1]/",
    // Link-local, and clouds' metadata.
    "https://169.254.169.254/latest/meta-data/",
    "https://169.254.170.2/v2/credentials",
    "https://100.100.100.200/latest/meta-data/",
    "https://192.0.0.192/opc/v2/instance/",
    "https://168.63.129.16/machine?comp=goalstate",
    "https://[fe80::1]/",
    "https://[fd00:ec2::254]/latest/meta-data/",
    "https://[::ffff:169.254.169.254]/",
    "https://[64:ff9b::a9fe:a9fe]/",
    // Multicast, broadcast, reserved, examples.
    "https://224.0.0.1/",
    "https://239.255.255.250/",
    "https://255.255.255.255/",
    "https://240.0.0.1/",
    "https://198.18.0.1/",
    "https://192.0.2.1/",
    "https://[ff02::1]/",
    "https://[fec0::1]/",
    "https://[2001:db8::1]/",
    "https://[3fff::1]/",
    "https://[100::1]/",
    // Ports of other protocols.
    "https://example.com:22/",
    "https://example.com:25/",
    "https://example.com:6379/",
    "https://example.com:80/",
    "https://example.com:0/",
    // Other schemes, users, fragments, and no URL at all.
    "http://example.com/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:PORT/_",
    "https://user@example.com/",
    "https://user:password@example.com/",
    "https://example.com@127.0.0.1:PORT/",
    "https://example.com:443@127.0.0.1:PORT/",
    "https://example.com/#fragment",
    "https://",
    "//127.0.0.1:PORT/",
    "127.0.0.1",
    "",
    // Names that lead there.
    "https://loopback.test:PORT/",
    "https://LOOPBACK.test:PORT/",
    "https://loopback6.test:PORT/",
    "https://mapped.test:PORT/",
    "https://any.test:PORT/",
    "https://metadata.test/",
    "https://private.test/",
    "https://all.test:PORT/",
];

fn names() -> Names {
    let known = [
        ("loopback.test", vec!["127.0.0.1"]),
        ("loopback6.test", vec!["::1"]),
        ("mapped.test", vec!["::ffff:127.0.0.1"]),
        ("any.test", vec!["0.0.0.0", "::"]),
        ("metadata.test", vec!["169.254.169.254"]),
        ("private.test", vec!["10.0.0.1", "fd00::1"]),
        ("all.test", vec!["127.0.0.1", "10.1.2.3", "::1"]),
    ];
    Names {
        known: known.map(|(name, found)| (name, vec![found])).into(),
        ..Names::default()
    }
}

#[tokio::test]
async fn no_hostile_url_is_connected_to() {
    let tripwire = Tripwire::set();
    let port = tripwire.port();
    let guard = Guard::new(&production(&[443, port]));
    let webhooks = Webhooks::with_names(guard, Arc::new(Shared(Arc::new(names()))));
    let webhooks = webhooks.expect("a client");
    for hostile in HOSTILE {
        let url = hostile.replace("PORT", &port.to_string());
        let refused = post(&webhooks, &url).await;
        assert!(
            matches!(refused, Err(Error::Refused(_) | Error::Forbidden(_))),
            "{url}: {refused:?}"
        );
        assert!(tripwire.is_untouched(), "{url}");
    }
}

/// The attack on whoever checks an address and then looks it up again to connect.
#[tokio::test]
async fn a_name_that_leads_elsewhere_the_second_time_wins_nothing() {
    let tripwire = Tripwire::set();
    // Of an example network, so that nobody is there: it stands for an address that may be reached.
    let mut config = production(&[tripwire.port()]);
    config.allowed_networks = vec!["192.0.2.0/24".parse().expect("a network")];
    let names = Arc::new(Names {
        known: [("flips.test", vec![vec!["192.0.2.1"], vec!["127.0.0.1"]])].into(),
        ..Names::default()
    });
    let webhooks = Webhooks::with_names(Guard::new(&config), Arc::new(Shared(names.clone())));
    let webhooks = webhooks.expect("a client");
    let url = format!("https://flips.test:{}/", tripwire.port());
    let first = post(&webhooks, &url).await;
    assert!(
        matches!(first, Err(Error::Late | Error::Unreachable(_))),
        "{first:?}"
    );
    let second = post(&webhooks, &url).await;
    assert!(matches!(second, Err(Error::Forbidden(_))), "{second:?}");
    assert_eq!(
        names.asked.load(Ordering::SeqCst),
        2,
        "one look-up for each connection"
    );
    assert!(tripwire.is_untouched());
}

#[test]
fn what_is_for_everybody_is_admitted() {
    let guard = Guard::new(&production(&[443, 8443]));
    for url in [
        "https://example.com/hook?key=1",
        "https://example.com:8443/",
        "https://EXAMPLE.com./",
        "https://bücher.example/",
        "https://1.1.1.1/",
        "https://172.32.0.1/",
        "https://[2606:4700:4700::1111]/",
        "https://[::ffff:8.8.8.8]/",
        "https://[64:ff9b::808:808]/",
    ] {
        assert!(guard.check(url).is_ok(), "{url}: {:?}", guard.check(url));
    }
    assert!(guard.admits(Ipv4Addr::new(223, 255, 255, 255).into()));
}

#[test]
fn an_allowed_network_is_admitted_in_all_its_clothes() {
    let mut config = production(&[443]);
    config.allowed_networks = vec!["10.1.0.0/16".parse().expect("a network")];
    let guard = Guard::new(&config);
    for (url, is_admitted) in [
        ("https://10.1.2.3/", true),
        ("https://[::ffff:10.1.2.3]/", true),
        ("https://10.2.0.1/", false),
        ("http://10.1.2.3/", false),
    ] {
        assert_eq!(guard.check(url).is_ok(), is_admitted, "{url}");
    }
}
