base::states! {
    /// How sure we are of a neighbour's hardware address. (RFC 4861 §7.3.2)
    pub enum State {
        /// Everybody is being asked; there is no address yet.
        Incomplete,
        /// Confirmed lately.
        Reachable,
        /// Confirmed some time ago, or said by somebody whom we did not ask.
        Stale,
        /// Used while stale; a sign of life from above may still come.
        Delay,
        /// The neighbour itself is being asked.
        Probe,
        /// Nobody answered; nobody is asked again for a while.
        Unreachable,
        /// An operator has said so.
        Permanent,
    }
    /// The neighbour answered us, or a layer above heard from it because of what we sent.
    confirm: Incomplete | Reachable | Stale | Delay | Probe | Unreachable => Reachable;
    /// Somebody told us the address without having been asked, or the confirmation grew old.
    doubt: Incomplete | Reachable | Stale | Delay | Probe | Unreachable => Stale;
    /// A packet was sent there.
    use_it: Stale => Delay;
    /// No sign of life came.
    ask_it: Delay => Probe;
    /// The neighbour itself did not answer; it may have got another address.
    look_again: Probe => Incomplete;
    /// Nobody answered.
    give_up: Incomplete => Unreachable;
}
