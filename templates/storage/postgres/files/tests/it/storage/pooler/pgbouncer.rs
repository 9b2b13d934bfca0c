//! A real PgBouncer, which gives a session for one transaction.

use std::sync::OnceLock;

use reqwest::Url;

use crate::support::{
    database::POOLER,
    servers::{POSTGRES, Recipe, Server},
};

/// Where it listens, before the tests' PostgreSQL. It is had as other servers are: by a URL, or from an installed program.
pub(super) fn url() -> &'static str {
    static PGBOUNCER: OnceLock<Server> = OnceLock::new();
    PGBOUNCER.get_or_init(|| Server::new(recipe())).url()
}

fn recipe() -> Recipe {
    Recipe {
        name: "pgbouncer",
        title: "PgBouncer",
        variable: POOLER,
        url: "postgres://postgres@{host}:{port}/postgres",
        programs: "pgbouncer",
        folders: "/usr/sbin:/opt/homebrew/bin:/usr/local/bin",
        oldest: Some("1.18"),
        fits: None,
        root: false,
        start: start().leak(),
        ready: "process up",
        stop: "TERM",
        install: "sudo apt-get install pgbouncer, or brew install pgbouncer",
    }
}

/// Few sessions for each test's database, and none for long after it: all of them share the server's.
fn start() -> String {
    let server = Url::parse(POSTGRES.url()).expect("a URL");
    let host = server.host_str().unwrap_or("127.0.0.1");
    let port = server.port().unwrap_or(5432);
    let user = server.username();
    let password = server.password().unwrap_or_default();
    format!(
        r#"cat > "$folder/pgbouncer.ini" <<END
[databases]
* = host={host} port={port} user={user} password={password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $port
unix_socket_dir =
auth_type = any
pool_mode = transaction
max_client_conn = 5000
default_pool_size = 12
server_idle_timeout = 5
END
exec pgbouncer "$folder/pgbouncer.ini"
"#
    )
}
