use std::time::Duration;

/// What an operator may choose. The defaults are those of RFC 4861 §10 and RFC 5227 §1.1.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// How many neighbours to know at once; with the packets that wait, at most 4 MiB
    /// ([`waiting_bytes_max`](Self::waiting_bytes_max)) beside 1024 entries of some 150 bytes.
    pub neighbors_max: usize,
    /// How long to wait for an answer before asking again (RetransTimer).
    pub retry: Duration,
    /// How often to ask everybody before giving up (MAX_MULTICAST_SOLICIT).
    pub attempts_all: u32,
    /// How often to ask the neighbour itself before asking everybody (MAX_UNICAST_SOLICIT).
    pub attempts_one: u32,
    /// How long a confirmation counts, on average (BaseReachableTime).
    pub reachable: Duration,
    /// How long to wait for a sign of life from above before asking (DELAY_FIRST_PROBE_TIME).
    pub delay: Duration,
    /// How long nobody is asked for an address at which nobody was.
    pub unreachable: Duration,
    /// How many packets may wait for one neighbour; the latest are kept.
    pub waiting_max: usize,
    /// How many bytes of memory the packets may hold that wait for all neighbours together.
    pub waiting_bytes_max: usize,
    /// How many questions to everybody there may be in a second.
    pub questions_per_second: u32,
    /// What to do when somebody else uses an address of ours.
    pub defence: super::Defence,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            neighbors_max: 1024,
            retry: Duration::from_secs(1),
            attempts_all: 3,
            attempts_one: 3,
            reachable: Duration::from_secs(30),
            delay: Duration::from_secs(5),
            unreachable: Duration::from_secs(3),
            waiting_max: 16,
            waiting_bytes_max: 4 << 20,
            questions_per_second: 256,
            defence: super::Defence::Once,
        }
    }
}
