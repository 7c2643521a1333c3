//! The functions under test: this binary, started again by the Lambda host.

use std::path::{Path, PathBuf};
use std::time::Duration;

use host::lambda::FunctionSpec;
use lambda_http::lambda_runtime::{self, Diagnostic, LambdaEvent, service_fn};
use lambda_http::{Body, Error, Request, RequestExt, Response};
use serde_json::{Value, json};

use crate::wait_until;

/// The time-out of the functions: no right test meets it.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(60);

/// A function whose process is this test binary; `behaviour` chooses what it does.
pub(crate) fn spec(name: &str, behaviour: &str) -> FunctionSpec {
    FunctionSpec {
        args: ["--exact", "function::process", "--ignored", "--nocapture"].map(str::to_owned).to_vec(),
        env: vec![("BEHAVIOUR".to_owned(), behaviour.to_owned())],
        url_port: Some(0),
        timeout: TIMEOUT,
        ..FunctionSpec::new(name, std::env::current_exe().unwrap())
    }
}

#[test]
#[ignore = "the process of a function that another test starts"]
fn process() {
    // Somebody runs the ignored tests by hand.
    let Ok(behaviour) = std::env::var("BEHAVIOUR") else { return };
    if let Some(gate) = Gate::of_environment() {
        gate.note("started");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let ended = runtime.block_on(async {
        match behaviour.as_str() {
            "http" => lambda_http::run(service_fn(http)).await,
            "watchful" => {
                host::lambda::end_with_host();
                lambda_http::run(service_fn(http)).await
            }
            "holding" => lambda_runtime::run(service_fn(holding)).await,
            "event" => lambda_runtime::run(service_fn(event)).await,
            "scripted" => lambda_runtime::run(service_fn(scripted)).await,
            "no-init" => panic!("the table name is missing"),
            "stuck" => std::future::pending().await,
            other => panic!("no behaviour {other}"),
        }
    });
    if let Err(error) = ended {
        eprintln!("the runtime ended: {error}");
        std::process::exit(1);
    }
}

/// What an ordinary function sees through `lambda_http`, and every way to fail, by path.
async fn http(request: Request) -> Result<Response<Body>, Error> {
    match request.raw_http_path() {
        "/error" => return Err("no such luck".into()),
        "/panic" => panic!("oh no"),
        "/exit" => std::process::exit(3),
        "/slow" => std::future::pending().await,
        "/hold" => hold().await,
        "/huge" => return Ok(Response::new(Body::Text("x".repeat(7 * 1024 * 1024)))),
        "/binary" => {
            let response = Response::builder().status(201).header("content-type", "application/octet-stream");
            let response = response.header("set-cookie", "a=1").header("set-cookie", "b=2");
            return Ok(response.body(Body::Binary(vec![0xff, 0x00, 0xfe]))?);
        }
        _ => {}
    }
    let all = |name: &str| request.headers().get_all(name).iter().map(|v| v.to_str().unwrap()).collect::<Vec<_>>();
    let (kind, bytes) = match request.body() {
        Body::Text(text) => ("text", text.as_bytes()),
        Body::Binary(bytes) => ("binary", bytes.as_slice()),
        _ => ("empty", &b""[..]),
    };
    let seen = json!({
        "pid": std::process::id(),
        "method": request.method().as_str(),
        "path": request.raw_http_path(),
        "query": request.uri().query(),
        "serial": all("Wechatpay-Serial"),
        "cookie": all("cookie"),
        "body": kind,
        "bytes": bytes,
        "clean": std::env::var_os("HOME").is_none(),
        "region": std::env::var("AWS_REGION")?,
    });
    Ok(Response::builder().header("content-type", "application/json").body(Body::Text(seen.to_string()))?)
}

/// Answers with its process's number once it is let go.
async fn holding(_: LambdaEvent<Value>) -> Result<u32, Error> {
    hold().await;
    Ok(std::process::id())
}

async fn hold() {
    let gate = Gate::of_environment().unwrap();
    gate.note("in");
    while !gate.is_open() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    gate.note("out");
}

/// A folder by which a test holds invocations and knows which process has come how far.
pub(crate) struct Gate {
    folder: PathBuf,
}

impl Gate {
    const VARIABLE: &str = "GATE";

    pub(crate) fn in_folder(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    fn of_environment() -> Option<Self> {
        Some(Self { folder: std::env::var_os(Self::VARIABLE)?.into() })
    }

    /// A function that stops at this gate where its behaviour or path says so.
    pub(crate) fn before(&self, function: FunctionSpec) -> FunctionSpec {
        let mut env = function.env;
        env.push((Self::VARIABLE.to_owned(), self.folder.display().to_string()));
        FunctionSpec { env, ..function }
    }

    pub(crate) fn open(&self) {
        std::fs::write(self.folder.join("open"), "").unwrap();
    }

    fn is_open(&self) -> bool {
        self.folder.join("open").exists()
    }

    fn note(&self, what: &str) {
        use std::io::Write;
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(self.folder.join(what)).unwrap();
        file.write_all(format!("{}\n", std::process::id()).as_bytes()).unwrap();
    }

    /// The processes that have `started`, are `in`, or were let `out`, in their order.
    pub(crate) fn pids(&self, what: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(self.folder.join(what)).unwrap_or_default();
        text.lines().map(|line| line.parse::<u32>().unwrap().into()).collect()
    }

    /// Waits until so many have come so far.
    pub(crate) async fn reached(&self, what: &str, count: usize) -> Vec<Value> {
        wait_until(&format!("{count} are {what}"), async || self.pids(what).len() >= count).await;
        self.pids(what)
    }
}

/// Answers with the event itself.
async fn event(event: LambdaEvent<Value>) -> Result<Value, Error> {
    println!("a line for the log");
    Ok(json!({ "statusCode": 200, "body": json!({ "event": event.payload, "context": {
        "request_id": event.context.request_id,
        "deadline": event.context.deadline,
        "arn": event.context.invoked_function_arn,
    }}).to_string() }))
}

/// Appends each event to `RECORD`; answers with the lines of `SCRIPT` one by one (`error`, or JSON), then with `{}`.
/// Refuses every event that holds the text `POISON`.
async fn scripted(event: LambdaEvent<Value>) -> Result<Value, Diagnostic> {
    use std::io::Write;
    let record = PathBuf::from(std::env::var("RECORD").unwrap());
    let script = std::fs::read_to_string(std::env::var("SCRIPT").unwrap_or_default()).unwrap_or_default();
    let count = std::fs::read_to_string(&record).map_or(0, |text| text.lines().count());
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(&record).unwrap();
    // In one write: somebody reads the file meanwhile.
    file.write_all(format!("{}\n", event.payload).as_bytes()).unwrap();
    let refused =
        |error_message: &str| Diagnostic { error_type: "Scripted".to_owned(), error_message: error_message.to_owned() };
    match script.lines().nth(count).unwrap_or("{}") {
        "error" => Err(refused("the script says so")),
        line => match std::env::var("POISON") {
            Ok(poison) if event.payload.to_string().contains(&poison) => Err(refused("poison")),
            _ => Ok(serde_json::from_str(line).unwrap()),
        },
    }
}
