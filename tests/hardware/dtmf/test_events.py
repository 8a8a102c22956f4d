"""RFC 4733: packets lost, late, doubled and hostile, and the one event each press must become."""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware.dtmf.events import KEYS, Assembler, Event, Malformed, Report, parse

SSRC = 0x1234
STEP = 160


def payload(event: int, duration: int, end: bool = False, volume: int = 10) -> bytes:
    return bytes([event, end << 7 | volume]) + duration.to_bytes(2, "big")


@dataclass(frozen=True)
class Packet:
    timestamp: int
    payload: bytes
    at: float = 0.0
    ssrc: int = SSRC


def press(event: int, timestamp: int, duration: int = 800, at: float = 0.0, ssrc: int = SSRC) -> list[Packet]:
    """As a phone sends it: an update every 20 ms, then the end three times."""
    updates = [
        Packet(timestamp, payload(event, elapsed), at + elapsed / 8000, ssrc)
        for elapsed in range(STEP, duration, STEP)
    ]
    end = Packet(timestamp, payload(event, duration, end=True), at + duration / 8000, ssrc)
    return [*updates, end, end, end]


def fed(packets: list[Packet], assembler: Assembler | None = None) -> list[Event]:
    """What comes out, with a tick long after the last packet."""
    assembler = assembler or Assembler()
    events = [e for p in packets for e in assembler.packet(p.ssrc, p.timestamp, p.payload, p.at)]
    return events + assembler.tick(packets[-1].at + 10 if packets else 10)


@pytest.mark.parametrize(("code", "key"), list(enumerate(KEYS)))
def test_a_press_is_one_event_with_its_key_and_length(code: int, key: str) -> None:
    (event,) = fed(press(code, 5000))
    assert event == Event(SSRC, code, 5000, 800, -10, ended=True)
    assert event.key == key
    assert event.seconds() == pytest.approx(0.1)


def test_flash_and_modem_tones_are_events_without_a_key() -> None:
    assert [event.key for event in fed(press(16, 1000) + press(32, 9000, at=1.0))] == [None, None]


def test_the_event_is_told_with_its_first_end_packet() -> None:
    assembler = Assembler()
    *updates, end, again, once_more = press(5, 1000)
    assert [assembler.packet(p.ssrc, p.timestamp, p.payload, p.at) for p in updates] == [[]] * len(updates)
    assert len(assembler.packet(SSRC, end.timestamp, end.payload, end.at)) == 1
    assert assembler.packet(SSRC, again.timestamp, again.payload, again.at) == []
    assert assembler.packet(SSRC, once_more.timestamp, once_more.payload, once_more.at) == []
    assert assembler.repeated == 2


def test_one_end_packet_alone_is_a_whole_press() -> None:
    assert fed(press(5, 1000)[-1:]) == [Event(SSRC, 5, 1000, 800, -10, ended=True)]


def test_a_press_whose_end_is_lost_ends_by_time() -> None:
    assembler = Assembler(lost_s=0.2)
    packets = press(5, 1000)[:-3]
    assert [e for p in packets for e in assembler.packet(p.ssrc, p.timestamp, p.payload, p.at)] == []
    assert assembler.tick(packets[-1].at + 0.19) == []
    assert assembler.tick(packets[-1].at + 0.2) == [Event(SSRC, 5, 1000, 640, -10, ended=False)]
    assert assembler.tick(packets[-1].at + 9) == []


def test_an_end_that_comes_after_the_time_ran_out_is_no_second_press() -> None:
    assembler = Assembler(lost_s=0.2)
    packets = press(5, 1000)
    for p in packets[:-3]:
        assembler.packet(p.ssrc, p.timestamp, p.payload, p.at)
    assert len(assembler.tick(5.0)) == 1
    assert fed(packets[-3:], assembler) == []


def test_the_next_press_ends_one_whose_end_is_lost() -> None:
    first, second = press(1, 1000)[:-3], press(2, 5000, at=0.5)
    assert [(e.key, e.ended) for e in fed(first + second)] == [("1", False), ("2", True)]


def test_the_same_key_twice_is_two_presses() -> None:
    assert [e.timestamp for e in fed(press(7, 1000) + press(7, 3000, at=0.25))] == [1000, 3000]


def test_late_packets_of_a_press_that_ended_change_nothing() -> None:
    first, second = press(1, 1000), press(2, 5000, at=0.5)
    assert [e.key for e in fed([*first, *second[:2], *first, *second[2:]])] == ["1", "2"]


def test_a_press_of_which_only_a_late_end_arrives_is_still_told() -> None:
    first, second = press(1, 1000), press(2, 5000, at=0.5)
    assert [e.key for e in fed([*second[:2], *first[-3:], *second[2:]])] == ["1", "2"]


def test_two_sources_do_not_disturb_each_other() -> None:
    pairs = zip(press(1, 1000, ssrc=1), press(2, 1000, ssrc=2), strict=True)
    assert {(e.ssrc, e.key) for e in fed([p for pair in pairs for p in pair])} == {(1, "1"), (2, "2")}


def test_timestamps_may_run_over() -> None:
    start = (1 << 32) - 400
    events = fed(press(3, start) + press(4, (start + 4000) % (1 << 32), at=0.5))
    assert [(e.key, e.duration, e.ended) for e in events] == [("3", 800, True), ("4", 800, True)]


@pytest.mark.parametrize("last_lost", [False, True])
def test_a_press_longer_than_sixteen_bits_is_one_event(last_lost: bool) -> None:
    """RFC 4733, 2.5.1.3: the segment goes on under a timestamp 0xFFFF later."""
    start = (1 << 32) - 30000
    first = [Packet(start, payload(9, elapsed), elapsed / 8000) for elapsed in range(STEP, 0xFFFF, STEP)]
    full = [] if last_lost else [Packet(start, payload(9, 0xFFFF), 8.19)]
    rest = [Packet(p.timestamp, p.payload, p.at + 8.2) for p in press(9, (start + 0xFFFF) % (1 << 32), duration=1600)]
    (event,) = fed([*first, *full, *rest])
    assert (event.timestamp, event.duration, event.ended) == (start, 0xFFFF + 1600, True)


def test_several_events_in_one_packet_follow_each_other() -> None:
    together = payload(1, 800, end=True) + payload(2, 400, end=True) + payload(3, 160)
    events = fed([Packet(1000, together)])
    assert [(e.key, e.timestamp, e.ended) for e in events] == [
        ("1", 1000, True),
        ("2", 1800, True),
        ("3", 2200, False),
    ]


def test_a_report_tells_event_end_volume_and_duration() -> None:
    assert parse(bytes.fromhex("0b8a03c0")) == [Report(event=11, end=True, volume_dbm0=-10, duration=960)]


@pytest.mark.parametrize("size", [0, 1, 3, 5, 7])
def test_a_payload_of_a_wrong_size_is_refused_and_counted(size: int) -> None:
    with pytest.raises(Malformed, match=f"not {size}"):
        parse(bytes(size))
    assembler = Assembler()
    assert assembler.packet(SSRC, 0, bytes(size), 0.0) == []
    assert assembler.malformed == 1


def test_sources_without_number_are_forgotten_the_most_silent_first() -> None:
    assembler = Assembler(sources=100)
    for ssrc in range(1000):
        assembler.packet(ssrc, 0, payload(1, 160), 0.0)
        assembler.packet(10_000, 0, payload(5, 160), 0.0)
    events = assembler.tick(1.0)
    assert len(events) == 100
    assert "5" in {event.key for event in events}
    assert assembler.forgotten >= 900


def hostile() -> st.SearchStrategy[list[Packet]]:
    near = st.integers(0, 12).map(lambda step: (step * 0x3FFF) % (1 << 32))
    report = st.builds(payload, st.integers(0, 20), st.integers(0, 0xFFFF), st.booleans(), st.integers(0, 63))
    body = st.one_of(report, st.lists(report, min_size=1, max_size=4).map(b"".join), st.binary(max_size=9))
    packet = st.builds(
        Packet, st.one_of(near, st.integers(0, (1 << 32) - 1)), body, st.floats(0, 100), st.integers(1, 3)
    )
    return st.lists(packet, max_size=60)


@settings(max_examples=300, deadline=None)
@given(hostile())
def test_whatever_packets_come_no_event_is_told_twice(packets: list[Packet]) -> None:
    assembler = Assembler()
    events = [e for p in packets for e in assembler.packet(p.ssrc, p.timestamp, p.payload, p.at)]
    events += assembler.tick(1000)
    assert assembler.tick(2000) == []
    assert all(0 <= e.timestamp < 1 << 32 and e.duration >= 0 for e in events)
    if len(events) <= 16:  # so many are remembered per source
        assert len({(e.ssrc, e.timestamp, e.event) for e in events}) == len(events)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_losing_doubling_and_swapping_packets_never_makes_more_presses(data: st.DataObject) -> None:
    keys = data.draw(st.lists(st.integers(0, 15), min_size=1, max_size=5))
    presses = [press(key, 1000 + 4000 * i, at=i * 0.5) for i, key in enumerate(keys)]
    sent = [p for group in presses for p in group]
    arriving: list[Packet] = []
    for p in sent:
        copies = data.draw(st.sampled_from([0, 1, 1, 1, 2]))
        for _ in range(copies):
            place = max(0, len(arriving) - data.draw(st.sampled_from([0, 0, 0, 1, 2])))
            arriving.insert(place, p)
    events = fed(arriving)
    told = sorted((e.timestamp, e.event) for e in events)
    assert len(set(told)) == len(told)
    assert set(told) <= {(1000 + 4000 * i, key) for i, key in enumerate(keys)}
    ended = {p.timestamp for p in arriving if p.payload[1] & 0x80}
    assert ended <= {e.timestamp for e in events}
