"""Whole messages from pieces of connections, however they were cut, and from bytes that never were messages."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st

from hardware.hep import Hep
from hardware.keys import Key
from hardware.presses import Press, Presses
from hardware.sip_message import LARGEST
from hardware.sip_stream import MOST_CONNECTIONS, Whole
from tests.hardware.packets import heard, info, reply, sip

STORY = [
    info("Record: on", number=3),
    sip("MESSAGE sip:pbx SIP/2.0", body=b"INFO sip:pbx SIP/2.0\r\nRecord: on\r\n\r\n", number=4),
    reply(200, number=3),
    info("Record: off", number=5),
]


def piece(payload: bytes, port: int = 5060, transport: int = 6) -> Hep:
    return replace(heard(payload), transport=transport, source_port=port)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted({place % len(data) for place in places} - {0}), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


@settings(max_examples=500)
@example(places=[378], pauses=[])  # within that body, so that its rest looks like a request of an unknown method
@given(
    st.lists(st.integers(0, 10_000), max_size=12), st.lists(st.sampled_from([b"", b"\r\n\r\n", b"\r\n"]), max_size=9)
)
def test_however_a_connection_was_cut_its_messages_come_out_whole(places: list[int], pauses: list[bytes]) -> None:
    whole = Whole()
    pieces = cut(b"".join(STORY), places)
    if any(each.startswith(b"INFO sip:pbx SIP/2.0\r\nRecord: on") for each in pieces):
        return  # cut right in front of a body that looks like a request: nobody could tell
    found = [message for each in pieces for message in whole.messages(piece(each))]
    assert found == STORY
    quiet = [message for each in (*pauses, STORY[0], *pauses) for message in whole.messages(piece(each))]
    assert quiet == STORY[:1]  # what keeps a connection alive is no message, and spoils none
    assert not whole.counts


def test_a_message_that_never_ends_spoils_none_that_follows() -> None:
    whole = Whole()
    assert whole.messages(piece(STORY[0][:40])) == []
    assert whole.messages(piece(STORY[3])) == [STORY[3]]
    assert whole.counts == {"a message without its end": 1}


def test_what_has_no_beginning_is_thrown_away_and_counted() -> None:
    whole = Whole()
    assert whole.messages(piece(STORY[0][40:])) == []
    assert whole.messages(piece(STORY[3])) == [STORY[3]]
    assert whole.counts == {"a message without its beginning": 1}


def test_pieces_of_two_connections_are_not_mixed() -> None:
    whole = Whole()
    assert whole.messages(piece(STORY[0][:40], 1)) == []
    assert whole.messages(piece(STORY[3], 2)) == [STORY[3]]
    assert whole.messages(piece(STORY[0][40:], 1)) == [STORY[0]]


def test_a_datagram_is_one_message_whatever_is_behind_it() -> None:
    assert Whole().messages(piece(STORY[0] + STORY[3], transport=17)) == [STORY[0] + STORY[3]]


def test_beginnings_on_any_number_of_connections_fill_no_memory() -> None:
    whole = Whole()
    for port in range(MOST_CONNECTIONS + 5):
        assert whole.messages(piece(STORY[0][:60], port)) == []
    assert len(whole._held) == MOST_CONNECTIONS
    assert whole.counts == {"a message without its end": 5}


def test_a_message_longer_than_any_is_given_up() -> None:
    whole = Whole()
    head = b"INFO sip:pbx SIP/2.0\r\nX: "
    for data in (head, *[b"x" * 30_000] * 3):
        assert whole.messages(piece(data)) == []
    assert whole.counts["a message that is too long"] == 1
    assert not whole._held
    assert whole.messages(piece(b"INFO sip:pbx SIP/2.0\r\nContent-Length: 99999\r\n\r\n")) == []
    assert whole.counts["a message that is too long"] == 2


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_any_bytes_are_survived_and_what_is_held_has_a_limit(payloads: list[bytes]) -> None:
    whole = Whole()
    for payload in payloads:
        for message in whole.messages(piece(payload)):
            assert message
    assert all(len(held) <= LARGEST for held in whole._held.values())


def test_a_press_in_pieces_beside_another_in_the_same_read_is_two_presses() -> None:
    presses = Presses()
    first, second = info("Record: on", number=3), info("Record: off", number=4)
    heard = [
        piece(first + second[:50]),
        piece(reply(200, number=3), port=1),
        piece(second[50:]),
        piece(reply(403, number=4), port=1),
    ]
    seen = [each for one in heard for each in presses.hear(one, 1.0)]
    assert [(one.key, one.status) for one in seen if isinstance(one, Press)] == [(Key.RECORD, 200), (Key.STOP, 403)]
