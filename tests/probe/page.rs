//! The start page in a real browser, driven over WebDriver (W3C) as a person would use it: written, asked, started.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    debian,
    variant::on_each_option,
    workshop::{Concurrency, Kind, Workshop},
};

/// How long a person would wait for what the page shows.
const PATIENCE: Duration = Duration::from_secs(30);

mod a_document_is_written_a_question_answered_and_a_report_watched_to_its_end {
    super::on_each_option!(super::is_used);
}

fn is_used(concurrency: Concurrency) {
    let workshop = Workshop::enter(Kind { asks_a_model: true, concurrency });
    let service = Running::service(&workshop);
    let browser = Browser::open();
    browser.go(&service.address);
    browser.click("#document button");
    browser.wait_for("#document output", "written: /v1/documents/");
    browser.click("#answer button");
    browser.wait_for("#answer output", "This answer is simulated.");
    browser.wait_for("#answer small", " tokens in, ");
    browser.click("#report button");
    let report = browser.wait_for("#report output", "succeeded");
    assert!(report.contains("\"documents\": 1"), "{report}");
    let complaints = browser.complaints();
    assert_eq!(complaints, Vec::<String>::new(), "what the browser refused or could not do");
}

/// A program that says on its standard output where it listens; it ends with the test.
struct Running {
    child: Child,
    address: String,
    _stdout: BufReader<ChildStdout>,
}

impl Running {
    fn start(command: &mut Command, before: &str) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("a start");
        let mut stdout = BufReader::new(child.stdout.take().expect("its output"));
        let mut line = String::new();
        let address = loop {
            line.clear();
            assert_ne!(stdout.read_line(&mut line).expect("text"), 0, "{command:?} ended");
            if let Some((_, rest)) = line.split_once(before) {
                break rest.split([' ', '\n']).next().unwrap_or_default().trim_end_matches('.').to_owned();
            }
        };
        Self { child, address, _stdout: stdout }
    }

    fn service(workshop: &Workshop) -> Self {
        let data = workshop.scratch("page");
        let mut command = Command::new(workshop.binary());
        command.arg("all").current_dir(&data).env_clear().stderr(Stdio::null());
        command.env("APP__DATA__DIRECTORY", &data);
        command.env("APP__SERVER__ADDRESS", "127.0.0.1:0").env("APP__ADMIN__ADDRESS", "127.0.0.1:0");
        Self::start(&mut command, "is running on ")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

struct Browser {
    session: String,
    _driver: Running,
    _profile: tempfile::TempDir,
}

impl Browser {
    fn open() -> Self {
        install();
        let profile = tempfile::tempdir().expect("a folder");
        let mut driver = Command::new("chromedriver");
        driver.arg("--port=0").stderr(Stdio::null());
        let driver = Running::start(&mut driver, "was started successfully on port ");
        let base = format!("http://127.0.0.1:{}", driver.address);
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=820,1200",
            &format!("--user-data-dir={}", profile.path().display()),
        ];
        let capabilities = json!({
            "browserName": "chrome",
            "goog:chromeOptions": { "args": arguments },
            "goog:loggingPrefs": { "browser": "WARNING" },
        });
        let opened =
            post(&format!("{base}/session"), &json!({ "capabilities": { "alwaysMatch": capabilities } }));
        let id = opened["sessionId"].as_str().expect("a session");
        Self { session: format!("{base}/session/{id}"), _driver: driver, _profile: profile }
    }

    fn go(&self, address: &str) {
        post(&format!("{}/url", self.session), &json!({ "url": address }));
    }

    fn click(&self, selector: &str) {
        let path = format!("{}/element", self.session);
        let found = post(&path, &json!({ "using": "css selector", "value": selector }));
        let element = found.as_object().and_then(|found| found.values().next()).and_then(Value::as_str);
        post(&format!("{path}/{}/click", element.expect("an element")), &json!({}));
    }

    /// The element's text once it holds `text`.
    fn wait_for(&self, selector: &str, text: &str) -> String {
        let begun = Instant::now();
        let script = json!({ "script": "return document.querySelector(arguments[0]).textContent", "args": [selector] });
        loop {
            let shown = post(&format!("{}/execute/sync", self.session), &script);
            let shown = shown.as_str().unwrap_or_default();
            if shown.contains(text) {
                return shown.to_owned();
            }
            assert!(begun.elapsed() < PATIENCE, "{selector} shows {shown:?}, not {text:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What the page's console holds of warnings and errors.
    fn complaints(&self) -> Vec<String> {
        let log = post(&format!("{}/se/log", self.session), &json!({ "type": "browser" }));
        let messages = log.as_array().into_iter().flatten().filter_map(|entry| entry["message"].as_str());
        messages.filter(|message| !message.contains("favicon")).map(str::to_owned).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        ureq::delete(&self.session).call().ok();
    }
}

/// What WebDriver calls the answer's value.
#[track_caller]
fn post(url: &str, body: &Value) -> Value {
    let answer = ureq::post(url).config().http_status_as_error(false).build().send(body.to_string());
    let mut answer = answer.unwrap_or_else(|error| panic!("{url}: {error}"));
    let said: Value = serde_json::from_str(&answer.body_mut().read_to_string().expect("text")).expect("JSON");
    assert!(answer.status().is_success(), "{url}: {said:#}");
    said["value"].clone()
}

/// The browser and its driver, where they are not here.
fn install() {
    if Command::new("chromedriver").arg("--version").output().is_err() {
        let what = "the start page is tested in Chromium, which is missing";
        debian::install(what, &["chromium", "chromium-driver"]);
    }
}
