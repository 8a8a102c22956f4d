"""From packets to presses: what was pressed, on which channel, and what the phone was told."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware import hep
from hardware.hep import Hep
from hardware.keys import Key
from hardware.presses import (
    MOST_PENDING,
    PATIENCE_S,
    TRANSFER_PATIENCE_S,
    How,
    Press,
    Presses,
    Seen,
    Strayed,
    Unclear,
)
from tests.hardware.packets import capture, heard, info, packet, reply, sip

CODES = {"*44": Key.TOGGLE}


def hear(presses: Presses, packets: Iterable[Hep | bytes], at: float = 100.0) -> list[Seen]:
    ready = [heard(one) if isinstance(one, bytes) else one for one in packets]
    return [seen for one in ready for seen in presses.hear(one, at)]


def told(name: str) -> list[tuple[Key, int]]:
    """Key and status of every press in a capture."""
    seen = hear(Presses(CODES), capture(name))
    return [(press.key, press.status) for press in seen if isinstance(press, Press)]


def refer(target: str = "*44", number: int = 3) -> bytes:
    return sip("REFER sip:pbx SIP/2.0", f"Refer-To: <sip:{target}@pbx>", number=number)


def notice(status: int, tags: tuple[str, str] = ("b", "a"), named: str = "") -> bytes:
    return sip(
        "NOTIFY sip:100@10.0.0.7 SIP/2.0",
        f"Event: refer{named}",
        f"Subscription-State: {'active' if status < 200 else 'terminated'}",
        "Content-Type: message/sipfrag;version=2.0",
        body=f"SIP/2.0 {status} Whatever\r\n".encode(),
        tags=tags,
    )


def test_a_real_press_is_reported_with_its_channel_and_its_answer() -> None:
    seen = hear(Presses(), capture("record_on_off"))
    assert [(one.key, one.status, one.how) for one in seen if isinstance(one, Press)] == [
        (Key.RECORD, 200, How.INFO),
        (Key.STOP, 200, How.INFO),
        (Key.RECORD, 200, How.INFO),
    ]
    assert isinstance(seen[0], Press)
    assert seen[0].channel.startswith("PJSIP/100-")
    assert (seen[0].user, seen[0].accepted) == ("100", True)


def test_a_real_refused_press_is_known_to_be_refused() -> None:
    seen = hear(Presses(), capture("record_refused"))
    assert [(one.key, one.status, one.accepted) for one in seen if isinstance(one, Press)] == [
        (Key.RECORD, 403, False)
    ]


def test_a_real_pbx_answered_200_to_values_that_are_no_command() -> None:
    seen = hear(Presses(), capture("record_odd"))
    assert [(one.value, one.status) for one in seen if isinstance(one, Unclear)] == [("pause", 200), ("toggle", 200)]


def test_a_real_press_that_nobody_answers_is_reported_when_its_time_is_over() -> None:
    presses = Presses()
    assert hear(presses, capture("nobody_answers")) == []
    assert presses.counts["a request heard again"] == 2  # the phone's own repetitions
    assert presses.tick(100.0 + PATIENCE_S - 0.1) == []
    (press,) = presses.tick(100.0 + PATIENCE_S)
    assert isinstance(press, Press)
    assert (press.key, press.status, press.accepted, press.at) == (Key.RECORD, 0, False, 100.0)
    assert presses.tick(1e6) == []


def test_a_real_transfer_to_a_code_that_fails_is_a_press() -> None:
    seen = hear(Presses(CODES), capture("transfer_to_code"))
    assert [(one.key, one.status, one.how) for one in seen if isinstance(one, Press)] == [
        (Key.TOGGLE, 404, How.TRANSFER),
        (Key.TOGGLE, 404, How.TRANSFER),
    ]
    assert isinstance(seen[0], Press)
    assert seen[0].channel.startswith("PJSIP/100-")


def test_a_real_transfer_to_a_person_is_no_press() -> None:
    assert told("transfer_to_phone") == []
    assert told("digits") == []


def test_a_transfer_to_a_code_that_somebody_answers_has_strayed() -> None:
    seen = hear(Presses({"101": Key.TOGGLE}), capture("transfer_to_phone"))
    assert [(one.target, one.channel[:10]) for one in seen if isinstance(one, Strayed)] == [("101", "PJSIP/100-")]
    assert len(seen) == 1


def test_a_press_is_reported_once_however_often_it_and_its_answer_are_heard() -> None:
    press, answer = info("Record: on"), reply(200)
    assert len(hear(Presses(), [press, press, answer, press, answer, answer])) == 1


def test_provisional_answers_are_waited_out() -> None:
    presses = Presses()
    assert hear(presses, [info("Record: on"), reply(100)]) == []
    assert len(hear(presses, [reply(200)])) == 1


@pytest.mark.parametrize("challenge", [401, 407])
def test_a_press_that_is_asked_for_a_password_counts_when_it_comes_with_it(challenge: int) -> None:
    again = [info("Record: on"), reply(challenge), info("Record: on", number=4), reply(200, number=4)]
    (press,) = hear(Presses(), again)
    assert isinstance(press, Press)
    assert press.status == 200


def test_an_answer_without_a_press_says_nothing() -> None:
    assert hear(Presses(), [reply(200), reply(403), notice(404)]) == []


def test_the_infos_of_both_sides_are_told_apart_by_their_tags() -> None:
    theirs = sip("INFO sip:100@10.0.0.7 SIP/2.0", "Record: off", number=3, tags=("b", "a"))
    answer = sip("SIP/2.0 200 OK", "CSeq: 3 INFO", tags=("b", "a"))
    seen = hear(Presses(), [info("Record: on"), theirs, answer, reply(403)])
    assert [(one.key, one.status) for one in seen if isinstance(one, Press)] == [(Key.STOP, 200), (Key.RECORD, 403)]


def test_a_proxy_that_refuses_the_transfer_itself_makes_a_press_too() -> None:
    seen = hear(Presses(CODES), [refer(), reply(404, "REFER")])
    assert [(one.key, one.status) for one in seen if isinstance(one, Press)] == [(Key.TOGGLE, 404)]


def test_a_pause_before_the_code_is_part_of_dialling_and_not_of_the_code() -> None:
    seen = hear(Presses(CODES), [refer(",*44"), reply(404, "REFER")])
    assert [one.key for one in seen if isinstance(one, Press)] == [Key.TOGGLE]


def test_a_transfer_elsewhere_or_an_attended_one_is_no_press() -> None:
    attended = sip("REFER sip:pbx SIP/2.0", "Refer-To: <sip:*44@pbx?Replaces=x>")
    assert hear(Presses(CODES), [refer("*45"), reply(404, "REFER")]) == []
    assert hear(Presses(CODES), [attended, reply(404, "REFER")]) == []


def test_a_notice_that_names_its_transfer_ends_that_one() -> None:
    presses = Presses({"*44": Key.RECORD, "*45": Key.STOP})
    packets = [refer("*44", 3), reply(202, "REFER", 3), refer("*45", 4), reply(202, "REFER", 4)]
    assert hear(presses, packets) == []
    seen = hear(presses, [notice(404, named=";id=3"), notice(404, named=";id=4")])
    assert [one.key for one in seen if isinstance(one, Press)] == [Key.RECORD, Key.STOP]


def test_a_notice_to_somebody_else_ends_nothing() -> None:
    assert hear(Presses(CODES), [refer(), reply(202, "REFER"), notice(404, tags=("b", "other"))]) == []


def test_a_transfer_to_a_code_without_an_end_is_counted_and_no_press() -> None:
    presses = Presses(CODES)
    assert hear(presses, [refer(), reply(202, "REFER"), notice(100)]) == []
    assert presses.tick(100.0 + TRANSFER_PATIENCE_S) == []
    assert presses.counts["a transfer to a code without an end"] == 1


def test_a_packet_that_knows_no_channel_carries_the_call_id_instead() -> None:
    presses = Presses()
    assert presses.hear(heard(info("Record: on"), channel=b"c1@10.0.0.7"), 100.0) == []
    (press,) = hear(presses, [reply(200)])
    assert isinstance(press, Press)
    assert (press.channel, press.call_id) == ("", "c1@10.0.0.7")


def test_a_flood_of_presses_fills_no_memory_and_the_newest_are_kept() -> None:
    presses = Presses()
    hear(presses, (info("Record: on", number=number) for number in range(MOST_PENDING + 500)))
    assert len(presses._asked) == MOST_PENDING
    assert presses.counts["forgotten: too many open requests"] == 500
    assert len(hear(presses, [reply(200, number=MOST_PENDING + 499)])) == 1
    assert hear(presses, [reply(200, number=0)]) == []


def test_what_is_not_sip_is_ignored_and_what_is_odd_is_counted() -> None:
    presses = Presses()
    other = hep.read(packet(info("Record: on")).replace(b"\x00\x0b\x00\x07\x01", b"\x00\x0b\x00\x07\x05"))
    assert isinstance(other, Hep)
    assert hear(presses, [other, reply(200)]) == []
    assert hear(presses, [b"nonsense"]) == []
    assert presses.counts == {"no end of the headers": 1}


@given(st.lists(st.integers(0, 11), max_size=40))
def test_however_packets_are_lost_repeated_and_shuffled_no_press_is_reported_twice_or_wrongly(
    order: list[int],
) -> None:
    """Of six presses the odd ones are `on` and answered 403, the even ones `off` and answered 200."""
    packets: list[bytes] = []
    for number in range(6):
        value, status = ("on", 403) if number % 2 else ("off", 200)
        packets += [info(f"Record: {value}", number=number), reply(status, number=number)]
    presses = Presses(CODES)
    seen = hear(presses, [packets[place] for place in order]) + presses.tick(1e6)
    pressed = [one for one in seen if isinstance(one, Press)]
    assert len(pressed) == len({place for place in order if place % 2 == 0})
    for press in pressed:
        assert press.status in ((0, 403) if press.key is Key.RECORD else (0, 200))


def test_kamailio_copies_each_message_twice_and_each_press_counts_once() -> None:
    presses = Presses({"*44": Key.RECORD, "*45": Key.STOP})
    seen = [one for one in hear(presses, capture("kamailio")) if isinstance(one, Press)]
    assert [(one.how, one.key, one.status) for one in seen] == [
        (How.INFO, Key.RECORD, 200),
        (How.INFO, Key.STOP, 200),
        (How.TRANSFER, Key.RECORD, 404),  # of the PBX's notice
        (How.TRANSFER, Key.STOP, 404),  # of the proxy, at once
    ]
    assert presses.counts == {"a request heard again": 3}
    assert {(one.channel, one.user) for one in seen} == {("", "100")}
    assert {one.source[0].rpartition(".")[2] for one in seen} == {"100"}  # of the phone; the proxy's is .2


def test_freeswitch_names_neither_channel_nor_password_and_its_notices_name_their_refer() -> None:
    packets = capture("freeswitch")
    assert {(one.correlation, one.key) for one in packets} == {("", b"")}
    seen = hear(Presses({"*44": Key.RECORD}), packets)
    assert [(one.how, one.key, one.status) for one in seen if isinstance(one, Press)] == [
        (How.INFO, Key.RECORD, 200),
        (How.INFO, Key.STOP, 200),
        (How.TRANSFER, Key.RECORD, 403),
    ]
    assert any(b"refer;id=" in one.payload for one in packets)


def test_freeswitch_copies_connections_in_pieces_and_no_press_is_lost() -> None:
    presses = Presses()
    seen = hear(presses, capture("freeswitch_tcp"))
    assert [one.key for one in seen if isinstance(one, Press)] == [Key.RECORD, Key.STOP, Key.RECORD]
    assert not presses.counts
