//! The tests' OpenID provider as a process: `rohrpost-oidc PORT FOLDER [CLIENT_KEY]`, until it is
//! killed. See `harness::oidc`.

use std::path::PathBuf;
use std::process::ExitCode;

use harness::oidc::Provider;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let port = arguments.next().and_then(|port| port.to_str()?.parse().ok());
    let (Some(port), Some(folder)) = (port, arguments.next().map(PathBuf::from)) else {
        eprintln!("rohrpost-oidc PORT FOLDER [CLIENT_KEY]");
        return ExitCode::from(2);
    };
    let client_key = arguments.next().map(PathBuf::from);
    let served = Provider::new(port, &folder, client_key.as_deref())
        .and_then(|provider| provider.serve(port));
    if let Err(e) = served {
        eprintln!("rohrpost-oidc: {e}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
