use phys::Medium;
use phys::pcapng::{self, Reader};

/// Reads bytes as a capture. What was read and is written again is read as the same.
pub fn captures(data: &[u8]) {
    let Ok(reader) = Reader::new(data) else { return };
    let packets: Vec<_> = reader.flatten().collect();
    assert!(packets.len() <= data.len() / 12, "no packet without a block");
    let mut file = Vec::new();
    pcapng::write_section(&mut file);
    pcapng::write_interface(&mut file, Medium::Ethernet, "if0");
    for packet in &packets {
        pcapng::write_packet(&mut file, 0, packet.nanos, packet.frame, "");
    }
    let again: Vec<_> = Reader::new(&file).expect("we wrote it").flatten().collect();
    let what = |packets: &[pcapng::Packet<'_>]| {
        packets.iter().map(|packet| (packet.nanos, packet.frame.to_vec())).collect::<Vec<_>>()
    };
    assert_eq!(what(&packets), what(&again), "a capture is read as it is written");
}
