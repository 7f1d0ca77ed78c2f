//! Two stacks of a kind in one thread, and a cable of memory between them.

use std::error::Error;
use std::time::Instant;

use base::{Cx, Wall, World};
use net::{PortConfig, cable};

use crate::{ADDRESS, Role, ours, smol};

/// Sends `bytes` from one stack to the other, and prints how long that took. `stack`: `ours` with all
/// that a cable of memory takes, `ours-mtu` with a packet a frame, `smoltcp` with the longest packets
/// that there are, `smoltcp-mtu`.
pub(crate) fn run(stack: &str, bytes: usize) -> Result<(), Box<dyn Error>> {
    let began = Instant::now();
    let frames = match stack {
        "ours" => ours(bytes, PortConfig::default())?,
        "ours-mtu" => ours(bytes, PortConfig { has_offloads: false, ..PortConfig::default() })?,
        "smoltcp" => smoltcp(bytes, 65_500)?,
        "smoltcp-mtu" => smoltcp(bytes, 1500)?,
        _ => return Err("ours, ours-mtu, smoltcp or smoltcp-mtu".into()),
    };
    let seconds = began.elapsed().as_secs_f64();
    println!("{{\"seconds\": {seconds}, \"amount\": {bytes}, \"frames\": {frames}}}");
    Ok(())
}

fn ours(bytes: usize, config: PortConfig) -> Result<u64, Box<dyn Error>> {
    let began = Instant::now();
    let now = || base::Instant::from_millis(1000).after(began.elapsed());
    let (near, far) = cable(config)?;
    let mut worlds = [World::seeded(1), World::seeded(2)];
    let [first, second] = &mut worlds;
    let mut near = ours::Node::new(&mut Cx::new(now(), Wall(0), first), near, [10, 80, 0, 1])?;
    let mut far = ours::Node::new(&mut Cx::new(now(), Wall(0), second), far, [10, 80, 0, 2])?;
    far.listen()?;
    let mut cx = Cx::new(now(), Wall(0), first);
    let id = near.host.tcp_connect(&mut cx, None, ADDRESS.into()).map_err(ours::said)?;
    near.host.tcp_write_slice(&mut cx, id, b"r");
    near.user = Some((id, Some(Role::Send)));
    while far.received < bytes {
        near.turn(&mut Cx::new(now(), Wall(0), first));
        far.turn(&mut Cx::new(now(), Wall(0), second));
    }
    Ok(far.outlet.counts.received + far.outlet.counts.sent)
}

fn smoltcp(bytes: usize, mtu: usize) -> Result<u64, Box<dyn Error>> {
    let mut near = smol::Node::new(smol::End::new(mtu), [10, 80, 0, 1]);
    let mut far = smol::Node::new(smol::End::new(mtu), [10, 80, 0, 2]);
    far.listen()?;
    near.connect()?;
    let mut frames = 0;
    while far.received < bytes {
        let now = smoltcp::time::Instant::now();
        near.turn(now)?;
        frames += near.device.outgoing.len() as u64;
        std::mem::swap(&mut near.device.outgoing, &mut far.device.incoming);
        far.turn(now)?;
        near.device.spare.append(&mut far.device.read);
        frames += far.device.outgoing.len() as u64;
        std::mem::swap(&mut far.device.outgoing, &mut near.device.incoming);
        far.device.spare.append(&mut near.device.read);
        if near.role.is_none() && near.may_send() {
            near.write(b"r");
            near.role = Some(Role::Send);
        }
    }
    Ok(frames)
}
