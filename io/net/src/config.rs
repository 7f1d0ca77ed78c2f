use phys::{Checksums, Device, Segments};

/// The longest super-segment that Linux, and a [`cable`](crate::cable), take: what a packet of IPv4 can
/// be.
const SEGMENTS_LEN_MAX: usize = 65_535;

/// How a port is opened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PortConfig {
    /// The longest packet of IP that the link takes, in bytes; an interface of the kernel takes 1500
    /// until somebody says otherwise.
    pub mtu: usize,
    /// Whether checksums and the cutting of segments are left to whoever is at the other end, as far
    /// as they do that.
    pub has_offloads: bool,
    /// Whether a thread of the kernel's takes the frames that are written to a TAP or TUN device, and
    /// merges those of one stream. Many small frames cost half as much then, and each takes some
    /// microseconds longer; so this is for streams that leave as one packet a frame.
    pub has_napi_thread: bool,
}

impl Default for PortConfig {
    fn default() -> Self {
        Self { mtu: 1500, has_offloads: true, has_napi_thread: false }
    }
}

/// The same device, when everything is left to the other end.
pub(crate) fn offloading(device: Device) -> Device {
    Device {
        checksums: Checksums { tcp: true, udp: true, any: true },
        segments: Segments {
            tcp_v4_len_max: SEGMENTS_LEN_MAX,
            tcp_v6_len_max: SEGMENTS_LEN_MAX,
            udp_len_max: SEGMENTS_LEN_MAX,
        },
        ..device
    }
}
