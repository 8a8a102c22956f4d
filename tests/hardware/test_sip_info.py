"""What SIP messages say about keys: real ones from Asterisk, the forms that phones choose, and nonsense."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware import sip_info, sip_message
from hardware.sip_info import (
    DtmfInfo,
    Heard,
    Odd,
    Other,
    RecordPress,
    Refer,
    Reply,
    TransferNotice,
    UnclearPress,
)
from tests.hardware.packets import capture, info, reply, sip

RELAY = "Content-Type: application/dtmf-relay"


def all_of(name: str) -> list[Heard]:
    return [sip_info.read(one.payload) for one in capture(name)]


def pressed(*headers: str, body: bytes = b"") -> Heard:
    return sip_info.read(info(*headers, body=body))


def digit(body: bytes, kind: str = "application/dtmf-relay") -> tuple[str, int] | str:
    heard = sip_info.read(info(f"Content-Type: {kind}", body=body))
    assert isinstance(heard, DtmfInfo | Odd)
    return (heard.digit, heard.milliseconds) if isinstance(heard, DtmfInfo) else heard.why


@pytest.mark.parametrize(
    "name", ["record_on_off", "record_refused", "record_odd", "digits", "transfer_to_code", "transfer_to_phone"]
)
def test_no_message_of_a_real_asterisk_is_odd(name: str) -> None:
    assert [heard for heard in all_of(name) if isinstance(heard, Odd)] == []


def test_on_and_off_are_read_from_a_real_call() -> None:
    presses = [heard for heard in all_of("record_on_off") if isinstance(heard, RecordPress)]
    assert [(press.on, press.head.number, press.head.user) for press in presses] == [
        (True, 3, "100"),
        (False, 5, "100"),
        (True, 7, "100"),
    ]


def test_a_real_refusal_names_the_press_that_it_answers() -> None:
    press = next(heard for heard in all_of("record_refused") if isinstance(heard, RecordPress))
    answers = [heard for heard in all_of("record_refused") if isinstance(heard, Reply) and heard.head == press.head]
    assert [answer.status for answer in answers] == [403]


def test_real_digits_have_their_key_and_length() -> None:
    found = [(heard.digit, heard.milliseconds) for heard in all_of("digits") if isinstance(heard, DtmfInfo)]
    assert found == [("5", 160), ("#", 250), ("*", 100), ("7", 100)]


def test_a_real_transfer_to_a_code_that_does_not_exist_ends_in_404() -> None:
    heard = all_of("transfer_to_code")
    assert [refer.target for refer in heard if isinstance(refer, Refer)] == ["*44", "*44"]
    notices = [(one.status, one.over, one.refer) for one in heard if isinstance(one, TransferNotice)]
    assert notices == [(100, False, 0), (404, True, 0)] * 2


@pytest.mark.parametrize("header", ["Record: on", "record:on", "RECORD:  On \t", "Record:\r\n on", "Record : ON"])
def test_record_on_is_read_however_a_phone_writes_it(header: str) -> None:
    heard = pressed(header)
    assert isinstance(heard, RecordPress)
    assert heard.on


@pytest.mark.parametrize(
    "value", ["pause", "resume", "toggle", "", "1", "on off", "on,off", "yes", "\u043en", "on\x00"]
)
def test_whatever_is_neither_on_nor_off_is_no_command(value: str) -> None:
    assert isinstance(pressed(f"Record: {value}"), UnclearPress | Odd)


def test_two_record_headers_that_disagree_are_no_command() -> None:
    assert isinstance(pressed("Record: on", "Record: off"), UnclearPress)
    assert isinstance(pressed("Record: on", "Record: on"), RecordPress)


def test_a_record_header_outside_of_an_info_is_ignored() -> None:
    assert isinstance(sip_info.read(sip("OPTIONS sip:pbx SIP/2.0", "Record: on")), Other)


def test_a_digit_beside_the_record_header_is_reported_because_some_pbxs_take_it_instead() -> None:
    heard = pressed("Record: on", RELAY, body=b"Signal=5\r\nDuration=160\r\n")
    assert isinstance(heard, RecordPress)
    assert (heard.on, heard.digit) == (True, "5")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"Signal=5\r\nDuration=160\r\n", ("5", 160)),
        (b"Signal= 5\r\nDuration= 160\r\n", ("5", 160)),
        (b"signal=*\nduration=80", ("*", 80)),
        (b"Signal=10\r\nDuration=100\r\n", ("*", 100)),
        (b"Signal=11\r\nDuration=100\r\n", ("#", 100)),
        (b"Signal=12\r\n", ("A", 100)),
        (b"Signal=15\r\n", ("D", 100)),
        (b"Signal=16\r\n", ("!", 100)),
        (b"Signal=!\r\n", ("!", 100)),
        (b"Signal=a\r\n", ("A", 100)),
        (b"Duration=250\r\nSignal=1\r\n", ("1", 250)),
        (b"Signal=1\r\nDuration=0\r\n", ("1", 100)),
        (b"Signal=1\r\nDuration=-5\r\n", ("1", 100)),
        (b"Signal=1\r\nDuration=999999999\r\n", ("1", 8000)),
    ],
)
def test_dtmf_relay_is_read_in_its_variants(body: bytes, expected: tuple[str, int]) -> None:
    assert digit(body) == expected


@pytest.mark.parametrize(
    "body", [b"", b"Signal=", b"Signal=17", b"Signal=E", b"Signal=55", b"Signal=005", b"5", b"Signal=\xd9\xa3"]
)
def test_a_body_without_a_digit_is_odd(body: bytes) -> None:
    assert digit(body) == "no digit in a body of type application/dtmf-relay"


@pytest.mark.parametrize("body", [b"7", b"7\r\n", b" 7 ", b"Signal=7\r\nDuration=100\r\n"])
def test_the_plain_type_holds_the_bare_digit_or_the_lines_of_the_other(body: bytes) -> None:
    assert digit(body, "application/dtmf") == ("7", 100)


def test_the_nortel_type_has_its_digit_behind_d() -> None:
    body = b"p=Digit-Collection\r\ny=Digits\r\ns=success\r\nd=9\r\n"
    assert digit(body, "application/vnd.nortelnetworks.digits") == ("9", 100)


def test_compact_names_and_folded_lines_are_the_same_headers() -> None:
    message = (
        b'INFO sip:pbx SIP/2.0\r\nv: SIP/2.0/UDP 10.0.0.7\r\nf: "A; tag=no" <sip:100@pbx;tag=no>\r\n ;tag=yes\r\n'
        b"t: <sip:200@pbx>;tag=b\r\ni: c1\r\nCSeq: 3\r\n INFO\r\nRecord: off\r\nl: 0\r\n\r\n"
    )
    heard = sip_info.read(message)
    assert isinstance(heard, RecordPress)
    assert (heard.on, heard.head.call_id, heard.head.from_tag, heard.head.number) == (False, "c1", "yes", 3)


@pytest.mark.parametrize(
    ("uri", "target"),
    [
        ("<sip:*44@pbx>", "*44"),
        ("<sip:%2A44@pbx:5060;user=phone>", "*44"),
        ('"Record" <sip:,*44@pbx>', ",*44"),
        ("sip:*44@pbx;method=INVITE", "*44"),
        ("<tel:*44;phone-context=pbx>", "*44"),
        ("<sips:*44;phone-context=x@pbx>", "*44"),
        ('"<sip:*44@pbx>" <sip:101@pbx>', "101"),
        ("<http://*44@pbx>", ""),
        ("<sip:pbx>", ""),
        ("", ""),
    ],
)
def test_a_transfers_target_is_what_was_dialled(uri: str, target: str) -> None:
    heard = sip_info.read(sip("REFER sip:pbx SIP/2.0", f"Refer-To: {uri}"))
    assert isinstance(heard, Refer)
    assert heard.target == target


def test_a_transfer_with_replaces_is_attended() -> None:
    heard = sip_info.read(sip("REFER sip:pbx SIP/2.0", "r: <sip:101@pbx?Replaces=a%3Bto-tag%3Db>"))
    assert isinstance(heard, Refer)
    assert heard.attended


def test_a_notice_may_name_its_refer() -> None:
    notice = sip(
        "NOTIFY sip:pbx SIP/2.0",
        "o: refer;id=7",
        "Subscription-State: terminated;reason=noresource",
        "c: message/sipfrag;version=2.0",
        body=b"SIP/2.0 404 Not Found\r\n",
    )
    heard = sip_info.read(notice)
    assert isinstance(heard, TransferNotice)
    assert (heard.status, heard.over, heard.refer) == (404, True, 7)


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (b"", "no end of the headers"),
        (b"\r\n\r\n", "no end of the headers"),
        (b"GET / HTTP/1.1\r\n\r\n", "no SIP start line"),
        (b"SIP/2.0 abc\r\n\r\n", "no status in a response"),
        (info("Record: on", "Content-Length: 5"), "shorter than its Content-Length"),
        (info("Record: on", "Content-Length: -1"), "no length in Content-Length"),
        (info("Record: on", "Content-Length: 0", "Content-Length: 9"), "no length in Content-Length"),
        (info("X: a\rRecord: on"), "a bare CR or a NUL in the headers"),
        (info("Call-ID: second"), "several call-id headers"),
        (info("Nonsense"), "a header without a colon"),
        (info(f"X: {'y' * 9000}"), "a header is too long"),
        (info(*["X: y"] * 200), "too many headers"),
        (info("CSeq: 99999999999 INFO"), "no number and method in CSeq"),
        (info("CSeq: 3 BYE"), "the request's method is not that of its CSeq"),
        (info("Record: on", body=b"x" * 65_536), "longer than a datagram"),
        (sip("REFER sip:pbx SIP/2.0"), "no Refer-To headers"),
    ],
)
def test_a_broken_message_is_odd_and_says_why(message: bytes, why: str) -> None:
    assert sip_info.read(message) == Odd(why)


def test_what_is_odd_quotes_nothing_of_the_message() -> None:
    heard = sip_info.read(info("Secret 4111111111111111"))
    assert isinstance(heard, Odd)
    assert "4111" not in heard.why


def test_credentials_do_not_show_in_a_message() -> None:
    assert "hunter2" not in repr(sip_message.read(info("Authorization: hunter2", body=b"hunter2")))


def test_call_ids_that_differ_in_one_odd_byte_stay_different() -> None:
    one, other = (
        sip_info.read(reply(200).replace(b"c1@", b"\xff@").replace(b"@", byte)) for byte in (b"\xfe", b"\xfd")
    )
    assert isinstance(one, Reply)
    assert isinstance(other, Reply)
    assert one.head.call_id != other.head.call_id


@given(st.binary(max_size=600))
def test_any_bytes_are_survived(data: bytes) -> None:
    sip_info.read(data)


PIECES = st.sampled_from(
    [
        b"\r\n",
        b"\n",
        b" ",
        b":",
        b";tag=",
        b"<",
        b">",
        b'"',
        b"\\",
        b"Record: on\r\n",
        b"Content-Length: 9\r\n",
        b"\0",
    ]
)


@given(st.lists(st.one_of(PIECES, st.binary(max_size=8)), max_size=12), st.integers(0, 400))
def test_a_sound_message_with_something_put_in_is_survived(pieces: list[bytes], place: int) -> None:
    sound = info("Record: on", RELAY, body=b"Signal=5\r\nDuration=160\r\n")
    heard = sip_info.read(sound[:place] + b"".join(pieces) + sound[place:])
    assert not isinstance(heard, Refer | TransferNotice)


@pytest.mark.parametrize("hostile", [b'"', b"<", b'\\"', b";tag", b" ", b"%2", b'<"', b"signal=", b"d \t"])
def test_a_message_made_to_be_slow_is_read_fast(hostile: bytes) -> None:
    many = hostile * (8_000 // len(hostile))
    message = sip("REFER sip:pbx SIP/2.0", "Refer-To: " + many.decode()).replace(b"<sip:100", many + b"<sip:100")
    body = info(RELAY, body=many * 8)
    began = time.process_time()
    sip_info.read(message)
    sip_info.read(body)
    assert time.process_time() - began < 0.1
