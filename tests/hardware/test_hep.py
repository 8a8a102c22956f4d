"""HEP packets: what a real Asterisk sends, streams cut anywhere, and what must be refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware import hep
from hardware.hep import Hep, Reason, Refused, Stream
from tests.hardware.packets import capture, chunk, packet, raw

STORIES = ["record_on_off", "record_refused", "nobody_answers", "transfer_to_code", "yealink_push"]


@pytest.mark.parametrize("name", STORIES)
def test_every_packet_of_a_real_asterisk_is_read(name: str) -> None:
    for one in capture(name):
        assert (one.protocol, one.transport, one.node) == (hep.SIP, 17, 2026)
        assert one.source.startswith("127.")
        assert one.payload.endswith(b"\r\n") or b"<?xml" in one.payload


def test_a_real_press_carries_the_name_of_its_channel() -> None:
    channels = {one.correlation for one in capture("record_on_off") if one.payload.startswith(b"INFO ")}
    assert len(channels) == 1
    assert channels.pop().startswith("PJSIP/100-")


def test_the_password_of_a_packet_is_checked_and_does_not_show() -> None:
    one = capture("record_on_off")[0]
    assert hep.checked(one, b"lab-only") is one
    assert hep.checked(one, b"") is one
    assert hep.checked(one, b"lab-onlx") == Refused(Reason.WRONG_KEY)
    assert "lab-only" not in repr(one)


def test_a_packet_without_a_password_is_refused_where_one_is_asked_for() -> None:
    assert hep.checked(hep.read(packet(b"x")), b"secret") == Refused(Reason.NO_KEY)


def test_an_ipv6_packet_is_read() -> None:
    one = hep.read(packet(b"x", source="2001:db8::7"))
    assert isinstance(one, Hep)
    assert (one.source, one.source_port, one.at) == ("2001:db8::7", 5060, 1_700_000_000.25)


def test_chunks_of_vendors_and_unknown_types_are_skipped() -> None:
    one = hep.read(packet(b"x", chunk(15, b"theirs", vendor=7), chunk(999, b"new")))
    assert isinstance(one, Hep)
    assert one.payload == b"x"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", Reason.NOT_HEP),
        (b"HEP", Reason.NOT_HEP),
        (b"INFO sip:x SIP/2.0\r\n\r\n", Reason.NOT_HEP),
        (b"\x01\x10\x02\x11" + bytes(12) + b"INFO", Reason.OLD_VERSION),
        (b"\x02\x1c\x0a\x11" + bytes(40), Reason.OLD_VERSION),
        (packet(b"x") + b"y", Reason.LENGTH),
        (packet(b"x")[:-1], Reason.LENGTH),
        (packet(b"x", chunk(15, b"second")), Reason.CHUNK),
        (packet(b"x", b"\0\0\0"), Reason.CHUNK),
        (packet(b"x", b"\0\0\x03\xe7\0\x05"), Reason.CHUNK),
        (packet(b"x", b"\0\0\x03\xe7\0\xff"), Reason.CHUNK),
        *[(packet(b"x", without=kind), Reason.INCOMPLETE) for kind in (3, 4, 7, 8, 9, 11, 15)],
        (packet(b"x", chunk(3, b"abc"), without=3), Reason.INCOMPLETE),
        (b"HEP3\x00\x06", Reason.INCOMPLETE),
    ],
)
def test_what_is_no_packet_of_ours_is_refused_with_its_reason(data: bytes, reason: Reason) -> None:
    assert hep.read(data) == Refused(reason)


@given(st.lists(st.integers(1, 3_000), max_size=40))
def test_a_stream_cut_anywhere_gives_the_same_packets(cuts: list[int]) -> None:
    packets = raw("record_on_off")[:12]
    data, stream = b"".join(packets), Stream()
    found: list[Hep | Refused] = []
    for size in (*cuts, len(data)):
        found += stream.feed(data[:size])
        data = data[size:]
    assert found == [hep.read(one) for one in packets]
    assert not stream.lost


def test_a_bad_packet_in_a_stream_is_refused_and_the_next_is_read() -> None:
    found = Stream().feed(packet(b"x", without=15) + packet(b"good"))
    assert found[0] == Refused(Reason.INCOMPLETE)
    assert isinstance(found[1], Hep)


@pytest.mark.parametrize(
    ("garbage", "reason"),
    [
        (b"GET / HTTP/1.1\r\n", Reason.NOT_HEP),
        (b"HEP3\x00\x05", Reason.LENGTH),
        (b"\x02\x10\x02\x11\0\0\0\0", Reason.OLD_VERSION),
    ],
)
def test_a_stream_that_lost_its_place_says_so_once_and_keeps_nothing(garbage: bytes, reason: Reason) -> None:
    stream = Stream()
    assert isinstance(stream.feed(packet(b"good"))[0], Hep)
    assert stream.feed(garbage) == [Refused(reason)]
    assert stream.lost
    assert stream.feed(packet(b"good")) == []
    assert len(stream._held) == 0


@given(st.binary(max_size=300))
def test_any_bytes_are_survived_in_datagrams_and_streams(data: bytes) -> None:
    hep.read(data)
    hep.read(b"HEP3" + (len(data) + 6).to_bytes(2, "big") + data)
    Stream().feed(data)


@given(st.integers(0, 200), st.integers(0, 255))
def test_a_real_packet_with_one_byte_changed_is_survived(place: int, value: int) -> None:
    data = bytearray(raw("record_on_off")[0])
    data[place % len(data)] = value
    hep.read(bytes(data))
