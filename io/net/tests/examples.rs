//! The examples, run as a reader would run them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod namespace;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use namespace::{in_namespace, sh};

/// An example, which `cargo test` has built beside this program.
fn example(name: &str) -> Command {
    let this = std::env::current_exe().unwrap();
    let path: PathBuf = this.parent().unwrap().with_file_name("examples").join(name);
    assert!(path.is_file(), "{} is not there: cargo test -p hepta-net builds it", path.display());
    Command::new(path)
}

/// What an example prints, which must end well.
fn printed(name: &str) -> String {
    let output = example(name).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn two_stacks_talk_over_a_cable() {
    let said = printed("echo");
    assert!(said.starts_with("is anybody there? (round trip "), "{said}");
}

#[test]
fn hyper_runs_over_our_own_tcp() {
    assert_eq!(printed("hyper"), "/hello: 200 OK, 5 bytes\n/large: 200 OK, 1048576 bytes\n");
}

/// The echo, with the kernel's TCP at the other end: a million bytes, said and heard at once.
#[test]
fn an_echo_is_served_over_a_tap_device() {
    in_namespace("an_echo_is_served_over_a_tap_device", async {
        sh("ip tuntap add dev tap0 mode tap");
        sh("ip addr add 10.77.0.1/24 dev tap0");
        sh("ip link set tap0 up");
        let mut echo = example("echo");
        let mut echo = echo.args(["tap0", "10.77.0.2/24"]).stdin(Stdio::null()).spawn().unwrap();
        let text: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect();
        let mut stream = connect();
        let mut writer = stream.try_clone().unwrap();
        let said = text.clone();
        let talking = std::thread::spawn(move || {
            writer.write_all(&said).unwrap();
            writer.shutdown(Shutdown::Write).unwrap();
        });
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).unwrap();
        talking.join().unwrap();
        assert!(heard == text);
        let _ = echo.kill();
        let _ = echo.wait();
    });
}

/// A connection, as soon as somebody has opened the device and listens there.
fn connect() -> TcpStream {
    let to = "10.77.0.2:7".parse().unwrap();
    for _ in 0..20 {
        if let Ok(stream) = TcpStream::connect_timeout(&to, Duration::from_secs(5)) {
            return stream;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("nobody listens at {to}")
}
