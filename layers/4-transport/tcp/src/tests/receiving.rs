//! What comes in, and when it is acknowledged.

use expect_test::expect;

use super::stage::{check, check_with, linux, plain, sack};
use crate::{Config, Profile};

//= test RFC 9293 §3.8.6.3: an acknowledgement waits a little, and not for every second segment.
#[test]
fn acknowledgements_are_delayed_in_the_end() {
    check_with(
        plain(),
        "
        connect
        < S. 0:0(0) ack 1 win 50000 <mss 1000>
        write 10
        < P. 1:101(100) ack 11 win 50000
        read
        write 10
        +5ms
        < P. 101:201(100) ack 21 win 50000
        read
        +100ms
        < . 201:1201(1000) ack 21 win 50000
        < . 1201:2201(1000) ack 21 win 50000
        < . 2201:3201(1000) ack 21 win 50000
        +50ms
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 64240 <mss 1460>
            < S. 0:0(0) ack 1 win 50000 <mss 1000>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            0.000 > . 1:1(0) ack 1 win 64240
            => Connected
            write 10
            => wrote 10
            0.000 > P. 1:11(10) ack 1 win 64240
            < P. 1:101(100) ack 11 win 50000
            0.000 > . 11:11(0) ack 101 win 64240
            => Readable
            read
            => read 100
            write 10
            => wrote 10
            0.000 > P. 11:21(10) ack 101 win 64240
            < P. 101:201(100) ack 21 win 50000
            => Readable
            read
            => read 100
            0.045 > . 21:21(0) ack 201 win 64240
            < . 201:1201(1000) ack 21 win 50000
            0.105 > . 21:21(0) ack 1201 win 64240
            => Readable
            < . 1201:2201(1000) ack 21 win 50000
            0.105 > . 21:21(0) ack 2201 win 63240
            => Readable
            < . 2201:3201(1000) ack 21 win 50000
            0.105 > . 21:21(0) ack 3201 win 62240
            => Readable
        "#]],
    );
}

#[test]
fn freebsd_acknowledges_every_second_segment() {
    let mut config = Config::profile(Profile::FreeBsd);
    config.handshake.timestamps = false;
    check_with(
        config,
        "
        connect
        < S. 0:0(0) ack 1 win 50000 <mss 1000,sackOK>
        < . 1:1001(1000) ack 1 win 50000
        < . 1001:2001(1000) ack 1 win 50000
        < . 2001:3001(1000) ack 1 win 50000
        +50ms
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 65535 <mss 1460,sackOK,wscale 6>
            < S. 0:0(0) ack 1 win 50000 <mss 1000,sackOK>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            0.000 > . 1:1(0) ack 1 win 65535
            => Connected
            < . 1:1001(1000) ack 1 win 50000
            => Readable
            < . 1001:2001(1000) ack 1 win 50000
            0.000 > . 1:1(0) ack 2001 win 64000
            => Readable
            < . 2001:3001(1000) ack 1 win 50000
            => Readable
            0.040 > . 1:1(0) ack 3001 win 63000
        "#]],
    );
}

//= test RFC 2018 §4: the block that changed last comes first.
//= test RFC 5681 §4.2: data out of order, and data that fills a gap, is acknowledged at once.
//= test RFC 2883 §4: what comes twice is reported.
#[test]
fn data_out_of_order_is_kept() {
    check_with(
        sack(),
        "
        connect
        < S. 0:0(0) ack 1 win 50000 <mss 1000,sackOK>
        < . 1001:2001(1000) ack 1 win 50000
        < . 3001:4001(1000) ack 1 win 50000
        < . 2001:3001(1000) ack 1 win 50000
        < . 5001:6001(1000) ack 1 win 50000
        +10ms
        < . 5001:6001(1000) ack 1 win 50000
        < F. 6001:6001(0) ack 1 win 50000
        < . 1:1001(1000) ack 1 win 50000
        read
        < . 1:1001(1000) ack 1 win 50000
        < . 3501:5001(1500) ack 1 win 50000
        read
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 64240 <mss 1460,sackOK>
            < S. 0:0(0) ack 1 win 50000 <mss 1000,sackOK>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            0.000 > . 1:1(0) ack 1 win 64240
            => Connected
            < . 1001:2001(1000) ack 1 win 50000
            0.000 > . 1:1(0) ack 1 win 64240 <sack 1001:2001>
            < . 3001:4001(1000) ack 1 win 50000
            0.000 > . 1:1(0) ack 1 win 64240 <sack 3001:4001 1001:2001>
            < . 2001:3001(1000) ack 1 win 50000
            0.000 > . 1:1(0) ack 1 win 64240 <sack 1001:4001>
            < . 5001:6001(1000) ack 1 win 50000
            0.000 > . 1:1(0) ack 1 win 64240 <sack 5001:6001 1001:4001>
            < . 5001:6001(1000) ack 1 win 50000
            ~ Dropped why=Duplicate
            0.010 > . 1:1(0) ack 1 win 64240 <sack 5001:6001 5001:6001 1001:4001>
            < F. 6001:6001(0) ack 1 win 50000
            < . 1:1001(1000) ack 1 win 50000
            0.010 > . 1:1(0) ack 4001 win 60240 <sack 5001:6002>
            => Readable
            read
            => read 4000
            < . 1:1001(1000) ack 1 win 50000
            ~ Dropped why=OutOfWindow
            0.010 > . 1:1(0) ack 4001 win 64000 <sack 1:1001 5001:6002>
            < . 3501:5001(1500) ack 1 win 50000
            ~ StateChanged from=Established to=CloseWait cause=Fin
            0.010 > . 1:1(0) ack 6002 win 62780
            => Readable
            => PeerFinished
            read
            => read 2000
        "#]],
    );
}

//= test RFC 9293 §3.8.6.2.2: a window that is closed opens by a good part only.
//= test RFC 9293 §3.10.7.4: nothing is taken into a closed window.
#[test]
fn the_window_closes_and_opens() {
    let mut config = plain();
    config.buffers.receive_initial = 4000;
    config.buffers.receive_autotune = false;
    check_with(
        config,
        "
        connect
        < S. 0:0(0) ack 1 win 50000 <mss 1000>
        < . 1:1001(1000) ack 1 win 50000
        < . 1001:2921(1920) ack 1 win 50000
        +1s
        < . 2921:3921(1000) ack 1 win 50000
        read 100
        read 500
        read 2000
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 2920 <mss 1460>
            < S. 0:0(0) ack 1 win 50000 <mss 1000>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            0.000 > . 1:1(0) ack 1 win 2920
            => Connected
            < . 1:1001(1000) ack 1 win 50000
            0.000 > . 1:1(0) ack 1001 win 2920
            => Readable
            < . 1001:2921(1920) ack 1 win 50000
            0.000 > . 1:1(0) ack 2921 win 1000
            => Readable
            < . 2921:3921(1000) ack 1 win 50000
            1.000 > . 1:1(0) ack 3921 win 0
            => Readable
            read 100
            => read 100
            read 500
            => read 500
            read 2000
            => read 2000
            1.000 > . 1:1(0) ack 3921 win 1460
        "#]],
    );
}

//= test RFC 7323 §5.3: a segment with an old timestamp is dropped, and answered.
#[test]
fn old_timestamps_are_refused() {
    check(
        "
        connect
        < S. 0:0(0) ack 1 win 50000 <mss 1000,sackOK,TS val 1000 ecr 1000,nop,wscale 7>
        < . 1:101(100) ack 1 win 500 <nop,nop,TS val 1005 ecr 1000>
        +1s
        < . 101:201(100) ack 1 win 500 <nop,nop,TS val 900 ecr 1000>
        < . 101:201(100) ack 1 win 500
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 64240 <mss 1460,sackOK,TS val 1000 ecr 0,wscale 7>
            < S. 0:0(0) ack 1 win 50000 <mss 1000,sackOK,TS val 1000 ecr 1000,nop,wscale 7>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            0.000 > . 1:1(0) ack 1 win 502 <TS val 1000 ecr 1000>
            => Connected
            < . 1:101(100) ack 1 win 500 <nop,nop,TS val 1005 ecr 1000>
            0.000 > . 1:1(0) ack 101 win 502 <TS val 1000 ecr 1005>
            => Readable
            < . 101:201(100) ack 1 win 500 <nop,nop,TS val 900 ecr 1000>
            ~ Dropped why=OldTimestamp
            1.000 > . 1:1(0) ack 101 win 502 <TS val 2000 ecr 1005>
            < . 101:201(100) ack 1 win 500
            1.000 > . 1:1(0) ack 201 win 502 <TS val 2000 ecr 1005>
            => Readable
        "#]],
    );
}

//= test RFC 6093 §4: the urgent pointer is told, and data is read in line.
#[test]
fn urgent_data_is_told() {
    check_with(
        plain(),
        "
        connect
        < S. 0:0(0) ack 1 win 50000 <mss 1000>
        < UP. 1:11(10) ack 1 win 50000 urg 10
        < U. 11:11(0) ack 1 win 50000 urg 5
        < P. 11:21(10) ack 1 win 50000
        read
        urgent 3
        write 10
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 64240 <mss 1460>
            < S. 0:0(0) ack 1 win 50000 <mss 1000>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            0.000 > . 1:1(0) ack 1 win 64240
            => Connected
            < UP. 1:11(10) ack 1 win 50000 urg 10
            0.000 > . 1:1(0) ack 11 win 64240
            => Readable
            => Urgent
            < U. 11:11(0) ack 1 win 50000 urg 5
            => Urgent
            < P. 11:21(10) ack 1 win 50000
            0.000 > . 1:1(0) ack 21 win 64240
            => Readable
            read
            => read 20
            urgent 3
            => wrote 3
            0.000 > PU. 1:4(3) ack 21 win 64240 urg 3
            write 10
            => wrote 10
            0.000 > P. 4:14(10) ack 21 win 64240
        "#]],
    );
}

/// A device that merges segments tells how large they were: two of them are two.
#[test]
fn merged_segments_count_as_what_they_were() {
    check_with(
        plain(),
        "
        connect
        < S. 0:0(0) ack 1 win 50000 <mss 1000>
        quickack off
        < . 1:2921(2920) ack 1 win 50000 gso 1460
        < . 2921:4381(1460) ack 1 win 50000
        info data_segments_in mss_received
        +200ms
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 64240 <mss 1460>
            < S. 0:0(0) ack 1 win 50000 <mss 1000>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            0.000 > . 1:1(0) ack 1 win 64240
            => Connected
            quickack off
            < . 1:2921(2920) ack 1 win 50000 gso 1460
            0.000 > . 1:1(0) ack 2921 win 61320
            => Readable
            < . 2921:4381(1460) ack 1 win 50000
            => Readable
            info data_segments_in mss_received
            => mss_received: 1460 data_segments_in: 3
            0.040 > . 1:1(0) ack 4381 win 59860
        "#]],
    );
}

/// The buffer grows as its user reads: a long path fills.
#[test]
fn the_buffer_grows_with_its_user() {
    let mut stage = super::stage::Stage::new(linux()).showing(&[]);
    stage.play("connect\n< S. 0:0(0) ack 1 win 50000 <mss 1460,sackOK,nop,wscale 7>");
    let before = stage.connection.as_ref().unwrap().info(base::Instant::ORIGIN).receive_space;
    let mut seq: u32 = 1;
    for _ in 0..20 {
        for _ in 0..44 {
            stage.play(&format!("< . {seq}:{}(1460) ack 1 win 50000", seq + 1460));
            seq += 1460;
        }
        stage.play("read\n+100ms");
    }
    let after = stage.connection.as_ref().unwrap().info(base::Instant::ORIGIN).receive_space;
    assert!(after > 2 * before, "{before} has become {after}");
}

//= test RFC 2883 §4.2: of a segment that came partly before, that part is reported.
#[test]
fn overlaps_are_reported() {
    check_with(
        sack(),
        "
        connect
        < S. 0:0(0) ack 1 win 5000 <mss 1000,sackOK>
        < . 1001:2001(1000) ack 1 win 5000
        < . 1501:2501(1000) ack 1 win 5000
        < . 1:1501(1500) ack 1 win 5000
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 64240 <mss 1460,sackOK>
            < S. 0:0(0) ack 1 win 5000 <mss 1000,sackOK>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            0.000 > . 1:1(0) ack 1 win 64240
            => Connected
            < . 1001:2001(1000) ack 1 win 5000
            0.000 > . 1:1(0) ack 1 win 64240 <sack 1001:2001>
            < . 1501:2501(1000) ack 1 win 5000
            0.000 > . 1:1(0) ack 1 win 64240 <sack 1501:2001 1001:2501>
            < . 1:1501(1500) ack 1 win 5000
            0.000 > . 1:1(0) ack 2501 win 62780 <sack 1001:1501>
            => Readable
        "#]],
    );
}

/// Data overtook an acknowledgement of the same flight: nothing is out of place.
#[test]
fn an_acknowledgement_that_was_overtaken() {
    let mut config = sack();
    config.acknowledge.quick_max = 0;
    check_with(
        config,
        "
        connect
        < S. 0:0(0) ack 1 win 5000 <mss 1000,sackOK>
        write 100
        < P. 1:101(100) ack 1 win 5000
        < . 1:1(0) ack 101 win 5000
        info bytes_acked
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 64240 <mss 1460,sackOK>
            < S. 0:0(0) ack 1 win 5000 <mss 1000,sackOK>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            0.000 > . 1:1(0) ack 1 win 64240
            => Connected
            write 100
            => wrote 100
            0.000 > P. 1:101(100) ack 1 win 64240
            < P. 1:101(100) ack 1 win 5000
            => Readable
            < . 1:1(0) ack 101 win 5000
            info bytes_acked
            => bytes_acked: 101
        "#]],
    );
}
