"""The URL Record key of Yealink phones (type 35): what its HTTP request says, and the text that the phone shows.

The phone knows nothing of tokens, so its URL carries one: who may press is who was provisioned with a URL of ours.
Pure: the request's parts in, one frozen record out. The answer is always 200; only its text tells how it went, and
there is no way to tell the phone the state by code (hardware.md A.1).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from enum import Enum
from urllib.parse import parse_qsl, urlencode

from hardware.keys import Key
from hardware.push import DECLARATION, escaped

LONGEST_TARGET = 2_000
LONGEST_AGENT = 300
MOST_FIELDS = 20
LONGEST_TEXT = 2_000
ANSWER_TYPE = "text/xml; charset=utf-8"
SECRET_BYTES = 16
"""The least that a secret must have."""
MAC = re.compile(r"(?:[0-9A-Fa-f]{2}[:-]?){5}[0-9A-Fa-f]{2}")
# `Yealink SIP-T46G 28.80.0.95 00:15:65:aa:bb:cc`; old T3x phones write the brand in lower case.
AGENT = re.compile(r"yealink\s+(?P<model>\S+)\s+(?P<firmware>\S+)(?:\s+(?P<mac>\S+))?\s*", re.IGNORECASE)


class Reason(Enum):
    """Why a request was refused: what the endpoint counts by. The words are for the screen of the phone."""

    METHOD = "only GET is understood"
    TOO_LONG = "the request is too long"
    MALFORMED = "the request cannot be read"
    NO_PHONE = "the phone does not say who it is"
    TWO_PHONES = "the phone and its URL name different phones"
    STRANGER = "this phone is not allowed here"
    NO_KEY = "there is no such key"


@dataclass(frozen=True, slots=True)
class UrlRefused:
    reason: Reason


@dataclass(frozen=True, slots=True)
class UrlPress:
    """A press. Only `mac` is proved, by its token; the rest is what the phone says of itself."""

    key: Key
    mac: str  # twelve hexadecimal digits in lower case
    call_id: str  # the SIP Call-ID, where the URL asks for `$call_id`; "" otherwise
    user: str  # the account, where the URL asks for `$active_user`; "" otherwise
    model: str
    firmware: str


def read(method: str, target: str, user_agent: str, secret: bytes) -> UrlPress | UrlRefused:
    """What this request asks for. `target` is path and query as on the request line; the path is the caller's affair.

    Raises ValueError only for a secret that is too short, as anybody could press then.
    """
    if len(secret) < SECRET_BYTES:
        raise ValueError(f"the secret of the URL key has fewer than {SECRET_BYTES} bytes")
    if method != "GET":
        return UrlRefused(Reason.METHOD)
    if len(target) > LONGEST_TARGET or len(user_agent) > LONGEST_AGENT:
        return UrlRefused(Reason.TOO_LONG)
    fields = _fields(target)
    if fields is None:
        return UrlRefused(Reason.MALFORMED)
    return _press(fields, AGENT.fullmatch(user_agent.strip()), secret)


def token(secret: bytes, mac: str) -> str:
    """What proves this phone in its URL: 32 hexadecimal digits."""
    return hmac.new(secret, f"onrecord url key {normal(mac)}".encode(), hashlib.sha256).hexdigest()[:32]


def url(base: str, mac: str, key: Key, secret: bytes) -> str:
    """The URL for one key of one phone; the phone itself fills in `$call_id` and `$active_user`.

    It goes out over plain HTTP as often as not: whoever reads it can press this key, and nothing else.
    """
    told = urlencode({"key": key.value, "mac": normal(mac), "token": token(secret, mac)})
    return f"{base}?{told}&call=$call_id&user=$active_user"


def normal(mac: str) -> str:
    """Twelve hexadecimal digits in lower case. Raises ValueError for what is no MAC address."""
    if not MAC.fullmatch(mac):
        raise ValueError(f"{mac[:40]!r} is no MAC address")
    return re.sub("[:-]", "", mac).lower()


def answer(text: str) -> bytes:
    """The body for the phone: what it shows. Send it with status 200 and ANSWER_TYPE, also for a refusal."""
    body = f"<YealinkIPPhoneText><Title></Title><Text>{escaped(text, LONGEST_TEXT)}</Text></YealinkIPPhoneText>"
    return (DECLARATION + body).encode()


def _fields(target: str) -> dict[str, str] | None:
    """The variables of the URL; those that a phone did not replace count as missing. None when they make no sense."""
    query = target.partition("?")[2].partition("#")[0]
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError:  # UnicodeDecodeError among it
        return None
    fields = dict(pairs)
    if len(fields) != len(pairs) or any(not value.isprintable() for value in fields.values()):
        return None
    return {name: "" if value.startswith("$") else value for name, value in fields.items()}


def _press(fields: dict[str, str], agent: re.Match[str] | None, secret: bytes) -> UrlPress | UrlRefused:
    said = (agent["mac"] or "") if agent else ""
    macs = {normal(mac) for mac in (fields.get("mac", ""), said) if MAC.fullmatch(mac)}
    if len(macs) != 1:
        return UrlRefused(Reason.TWO_PHONES if macs else Reason.NO_PHONE)
    mac = macs.pop()
    if not hmac.compare_digest(token(secret, mac).encode(), fields.get("token", "").encode()):
        return UrlRefused(Reason.STRANGER)
    keys = {key.value: key for key in Key}
    key = keys.get(fields.get("key", Key.TOGGLE.value))
    if key is None:
        return UrlRefused(Reason.NO_KEY)
    model, firmware = (agent["model"], agent["firmware"]) if agent else ("", "")
    return UrlPress(key, mac, fields.get("call", ""), fields.get("user", ""), model, firmware)
