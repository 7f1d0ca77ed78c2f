//! How large segments are: what routers say, and what is found out.

use expect_test::expect;

use super::stage::{check_with, sack};
use crate::{Algorithm, ProbeWhen};

//= test RFC 1191 §6.4: segments become smaller, and what was too large is sent again.
//= test RFC 5927 §4.1: what does not quote something outstanding is not believed.
#[test]
fn a_router_says_too_big() {
    check_with(
        sack(),
        "
        connect
        +100ms
        < S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK>
        write 4000
        icmp toobig 1000 9999
        icmp toobig 1000 1
        info mss_path cwnd phase
        icmp toobig 68 1
        icmp toobig 1400 1
        icmp unreachable 1
        +100ms
        < . 1:1(0) ack 4001 win 65535
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 64240 <mss 1460,sackOK>
            < S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            0.100 > . 1:1(0) ack 1 win 64240
            => Connected
            write 4000
            => wrote 4000
            0.100 > . 1:1461(1460) ack 1 win 64240
            0.100 > . 1461:2921(1460) ack 1 win 64240
            0.100 > P. 2921:4001(1080) ack 1 win 64240
            icmp toobig 1000 9999
            ~ Ignored why=IcmpOutOfPlace
            icmp toobig 1000 1
            0.100 > . 1:961(960) ack 1 win 64240
            0.100 > . 961:1461(500) ack 1 win 64240
            0.100 > . 1461:2421(960) ack 1 win 64240
            0.100 > . 2421:2921(500) ack 1 win 64240
            0.100 > . 2921:3881(960) ack 1 win 64240
            0.100 > P. 3881:4001(120) ack 1 win 64240
            info mss_path cwnd phase
            => phase: Loss mss_path: 960 cwnd: 10
            icmp toobig 68 1
            0.100 > . 1:961(960) ack 1 win 64240
            0.100 > . 1461:2421(960) ack 1 win 64240
            0.100 > . 2921:3881(960) ack 1 win 64240
            icmp toobig 1400 1
            ~ Ignored why=IcmpSizeAbsurd
            icmp unreachable 1
            ~ Ignored why=IcmpSoft
            < . 1:1(0) ack 4001 win 65535
        "#]],
    );
}

//= test RFC 4821 §7.7: large segments that time out again and again are made smaller.
#[test]
fn a_black_hole_is_found() {
    let mut config = sack();
    config.mtu_probing.when = ProbeWhen::BlackHole;
    check_with(
        config,
        "
        connect
        +10ms
        < S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK>
        write 3000
        +5s
        info mss_path timeouts
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 64240 <mss 1460,sackOK>
            < S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            0.010 > . 1:1(0) ack 1 win 64240
            => Connected
            write 3000
            => wrote 3000
            0.010 > . 1:1461(1460) ack 1 win 64240
            0.010 > . 1461:2921(1460) ack 1 win 64240
            0.010 > P. 2921:3001(80) ack 1 win 64240
            0.032 > P. 2921:3001(80) ack 1 win 64240
            0.242 > . 1:1461(1460) ack 1 win 64240
            0.662 > . 1:1461(1460) ack 1 win 64240
            1.502 > . 1:1461(1460) ack 1 win 64240
            3.182 > . 1:1025(1024) ack 1 win 64240
            info mss_path timeouts
            => timeouts: 4 mss_path: 1024
        "#]],
    );
}

//= test RFC 4821 §7.7: what passes is then searched for from below, as soon as the window is large again.
#[test]
fn what_passes_a_black_hole_is_searched_for() {
    let mut config = sack();
    config.congestion.algorithm = Algorithm::NewReno;
    config.congestion.initial_window = 100;
    config.mtu_probing.when = ProbeWhen::BlackHole;
    check_with(
        config,
        "
        connect
        +10ms
        < S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK>
        write 1460
        +5s
        < . 1:1(0) ack 1461 win 65535
        write 2048
        +10ms
        < . 1:1(0) ack 3509 win 65535
        write 4096
        +10ms
        < . 1:1(0) ack 7605 win 65535
        write 8192
        +10ms
        < . 1:1(0) ack 15797 win 65535
        show
        write 6000
        +10ms
        < . 1:1(0) ack 21797 win 65535
        info mss_path
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 64240 <mss 1460,sackOK>
            < S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            0.010 > . 1:1(0) ack 1 win 64240
            => Connected
            write 1460
            => wrote 1460
            0.010 > P. 1:1461(1460) ack 1 win 64240
            0.220 > P. 1:1461(1460) ack 1 win 64240
            0.430 > P. 1:1461(1460) ack 1 win 64240
            0.850 > P. 1:1461(1460) ack 1 win 64240
            1.690 > P. 1:1461(1460) ack 1 win 64240
            3.370 > . 1:1025(1024) ack 1 win 64240
            < . 1:1(0) ack 1461 win 65535
            write 2048
            => wrote 2048
            5.010 > . 1461:2485(1024) ack 1 win 64240
            5.010 > P. 2485:3509(1024) ack 1 win 64240
            < . 1:1(0) ack 3509 win 65535
            write 4096
            => wrote 4096
            5.020 > . 3509:4533(1024) ack 1 win 64240
            5.020 > . 4533:5557(1024) ack 1 win 64240
            5.020 > . 5557:6581(1024) ack 1 win 64240
            5.020 > P. 6581:7605(1024) ack 1 win 64240
            < . 1:1(0) ack 7605 win 65535
            write 8192
            => wrote 8192
            5.030 > . 7605:8629(1024) ack 1 win 64240
            5.030 > . 8629:9653(1024) ack 1 win 64240
            5.030 > . 9653:10677(1024) ack 1 win 64240
            5.030 > . 10677:11701(1024) ack 1 win 64240
            5.030 > . 11701:12725(1024) ack 1 win 64240
            5.030 > . 12725:13749(1024) ack 1 win 64240
            5.030 > . 13749:14773(1024) ack 1 win 64240
            5.030 > P. 14773:15797(1024) ack 1 win 64240
            < . 1:1(0) ack 15797 win 65535
            show
            write 6000
            => wrote 6000
            5.040 > . 15797:17039(1242) ack 1 win 64240
            5.040 > . 17039:18063(1024) ack 1 win 64240
            5.040 > . 18063:19087(1024) ack 1 win 64240
            5.040 > . 19087:20111(1024) ack 1 win 64240
            5.040 > . 20111:21135(1024) ack 1 win 64240
            5.040 > P. 21135:21797(662) ack 1 win 64240
            < . 1:1(0) ack 21797 win 65535
            ~ CongestionWindow cwnd=13 ssthresh=50 cause=SegmentSize
            info mss_path
            => mss_path: 1242
        "#]],
    );
}

//= test RFC 4821 §7.6.1, §7.6.2: probes that arrive make segments larger, those that are lost do not make the
//= window smaller; what is left too little to find ends the search, and a while later begins it anew.
#[test]
fn the_largest_segment_is_searched_for() {
    let mut config = sack();
    config.congestion.algorithm = Algorithm::NewReno;
    config.congestion.initial_window = 20;
    config.congestion.restart_after_idle = false;
    config.mtu_probing.when = ProbeWhen::Always;
    config.mtu_probing.range_min = 200;
    check_with(
        config,
        "
        connect
        +10ms
        < S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK>
        show
        write 6000
        +10ms
        < . 1:1(0) ack 1 win 65535 <sack 1243:2267>
        < . 1:1(0) ack 1 win 65535 <sack 1243:3291>
        < . 1:1(0) ack 1 win 65535 <sack 1243:4315>
        info mss_path cwnd ssthresh phase
        +10ms
        < . 1:1(0) ack 6001 win 65535
        write 6000
        +10ms
        < . 1:1(0) ack 12001 win 65535
        write 6000
        +10ms
        < . 1:1(0) ack 18001 win 65535
        +600s
        write 6000
        +10ms
        < . 1:1(0) ack 24001 win 65535
        write 7000
        ",
        expect![[r#"
            connect
            ~ StateChanged from=Closed to=SynSent cause=UserOpened
            0.000 > S 0:0(0) win 64240 <mss 1460,sackOK>
            < S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK>
            ~ StateChanged from=SynSent to=Established cause=SynAck
            0.010 > . 1:1(0) ack 1 win 64240
            => Connected
            show
            write 6000
            => wrote 6000
            0.010 > . 1:1243(1242) ack 1 win 64240
            0.010 > . 1243:2267(1024) ack 1 win 64240
            0.010 > . 2267:3291(1024) ack 1 win 64240
            0.010 > . 3291:4315(1024) ack 1 win 64240
            0.010 > . 4315:5339(1024) ack 1 win 64240
            0.010 > P. 5339:6001(662) ack 1 win 64240
            < . 1:1(0) ack 1 win 65535 <sack 1243:2267>
            ~ RecoveryPhase from=Open to=Disorder
            < . 1:1(0) ack 1 win 65535 <sack 1243:3291>
            < . 1:1(0) ack 1 win 65535 <sack 1243:4315>
            ~ Lost seq=1 len=1242 cause=Rack
            ~ CongestionWindow cwnd=20 ssthresh=4294967295 cause=SegmentSize
            ~ RecoveryPhase from=Disorder to=Loss
            0.020 > . 1:1025(1024) ack 1 win 64240
            0.020 > . 1025:1243(218) ack 1 win 64240
            info mss_path cwnd ssthresh phase
            => phase: Loss mss_path: 1024 cwnd: 20 ssthresh: 4294967295
            < . 1:1(0) ack 6001 win 65535
            ~ RecoveryPhase from=Loss to=Open
            write 6000
            => wrote 6000
            0.030 > . 6001:7133(1132) ack 1 win 64240
            0.030 > . 7133:8157(1024) ack 1 win 64240
            0.030 > . 8157:9181(1024) ack 1 win 64240
            0.030 > . 9181:10205(1024) ack 1 win 64240
            0.030 > . 10205:11229(1024) ack 1 win 64240
            0.030 > P. 11229:12001(772) ack 1 win 64240
            < . 1:1(0) ack 12001 win 65535
            ~ CongestionWindow cwnd=17 ssthresh=4294967295 cause=SegmentSize
            write 6000
            => wrote 6000
            0.040 > . 12001:13133(1132) ack 1 win 64240
            0.040 > . 13133:14265(1132) ack 1 win 64240
            0.040 > . 14265:15397(1132) ack 1 win 64240
            0.040 > . 15397:16529(1132) ack 1 win 64240
            0.040 > . 16529:17661(1132) ack 1 win 64240
            0.040 > P. 17661:18001(340) ack 1 win 64240
            < . 1:1(0) ack 18001 win 65535
            write 6000
            => wrote 6000
            600.050 > . 18001:19133(1132) ack 1 win 64240
            600.050 > . 19133:20265(1132) ack 1 win 64240
            600.050 > . 20265:21397(1132) ack 1 win 64240
            600.050 > . 21397:22529(1132) ack 1 win 64240
            600.050 > . 22529:23661(1132) ack 1 win 64240
            600.050 > P. 23661:24001(340) ack 1 win 64240
            < . 1:1(0) ack 24001 win 65535
            write 7000
            => wrote 7000
            600.060 > . 24001:25297(1296) ack 1 win 64240
            600.060 > . 25297:26429(1132) ack 1 win 64240
            600.060 > . 26429:27561(1132) ack 1 win 64240
            600.060 > . 27561:28693(1132) ack 1 win 64240
            600.060 > . 28693:29825(1132) ack 1 win 64240
            600.060 > . 29825:30957(1132) ack 1 win 64240
            600.060 > P. 30957:31001(44) ack 1 win 64240
        "#]],
    );
}
