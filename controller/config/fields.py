"""The kinds of value in the configuration file: each refuses what can only be a mistake, and says what is right."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from controller.core.decision import AfterRefusal, Destination

MOST_LETTERS = 200
_DURATION = re.compile(r"^([0-9]+(?:\.[0-9]+)?)\s*(s|m|min|h)$")
_UNITS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})?")
_BEEP_TONE = re.compile(r"[1-9][0-9]{2,3}(\+[1-9][0-9]{2,3})?/[1-9][0-9]{1,3}")
_PROMPT = re.compile(r"[a-z][a-z0-9-]{0,39}")
_PLACE = re.compile(r"([A-Za-z0-9_-]{1,79}),([A-Za-z0-9*#+_-]{1,79}),([1-9][0-9]{0,4})")
_EXTENSION = re.compile(r"[0-9*#+][0-9*#+]{0,39}")
_MAC = re.compile(r"([0-9A-Fa-f]{2}[:-]?){5}[0-9A-Fa-f]{2}")
# A comma would split MixMonitor's File into options and a shell command; a bracket would end its r(…) early.
_PLAIN_FOLDER = re.compile(r"^/[A-Za-z0-9._/-]*$")


class Table(BaseModel):
    """One table of the file: unknown keys are refused, and nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, hide_input_in_errors=True)


def _quoted(value: object) -> object:
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise ValueError(f'write it in quotes ("{value}"): a number without them loses its leading zeros')
    return value


def _printable(value: str) -> str:
    if not value.strip():
        raise ValueError("it is empty")
    if len(value) > MOST_LETTERS:
        raise ValueError(f"it is longer than {MOST_LETTERS} letters")
    if not value.isprintable() or value != value.strip():
        raise ValueError("no control characters, and no spaces before or after it")
    return value


def _listed(value: object) -> object:
    """A single text or table may stand for a list of one."""
    if isinstance(value, str | int | float | Mapping):
        return (value,)
    return value


def seconds(value: object) -> float:
    if isinstance(value, str):
        match = _DURATION.match(value.strip())
        if not match:
            raise ValueError(f"'{value}' is no length of time: write seconds (30), or '30 s', '5 min', '4 h'")
        return float(match[1]) * _UNITS[match[2]]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise ValueError("write seconds (30), or '30 s', '5 min', '4 h'; not negative")
    return float(value)


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ValueError, KeyError, OSError):
        raise ValueError(f"there is no time zone '{value}': write one such as Europe/London or UTC") from None
    return value


def _endpoint(value: str) -> str:
    if value.startswith(("PJSIP/", "SIP/", "IAX2/")):
        raise ValueError(f"leave the technology out: '{value.partition('/')[2]}' (before the / goes a PBX's name)")
    return value


def _folder(value: str) -> str:
    if not _PLAIN_FOLDER.match(value) or ".." in PurePosixPath(value).parts:
        raise ValueError("an absolute path of letters, digits, . _ - and / only: the PBX would misread anything else")
    return value


def _address(value: str) -> str:
    host, colon, port = value.rpartition(":")
    if value and not (colon and host and port.isdecimal() and 0 < int(port) < 65536):
        raise ValueError("write host:port, such as 127.0.0.1:9060")
    return value


def language(value: str) -> str:
    """A language's tag, which becomes part of a path on the PBX."""
    if not _LANGUAGE.fullmatch(value):
        raise ValueError(f"'{value}' is no language: write it as de or pt-br")
    return value


def prompt(value: str) -> str:
    """A prompt's id, which becomes part of a path on the PBX."""
    if not _PROMPT.fullmatch(value):
        raise ValueError(f"'{value}' is no prompt's name: small letters, digits and - only, such as recorded")
    return value


def after_refusal(value: object) -> object:
    """One of the words, or a place in the dialplan: its parts become headers to the PBX."""
    words = (AfterRefusal.GO_ON.value, AfterRefusal.END.value)
    if value in words:
        return value
    if isinstance(value, str) and (place := _PLACE.fullmatch(value)):
        return Destination(place[1], place[2], int(place[3]))
    if isinstance(value, str) and _EXTENSION.fullmatch(value):
        return Destination("", value)
    raise ValueError(f"write {', '.join(words)}, or a place in the dialplan: 199, or context,extension,priority")


def beep(value: float) -> float:
    if value and not 10 <= value <= 1800:
        raise ValueError("beeps come every 10 to 1800 s; 0 is none")
    return value


def beep_tone(value: str) -> str:
    """Part of what the PBX is told to play."""
    if not _BEEP_TONE.fullmatch(value):
        raise ValueError("write Hz/milliseconds, such as 1400/500, or 480+620/500 for two tones at once")
    return value


def _mac(value: str) -> str:
    if not _MAC.fullmatch(value):
        raise ValueError(f"'{value}' is no MAC address: write it as 00:15:65:aa:bb:cc")
    return re.sub("[:-]", "", value).lower()


Text = Annotated[str, BeforeValidator(_quoted)]
Name = Annotated[str, BeforeValidator(_quoted), AfterValidator(_printable)]
Names = Annotated[tuple[Name, ...], BeforeValidator(_listed)]
Endpoint = Annotated[Name, AfterValidator(_endpoint)]
Endpoints = Annotated[tuple[Endpoint, ...], BeforeValidator(_listed)]
Patterns = Annotated[tuple[object, ...], BeforeValidator(_listed)]
"""Number patterns as written: read by controller.core.written.number_list once the number plan is known."""
Seconds = Annotated[float, BeforeValidator(seconds)]
Zone = Annotated[Name, AfterValidator(_zone)]
PbxFolder = Annotated[Name, AfterValidator(_folder)]
MaybePbxFolder = Annotated[Text, AfterValidator(lambda value: value and _folder(value))]
Port = Annotated[int, Field(strict=True, ge=1, le=65535)]
Address = Annotated[Text, AfterValidator(_address)]
"""host:port; "" where nothing is meant."""
Macs = Annotated[tuple[Annotated[Name, AfterValidator(_mac)], ...], BeforeValidator(_listed)]
"""Each as twelve hexadecimal digits in lower case."""
