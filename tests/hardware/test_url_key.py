"""The URL Record key: who may press it, and what the phone shows."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware import url_key
from hardware.keys import Key
from hardware.url_key import Reason, UrlPress, UrlRefused

SECRET = b"sixteen bytes or more"
MAC = "001565aabbcc"
AGENT = "Yealink SIP-T46G 28.80.0.95 00:15:65:aa:bb:cc"
PROVED = f"key=record&mac={MAC}&token={url_key.token(SECRET, MAC)}"


def pressed(query: str, agent: str = AGENT) -> UrlPress | UrlRefused:
    return url_key.read("GET", f"/key?{query}", agent, SECRET)


def test_a_phone_with_its_own_url_presses_its_key() -> None:
    assert pressed(f"{PROVED}&call=abc%40pbx&user=100") == UrlPress(
        Key.RECORD, MAC, "abc@pbx", "100", "SIP-T46G", "28.80.0.95"
    )


def test_the_url_that_is_provisioned_is_the_one_that_is_understood() -> None:
    for key in Key:
        url = url_key.url("http://pbx:8080/key", "00:15:65:AA:BB:CC", key, SECRET)
        sent = url.replace("$call_id", "c1%40pbx").replace("$active_user", "100").removeprefix("http://pbx:8080")
        press = url_key.read("GET", sent, AGENT, SECRET)
        assert isinstance(press, UrlPress)
        assert (press.key, press.mac, press.call_id) == (key, MAC, "c1@pbx")


def test_variables_that_the_phone_did_not_replace_are_missing() -> None:
    press = pressed(f"{PROVED}&call=$call_id&user=$active_user")
    assert isinstance(press, UrlPress)
    assert (press.call_id, press.user) == ("", "")


def test_without_a_key_the_url_toggles_because_the_phone_knows_no_state() -> None:
    press = pressed(PROVED.replace("key=record&", ""))
    assert isinstance(press, UrlPress)
    assert press.key is Key.TOGGLE


@pytest.mark.parametrize(
    "agent",
    [
        "yealink SIP-T38G 38.70.0.125 00:15:65:aa:bb:cc",
        "Yealink SIP-T46G 28.80.0.95 001565AABBCC",
        "Yealink SIP-T46G 28.80.0.95 00-15-65-AA-BB-CC",
        "Yealink SIP-T46G 28.80.0.95",
        "",
        "curl/8",
    ],
)
def test_the_mac_is_read_however_the_phone_writes_it_or_from_the_url_alone(agent: str) -> None:
    press = pressed(PROVED, agent)
    assert isinstance(press, UrlPress)
    assert press.mac == MAC


def test_the_mac_of_the_user_agent_is_enough_with_its_token() -> None:
    assert isinstance(pressed(f"token={url_key.token(SECRET, MAC)}"), UrlPress)


@pytest.mark.parametrize(
    ("query", "agent", "reason"),
    [
        ("", "", Reason.NO_PHONE),
        ("mac=$mac", "Mozilla/5.0", Reason.NO_PHONE),
        ("mac=nonsense", "", Reason.NO_PHONE),
        (PROVED, "Yealink SIP-T46G 28.80.0.95 00:15:65:00:00:01", Reason.TWO_PHONES),
        (f"mac={MAC}", AGENT, Reason.STRANGER),
        (f"mac={MAC}&token=", AGENT, Reason.STRANGER),
        (f"mac={MAC}&token={'0' * 32}", AGENT, Reason.STRANGER),
        (f"mac={MAC}&token={url_key.token(b'x' * 16, MAC)}", AGENT, Reason.STRANGER),
        (f"mac={MAC}&token={url_key.token(SECRET, '001565000001')}", AGENT, Reason.STRANGER),
        (f"mac={MAC}&token=%C3%A9", AGENT, Reason.STRANGER),
        (PROVED.replace("record", "erase"), AGENT, Reason.NO_KEY),
        (PROVED + "&mac=001565000001", AGENT, Reason.MALFORMED),
        (PROVED + "&call=%FF", AGENT, Reason.MALFORMED),
        (PROVED + "&call=a%0D%0Ab", AGENT, Reason.MALFORMED),
        (PROVED + "&call=%00", AGENT, Reason.MALFORMED),
        ("&".join(f"f{n}=1" for n in range(30)), AGENT, Reason.MALFORMED),
        (PROVED + "&x=" + "y" * 2_000, AGENT, Reason.TOO_LONG),
        (PROVED, AGENT + " " * 300, Reason.TOO_LONG),
    ],
)
def test_whoever_is_not_the_phone_of_the_url_is_refused(query: str, agent: str, reason: Reason) -> None:
    assert pressed(query, agent) == UrlRefused(reason)


@pytest.mark.parametrize("method", ["POST", "HEAD", "PUT", "get", ""])
def test_only_get_presses(method: str) -> None:
    assert url_key.read(method, f"/key?{PROVED}", AGENT, SECRET) == UrlRefused(Reason.METHOD)


def test_without_a_secret_there_is_no_such_key() -> None:
    with pytest.raises(ValueError, match="secret"):
        url_key.read("GET", f"/key?{PROVED}", AGENT, b"")


def test_a_mac_that_is_none_is_our_own_mistake() -> None:
    with pytest.raises(ValueError, match="no MAC"):
        url_key.url("http://pbx/key", "00:15", Key.RECORD, SECRET)


@given(st.text(), st.text(), st.text())
def test_any_request_is_answered_and_no_stranger_gets_in(method: str, target: str, agent: str) -> None:
    assert isinstance(url_key.read(method, target, agent, SECRET), UrlRefused)
    assert isinstance(url_key.read("GET", "/key?" + target, agent, SECRET), UrlRefused)


@given(st.text())
def test_the_phone_shows_any_text(text: str) -> None:
    root = ET.fromstring(url_key.answer(text))  # noqa: S314 - our own text
    assert root.tag == "YealinkIPPhoneText"
    assert root.findtext("Title") == ""
    assert root.find("Text") is not None
    assert len(url_key.answer(text)) < 10_000
