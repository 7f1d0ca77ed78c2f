//! `cargo run -p hepta-scripts --example play -- [-v] FILE.pkt…`: what `hepta lab run` does.

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match scripts::run_command(&arguments, &mut std::io::stdout()) {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
