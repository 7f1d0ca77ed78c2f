//! Who the program is once it listens: nobody who can do more than serve.

use std::fs::File;
use std::os::unix::fs::{fchown, lchown};
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use nix::unistd::{Gid, Group, Uid, User, initgroups, setgid, setuid};

use crate::config::Identity;

/// Becomes another user for good, and gives it the files that it will have to write. They are open, so
/// that nobody can put another one in their place. Sockets in the file system have only their names to be
/// given by; a link in the place of one would be given itself, and not what it leads to. Called before any
/// thread is started, because the kernel knows privileges of threads only.
///
/// # Errors
///
/// There is no such user, or we may not become it.
pub(super) fn give_up(
    identity: &Identity,
    files: Vec<File>,
    sockets: &[PathBuf],
) -> anyhow::Result<()> {
    let Identity { user: name, group } = identity;
    let user = User::from_name(name).ok().flatten();
    let user = user.with_context(|| format!("this machine has no user {name:?}"))?;
    let gid = match group {
        Some(name) => {
            let group = Group::from_name(name).ok().flatten();
            group.with_context(|| format!("this machine has no group {name:?}"))?.gid
        }
        None => user.gid,
    };
    // Whoever is that user already, as after an upgrade, has nothing to give up.
    if Uid::effective() == user.uid && Gid::effective() == gid {
        return Ok(());
    }
    for file in files {
        fchown(file, Some(user.uid.as_raw()), Some(gid.as_raw()))
            .context("cannot give a log or the pid-file away")?;
    }
    for socket in sockets {
        lchown(socket, Some(user.uid.as_raw()), Some(gid.as_raw()))
            .with_context(|| format!("cannot give {} away", socket.display()))?;
    }
    become_user(&user, gid).with_context(|| {
        format!("cannot become the user {name}: start as root, or leave `user` out")
    })?;
    if !user.uid.is_root() && setuid(Uid::from_raw(0)).is_ok() {
        bail!("the user {name} can become root again");
    }
    Ok(())
}

fn become_user(user: &User, gid: Gid) -> anyhow::Result<()> {
    let name = std::ffi::CString::new(user.name.as_str())?;
    // In this order: afterwards we may do none of it.
    initgroups(&name, gid)?;
    setgid(gid)?;
    setuid(user.uid)?;
    Ok(())
}
