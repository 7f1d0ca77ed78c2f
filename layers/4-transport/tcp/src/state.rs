base::states! {
    /// RFC 9293 §3.3.2, figure 5. LISTEN is a [`Listener`](crate::Listener) of its own, and so is
    /// what waits in [`TimeWait`](crate::TimeWait).
    #[derive(Default)]
    pub enum State {
        /// No connection.
        #[default]
        Closed,
        /// Waiting for anybody.
        Listen,
        /// We sent a SYN.
        SynSent,
        /// We have a SYN and answered it.
        SynReceived,
        /// Data flows.
        Established,
        /// We sent a FIN.
        FinWait1,
        /// Our FIN is acknowledged.
        FinWait2,
        /// They sent a FIN.
        CloseWait,
        /// Both sent a FIN at the same time.
        Closing,
        /// They sent a FIN, then we did.
        LastAck,
        /// Done; old segments may still arrive.
        TimeWait,
    }

    /// The user opens, actively.
    open: Closed | Listen => SynSent;
    /// The user opens, passively.
    listen: Closed => Listen;
    /// A SYN arrives.
    recv_syn: Listen | SynSent => SynReceived;
    /// A SYN arrives that acknowledges ours.
    recv_syn_ack: SynSent => Established;
    /// Our SYN is acknowledged.
    recv_ack_of_syn: SynReceived => Established;
    /// The user closes.
    close: SynReceived | Established => FinWait1, CloseWait => LastAck, Listen | SynSent => Closed;
    /// Our FIN is acknowledged.
    recv_ack_of_fin: FinWait1 => FinWait2, Closing => TimeWait, LastAck => Closed;
    /// A FIN arrives.
    recv_fin: SynReceived | Established => CloseWait, FinWait1 => Closing, FinWait2 => TimeWait;
    /// Twice the maximum segment lifetime has passed.
    wait_over: TimeWait => Closed;
    /// A RST arrives, or we give up and send one.
    reset: Listen | SynSent | SynReceived | Established | FinWait1 | FinWait2 | CloseWait | Closing | LastAck | TimeWait => Closed;
}

impl State {
    /// Whether both sides have agreed on numbers.
    pub const fn is_synchronized(self) -> bool {
        !matches!(self, Self::Closed | Self::Listen | Self::SynSent | Self::SynReceived)
    }

    /// Whether the user may still write: no FIN has been asked for.
    pub const fn may_send(self) -> bool {
        matches!(self, Self::SynSent | Self::SynReceived | Self::Established | Self::CloseWait)
    }

    /// Whether the peer may still send data: its FIN has not come.
    pub const fn may_receive(self) -> bool {
        matches!(
            self,
            Self::SynSent | Self::SynReceived | Self::Established | Self::FinWait1 | Self::FinWait2
        )
    }
}
