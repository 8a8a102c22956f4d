"""ARI's messages without I/O: decoding whatever comes, quoting whatever goes."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl, unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.pbx.asterisk.rest import Answer, AriAccess, Event, Odd, decode, refusal, request, target

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from(["type", "request_id", "status_code", "message_body", "reason_phrase", "timestamp"])
LIKELY = st.sampled_from(["RESTResponse", "ChannelCreated", "{}", "[", 200, True]) | JSON


@settings(deadline=None)
@given(st.text())
def test_any_text_is_decoded_to_something(text: str) -> None:
    assert isinstance(decode(text), Event | Answer | Odd)


@settings(deadline=None)
@given(st.dictionaries(FIELDS, LIKELY, max_size=6))
def test_any_object_is_an_event_an_answer_or_odd_and_keeps_its_parts(body: dict[str, object]) -> None:
    heard = decode(json.dumps(body))
    match heard:
        case Event():
            assert heard.type == body["type"] != "RESTResponse"
        case Answer():
            assert (heard.request_id, heard.status) == (body["request_id"], body["status_code"])
        case Odd():
            assert heard.why


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{",
        '"RESTResponse"',
        '{"type": null}',
        '{"type": ["ChannelCreated"]}',
        "[" * 200_000,
        '{"type":' + "[" * 100_000,
        '{"type": "A", "x": NaN}',
        '{"type": "A", "x": -Infinity}',
        '{"type": "A", "x": ' + "9" * 10_000 + "}",
        '{"type": "RESTResponse"}',
        '{"type": "RESTResponse", "request_id": "1"}',
        '{"type": "RESTResponse", "request_id": 1, "status_code": 200}',
        '{"type": "RESTResponse", "request_id": "1", "status_code": "200"}',
        '{"type": "RESTResponse", "request_id": "1", "status_code": true}',
    ],
)
def test_what_is_no_message_is_odd_and_not_fatal(text: str) -> None:
    assert isinstance(decode(text), Odd)


@pytest.mark.parametrize(
    ("body", "decoded"),
    [
        ('{"value": "x,y z+q\u00fc"}', {"value": "x,y z+q\u00fc"}),
        ("[]", []),
        ("", None),
        (None, None),
        ("half {", "half {"),
        ("[" * 100_000, "[" * 100_000),
        ({"already": "decoded"}, {"already": "decoded"}),
    ],
)
def test_an_answer_with_an_odd_body_is_still_an_answer(body: object, decoded: object) -> None:
    text = json.dumps({"type": "RESTResponse", "request_id": "7", "status_code": 200, "message_body": body})
    assert decode(text) == Answer("7", 200, "", decoded)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"message": "Channel not found"}, "Channel not found"),
        ({"error": "Internal"}, "Internal"),
        ({"message": ""}, "Not Found"),
        ("plain", "Not Found"),
        (None, "Not Found"),
    ],
)
def test_a_refusal_is_told_in_asterisks_words(body: object, text: str) -> None:
    assert refusal(Answer("1", 404, "Not Found", body)) == text


@settings(deadline=None)
@given(st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=4), st.dictionaries(st.text(), st.text()))
def test_a_path_keeps_its_segments_and_a_query_its_values_whatever_their_letters(
    segments: list[str], query: dict[str, str]
) -> None:
    try:
        uri = target(tuple(segments), query)
    except ValueError:
        odd = [text for text in (*segments, *query, *query.values()) if "\0" in text or not _is_utf8(text)]
        assert odd or {".", ".."} & set(segments)
        return
    path, _, tail = uri.partition("?")
    assert [unquote(part) for part in path.split("/")] == segments
    assert dict(parse_qsl(tail, keep_blank_values=True)) == query
    assert uri.isascii()
    assert not any(letter in uri for letter in " #\r\n\0")


def _is_utf8(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


@pytest.mark.parametrize("segment", ["", ".", "..", "a\0b"])
def test_a_segment_that_would_mean_another_resource_is_refused(segment: str) -> None:
    with pytest.raises(ValueError, match="ARI request"):
        target(("channels", segment))


@pytest.mark.parametrize(
    ("segment", "quoted"),
    [
        ("../asterisk/info", "..%2Fasterisk%2Finfo"),
        ("a?b=c#d&e", "a%3Fb%3Dc%23d%26e"),
        ("a%2Fb", "a%252Fb"),
        ("PJSIP/100-1", "PJSIP%2F100-1"),
        ("a\r\nHost: x", "a%0D%0AHost%3A%20x"),
        ("J\udcfcrgen", "J%FCrgen"),
    ],
)
def test_a_channel_id_cannot_leave_its_place_in_the_path(segment: str, quoted: str) -> None:
    assert target(("channels", segment)) == f"channels/{quoted}"
    access = AriAccess("http://127.0.0.1:8088", "onrecord", "x", "app")
    assert str(access.at(target(("channels", segment)))) == f"http://127.0.0.1:8088/ari/channels/{quoted}"


def test_a_truth_value_in_a_query_is_written_as_asterisk_reads_it() -> None:
    assert target(("events",), {"app": "onrecord", "subscribeAll": True}) == "events?app=onrecord&subscribeAll=true"


def test_a_request_carries_its_body_as_a_text_of_json() -> None:
    sent = json.loads(request("1", "POST", "channels/a/play", {"media": "tone:1400/300,0/1700"}))
    assert json.loads(sent["message_body"]) == {"media": "tone:1400/300,0/1700"}
    assert "message_body" not in json.loads(request("1", "GET", "channels"))


@pytest.mark.parametrize(
    "url", ["http://pbx:8088", "http://pbx:8088/", "http://pbx:8088/ari", "http://pbx:8088/ari/"]
)
def test_the_address_may_be_given_with_or_without_its_ari(url: str) -> None:
    assert str(AriAccess(url, "onrecord", "x", "app").at("events")) == "http://pbx:8088/ari/events"


def test_the_password_is_in_no_repr_and_no_url() -> None:
    access = AriAccess("https://pbx.example:8089/", "onrecord", "open-sesame", "app")
    assert "sesame" not in f"{access!r} {access.at('channels')}"
    with pytest.raises(ValueError, match="use username and password"):
        AriAccess("https://onrecord:open-sesame@pbx.example:8089", "onrecord", "open-sesame", "app")
