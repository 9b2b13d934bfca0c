//! The service under test, as the promises see it: instances to start, callers to be, requests to send.

use std::{
    collections::HashMap,
    process::Command,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use super::{
    Finding, Place,
    claims::{Claims, Credential, Operation},
    client::{Request, Response},
    leash::Leash,
    service::{Launch, Service, empty_folder},
};
use crate::interrupt::Interrupt;

/// A debug build on a busy machine, with the first start's migrations and key pair.
const READY: Duration = Duration::from_secs(20);

/// Set for every instance: nobody but a promise's own limits is to be in the way, nor a machine that is busy. Processes
/// are killed here, machines are not, so no commit waits for the disk.
const ROOMY: [(&str, &str); 6] = [
    ("APP__DATABASE__ACQUIRE_TIMEOUT", "4s"),
    ("APP__DATABASE__LOCK_TIMEOUT", "4s"),
    ("APP__DATABASE__SYNCHRONOUS", "normal"),
    ("APP__RATE_LIMIT__REQUESTS_PER_MINUTE", "600000"),
    ("APP__RATE_LIMIT__BURST", "10000"),
    ("APP__ADMIN__READY_INTERVAL", "100ms"),
];

pub struct Subject<'a> {
    place: &'a Place<'a>,
    pub claims: &'a Claims,
    pub interrupt: &'a Interrupt,
    pub leash: Leash,
    /// What `BIN config` prints: a variable that is not in it is not set, for it would be refused.
    configuration: String,
    folders: AtomicUsize,
}

/// Who sends a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Caller {
    subject: &'static str,
    tenant: &'static str,
    /// Tells strangers apart.
    number: usize,
}

/// The usual caller.
pub const ALICE: Caller = Caller { subject: "alice", tenant: "acme", number: 0 };
/// A caller of another tenant.
pub const MALLORY: Caller = Caller { subject: "mallory", tenant: "umbrella", number: 0 };

impl Caller {
    /// Somebody of a tenant that has never asked anything: no answer is there already.
    pub fn stranger() -> Self {
        static NUMBERS: AtomicUsize = AtomicUsize::new(1);
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        Self { subject: "stranger", tenant: "elsewhere", number }
    }

    fn subject(self) -> String {
        self.named(self.subject)
    }

    fn tenant(self) -> String {
        self.named(self.tenant)
    }

    fn named(self, name: &str) -> String {
        match self.number {
            0 => name.to_owned(),
            number => format!("{name}-{number}"),
        }
    }
}

/// A running instance with callers that it knows.
pub struct Instance<'a> {
    pub subject: &'a Subject<'a>,
    pub service: Service,
    pub launch: Launch,
    credentials: Mutex<HashMap<Caller, (String, String)>>,
}

impl<'a> Subject<'a> {
    pub fn new(place: &'a Place<'a>, claims: &'a Claims, interrupt: &'a Interrupt) -> Finding<Self> {
        let mut subject = Self {
            place,
            claims,
            interrupt,
            leash: Leash::default(),
            configuration: String::new(),
            folders: AtomicUsize::new(0),
        };
        let launch = subject.bare_launch("config")?;
        subject.configuration = run(launch.command(&["config"]))?;
        Ok(subject)
    }

    /// A launch with an empty data folder of its own.
    pub fn launch(&self, name: &str) -> Finding<Launch> {
        let launch = self.bare_launch(name)?;
        Ok(ROOMY.iter().fold(launch, |launch, (variable, value)| self.set(launch, variable, value)))
    }

    /// Sets a variable if the service has it. One that it lacks cannot shorten a wait, and would be refused.
    pub fn set(&self, launch: Launch, variable: &str, value: &str) -> Launch {
        match self.has(variable) {
            true => launch.with(variable, value),
            false => launch,
        }
    }

    /// Shortens what a request may take, and with it the wait for a model, which must be shorter.
    pub fn set_request_timeout(&self, launch: Launch, longest: Duration) -> Launch {
        let millis = |duration: Duration| format!("{}ms", duration.as_millis());
        let launch = self.set(launch, "APP__SERVER__REQUEST_TIMEOUT", &millis(longest));
        self.set(launch, "APP__LLM__FIRST_TOKEN_TIMEOUT", &millis(longest * 3 / 4))
    }

    pub fn has(&self, variable: &str) -> bool {
        self.configuration.contains(variable)
    }

    /// Starts an instance and waits until it is ready.
    pub fn start(&'a self, launch: &Launch) -> Finding<Instance<'a>> {
        let mut service = launch.start(&self.leash)?;
        service.wait_until_ready(READY, self.interrupt)?;
        Ok(Instance {
            subject: self,
            service,
            launch: launch.clone(),
            credentials: Mutex::new(HashMap::new()),
        })
    }

    fn bare_launch(&self, name: &str) -> Finding<Launch> {
        let number = self.folders.fetch_add(1, Ordering::Relaxed);
        let data = empty_folder(self.place.scratch, &format!("{name}-{number}"))?;
        let log = self.place.logs.join(format!("probe-{name}.log"));
        let (binary, servers) = (self.place.binary.to_owned(), self.place.servers.clone());
        Ok(Launch { binary, data, log, servers, variables: Vec::new() })
    }
}

impl Instance<'_> {
    /// Sends a request as this caller.
    pub fn call(&self, caller: Caller, request: Request) -> Finding<Response> {
        self.with_credential(caller, request)?.send(self.service.public)
    }

    /// The request with the caller's credential.
    pub fn with_credential(&self, caller: Caller, request: Request) -> Finding<Request> {
        match self.credential_header(caller)? {
            Some((name, value)) => Ok(request.header(&name, value)),
            None => Ok(request),
        }
    }

    /// A request to an operation, with its example as the body and a key that no other request has: some
    /// operations demand one, and where none is needed it changes nothing.
    pub fn example(&self, operation: &Operation) -> Finding<Request> {
        static KEYS: AtomicUsize = AtomicUsize::new(0);
        let key = format!("probe-{}", KEYS.fetch_add(1, Ordering::Relaxed));
        let request = Request::new(&operation.method, &operation.path);
        Ok(request.json(operation.example()?).header("idempotency-key", key))
    }

    fn credential_header(&self, caller: Caller) -> Finding<Option<(String, String)>> {
        let Some(credential) = &self.subject.claims.credential else { return Ok(None) };
        let mut known = self.credentials.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(header) = known.get(&caller) {
            return Ok(Some(header.clone()));
        }
        let output = issue(&self.launch, credential, caller, &[])?;
        let header = (credential.header.clone(), credential.value.replace("{output}", &output));
        known.insert(caller, header.clone());
        Ok(Some(header))
    }
}

/// What the credential's command prints, with `more` arguments.
pub fn issue(launch: &Launch, credential: &Credential, caller: Caller, more: &[&str]) -> Finding<String> {
    let fill = |argument: &String| {
        argument
            .replace("{subject}", &caller.subject())
            .replace("{tenant}", &caller.tenant())
            .replace("{scope}", &credential.scope)
    };
    let mut arguments: Vec<String> = credential.command.iter().map(fill).collect();
    arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
    run(launch.command(&arguments)).map(|output| output.trim().to_owned())
}

/// A short command of the binary, to its end.
pub fn run(mut command: Command) -> Finding<String> {
    let name =
        command.get_args().next().map(|argument| argument.to_string_lossy().into_owned()).unwrap_or_default();
    let output = command.output().map_err(|error| format!("`{name}` cannot be run: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("`{name}` ended with {}: {}", output.status, said.trim()))
}
