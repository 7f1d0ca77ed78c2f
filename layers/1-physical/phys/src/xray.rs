base::notes! {
    /// What devices and cables tell the x-ray.
    pub enum Seen in Physical {
        /// A frame was given to the device.
        Sent { port: u32, len: usize },
        /// A frame came from the device.
        Received { port: u32, len: usize },
        /// A frame was lost.
        Lost { port: u32, len: usize, why: Why },
    }
}

/// Why a frame was lost.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Why {
    /// The device did not take it: the error of the system, by its number.
    DeviceRefused(i32),
    /// The device has no room now.
    DeviceFull,
    /// No interface belongs to the device any more.
    NoInterface,
    /// It is longer than the device takes.
    TooLong,
    /// The cable lost it: that is its weather.
    Weather,
    /// More frames wait for the cable than its queue holds.
    QueueFull,
    /// The cable is cut.
    Outage,
}
