"""The AMI framing and encoding, with whatever bytes a wire can bring."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.pbx.asterisk.frames import SENT_LINE_LIMIT, SENT_LINES_LIMIT, Frames, Message, encode
from controller.pbx.asterisk.link import LinkCounters

BANNER = b"Asterisk Call Manager/11.0.0\r\n"

WIRE = st.lists(
    st.one_of(
        st.binary(max_size=12),
        st.sampled_from([b"\r\n", b"\r\n\r\n", b"\r", b"\n", b": ", b":", b"Event: A", b"Channel: \xfc", b"x" * 40]),
    ),
    max_size=40,
).map(b"".join)


def read(data: bytes, *, frame_limit: int = 1000, line_limit: int = 200) -> tuple[list[Message], LinkCounters]:
    counters = LinkCounters()
    return Frames(counters, frame_limit, line_limit).feed(data), counters


def one(frame: str) -> Message:
    (message,), _ = read(BANNER + frame.encode("utf-8", "surrogateescape") + b"\r\n\r\n")
    return message


@settings(deadline=None)
@given(WIRE, st.data())
def test_the_messages_are_the_same_however_the_stream_was_cut(wire: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=12)))
    pieces = [wire[a:b] for a, b in zip([0, *cuts], [*cuts, len(wire)], strict=True)]
    limits = {"frame_limit": data.draw(st.integers(1, 60)), "line_limit": data.draw(st.integers(1, 40))}
    whole, counted = read(wire, **limits)
    counters = LinkCounters()
    frames = Frames(counters, **limits)
    pieced = [message for piece in pieces for message in frames.feed(piece)]
    assert pieced == whole
    assert counters == counted


@settings(deadline=None)
@given(WIRE, st.integers(1, 60), st.integers(1, 40))
def test_a_stream_cut_after_every_byte_gives_the_same_messages(wire: bytes, frame: int, line: int) -> None:
    counters = LinkCounters()
    frames = Frames(counters, frame, line)
    dripped = [message for byte in wire for message in frames.feed(bytes([byte]))]
    assert (dripped, counters) == read(wire, frame_limit=frame, line_limit=line)


@settings(deadline=None)
@given(st.binary(max_size=2000))
def test_any_bytes_do_no_harm_and_what_follows_is_read(noise: bytes) -> None:
    counters = LinkCounters()
    frames = Frames(counters, 500, 100)
    frames.feed(BANNER + noise)
    heard = frames.feed(b"\r\n\r\nEvent: Hangup\r\nChannel: PJSIP/a-1\r\n\r\n")
    assert heard[-1].pairs == [("Event", "Hangup"), ("Channel", "PJSIP/a-1")]


@settings(deadline=None)
@given(st.binary(max_size=2000), st.integers(1, 64))
def test_what_is_held_back_never_grows_beyond_the_frame_limit(noise: bytes, size: int) -> None:
    frames = Frames(LinkCounters(), 100, 50)
    for start in range(0, len(noise), size):
        frames.feed(noise[start : start + size])
        assert len(frames._rest) <= 103


NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,8}", fullmatch=True)
VALUES = st.binary(max_size=20).filter(lambda value: b"\r" not in value and b"\n" not in value)


@settings(deadline=None)
@given(st.lists(st.tuples(NAMES, VALUES), min_size=1, max_size=12))
def test_headers_keep_their_order_their_duplicates_and_their_odd_bytes(headers: list[tuple[str, bytes]]) -> None:
    frame = b"\r\n".join(name.encode() + b": " + value for name, value in headers)
    (message,), counters = read(BANNER + frame + b"\r\n\r\n")
    assert [(name, value.encode("utf-8", "surrogateescape")) for name, value in message.pairs] == headers
    for name, _ in headers:
        same = [value for other, value in message.pairs if other.lower() == name.lower()]
        assert message.all(name.swapcase()) == same
        assert message.get(name) == next(value for other, value in message.pairs if other == name)
        assert message.get(name.upper()) in same
        assert name.swapcase() in message
    assert message.get("Q" * 10, "none") == "none"
    assert counters.malformed == 0


def test_a_header_is_found_in_any_case_and_the_first_of_several_is_taken() -> None:
    message = one("Event: A\r\nchannel: first\r\nChannel: second\r\nChannel: third\r\nuniqueid: 1.2\r\nUNIQUEID: 1.3")
    assert message.get("CHANNEL") == "first"
    assert message.get("Channel") == "second"  # spelled exactly so
    assert message.get("Uniqueid") == "1.2"
    assert "chanNEL" in message
    assert "Channe" not in message


def test_what_follows_a_stray_blank_line_is_heard() -> None:
    heard, counters = read(BANNER + b"Event: TestEvent\r\n\r\n\r\nEvent: Hangup\r\n\r\n")  # seen from 22.10.1
    assert [m.event for m in heard] == ["TestEvent", "Hangup"]
    assert counters == LinkCounters()


@settings(deadline=None)
@given(
    st.text(max_size=12),
    st.dictionaries(
        st.one_of(NAMES, st.text(max_size=8)),
        st.one_of(st.text(max_size=30), st.lists(st.text(max_size=9), max_size=4)),
        max_size=5,
    ),
)
def test_an_action_is_refused_or_arrives_as_exactly_the_headers_that_were_given(
    action: str, headers: dict[str, str | list[str]]
) -> None:
    given_pairs = [
        (name, value)
        for name, values in headers.items()
        for value in ([values] if isinstance(values, str) else values)
    ]
    try:
        wire = encode(action, "1", headers)
    except ValueError:
        return
    assert wire.count(b"\r\n\r\n") == 1
    (message,), _ = read(BANNER + wire)
    assert message.pairs == [("Action", action), ("ActionID", "1"), *given_pairs]


@pytest.mark.parametrize("breaking", ["\r\n", "\n", "\r", "\0", "a\r\nAction: Command\r\nCommand: core stop now"])
def test_a_value_that_would_inject_a_header_is_refused_by_name(breaking: str) -> None:
    with pytest.raises(ValueError, match="AMI header CallerID: CR, LF or NUL"):
        encode("Originate", "1", {"Channel": "PJSIP/100", "CallerID": f"Eve{breaking}"})


@pytest.mark.parametrize("name", ["Var\r\niable", "Var: iable", "", " X", "Variable:", "V\0", "Jürgen"])
def test_a_name_that_would_inject_a_header_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not a header name"):
        encode("Setvar", "1", {name: "x"})


@pytest.mark.parametrize("name", ["ActionID", "action", "ACTION"])
def test_the_headers_that_the_connection_sets_cannot_be_given(name: str) -> None:
    with pytest.raises(ValueError, match="set by the connection itself"):
        encode("Ping", "1", {name: "x"})


def test_a_refused_value_is_not_told_because_it_may_be_a_secret() -> None:
    with pytest.raises(ValueError, match="Secret") as refused:
        encode("Login", "1", {"Secret": "open\nsesame"})
    assert "sesame" not in str(refused.value)


def test_a_line_or_an_action_longer_than_asterisk_reads_is_refused() -> None:
    room = SENT_LINE_LIMIT - len("Value: ")
    encode("Setvar", "1", {"Value": "v" * room})
    with pytest.raises(ValueError, match="AMI header Value: 1023 bytes"):
        encode("Setvar", "1", {"Value": "v" * (room + 1)})
    encode("Originate", "1", {"Variable": ["A=1"] * (SENT_LINES_LIMIT - 2)})
    with pytest.raises(ValueError, match="129 headers"):
        encode("Originate", "1", {"Variable": ["A=1"] * (SENT_LINES_LIMIT - 1)})


def test_a_header_is_repeated_for_each_of_its_values() -> None:
    assert encode("Originate", "7", {"Timeout": 3000, "Variable": ["A=1", "B=2"]}) == (
        b"Action: Originate\r\nActionID: 7\r\nTimeout: 3000\r\nVariable: A=1\r\nVariable: B=2\r\n\r\n"
    )


def test_letters_that_are_not_utf_8_come_back_as_the_bytes_they_were() -> None:
    (message,), _ = read(BANNER + b"Event: Newchannel\r\nCallerIDName: J\xfcrgen\r\n\r\n")
    name = message.get("CallerIDName")
    assert name.encode("utf-8", "surrogateescape") == b"J\xfcrgen"
    assert encode("Setvar", "1", {"Value": name}).endswith(b"Value: J\xfcrgen\r\n\r\n")


def test_a_lone_line_feed_belongs_to_the_value_and_starts_no_header() -> None:
    message = one("Event: UserEvent\r\nText: hello\nResponse: Success\r\nMore: \x85 \u2028")
    assert message.pairs == [
        ("Event", "UserEvent"),
        ("Text", "hello\nResponse: Success"),
        ("More", "\x85 \u2028"),
    ]


def test_a_header_that_a_caller_added_does_not_turn_an_event_into_a_response() -> None:
    message = one("Event: UserEvent\r\nResponse: Success\r\nActionID: 1")
    assert (message.event, message.response) == ("UserEvent", "")


def test_lines_that_are_no_headers_are_kept_and_counted() -> None:
    (message,), counters = read(BANNER + b"Response: Follows\r\nTight:value\r\nraw text\r\n: no name\r\n\r\n")
    assert message.pairs == [("Response", "Follows"), ("Tight", "value")]
    assert message.raw == ["raw text", ": no name"]
    assert counters.malformed == 2


def test_a_frame_that_is_too_large_is_dropped_and_its_neighbours_are_read() -> None:
    wire = BANNER + b"Event: A\r\n\r\n" + b"X: " + b"y" * 5000 + b"\r\n\r\n" + b"Event: B\r\n\r\n"
    for size in (1, 7, len(wire)):
        counters = LinkCounters()
        frames = Frames(counters, 1000, 900)
        heard = [m.event for i in range(0, len(wire), size) for m in frames.feed(wire[i : i + size])]
        assert (heard, counters.oversized) == (["A", "B"], 1)


def test_a_frame_with_a_line_that_is_too_long_is_dropped_and_counted() -> None:
    heard, counters = read(BANNER + b"Event: A\r\nX: " + b"y" * 300 + b"\r\n\r\nEvent: B\r\n\r\n")
    assert ([m.event for m in heard], counters.oversized) == (["B"], 1)


@pytest.mark.parametrize("banner", [b"Asterisk Call Manager/11.0.0\r\n", b"\r\n", b"", b"\xff" * 150 + b"\r\n"])
def test_the_greeting_is_not_mistaken_for_a_header_nor_a_header_for_the_greeting(banner: bytes) -> None:
    heard, counters = read(banner + b"Response: Success\r\nActionID: 1\r\n\r\n")
    assert [m.pairs for m in heard] == [[("Response", "Success"), ("ActionID", "1")]]
    assert counters == LinkCounters()


def test_a_message_shows_no_values_in_its_repr() -> None:
    assert repr(one("Response: Success\r\nValue: 0205550123")) == "<Message 'Success', 2 headers>"
