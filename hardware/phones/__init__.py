"""Phone families as data: what their keys send, how lamp and screen are set, and how sure we are of each fact.

One TOML file per family in this folder, which is all that a new family needs (docs/adding/a-key.md). Files are read
strictly: an unknown key or value is our own mistake and is named with its file.
"""

from __future__ import annotations

import re
import tomllib
import typing
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from enum import Enum
from importlib import resources


class FamilyError(ValueError):
    """A phone family's file is wrong; the text names the file, the key and what is allowed."""


class Mark(Enum):
    """How sure we are of a fact."""

    RUN = "run"  # seen on the real thing
    SRC = "src"  # read in public source or provisioning templates
    DOC = "doc"  # the vendor's or a standard's text says so
    MEM = "mem"  # from memory: try it before you rely on it
    UNPROVEN = "unproven"  # nobody published how it looks on the wire


class Signal(Enum):
    """What a key sends."""

    SIP_INFO = "sip-info"  # INFO in the dialog with a header (sip_info.py)
    HTTP_GET = "http-get"  # a URL of ours (url_key.py)
    DTMF = "dtmf"  # a code as tones or events (sequences.py)
    DIAL = "dial"  # a call to a number
    TRANSFER = "transfer"  # a blind transfer to a code that must fail (presses.py)
    SIPREC = "siprec"  # the phone sends its audio itself: not ours
    LOCAL = "local"  # the phone records by itself: we never hear of it


class Way(Enum):
    """How a phone is made to show the state."""

    BLF = "blf"  # a lamp that follows a device state
    XML_NOTIFY = "xml-notify"  # XML by SIP NOTIFY (push.py)
    XML_ANSWER = "xml-answer"  # XML as the answer to the key's own request (url_key.py)
    OWN_GUESS = "own-guess"  # the phone shows what it believes


class AfterFailure(Enum):
    """What becomes of the talk when a blind transfer fails (V-14)."""

    RETURNS = "returns"
    DROPS = "drops"
    DEPENDS = "depends"
    UNKNOWN = "unknown"


PLACES = {
    "extension": "the phone's extension",
    "code": "your code for this key, such as `*1`",
    "lamp": "the number whose hint is the device state `Custom:rec-<extension>`",
    "server": "your PBX's host name",
    "url": "the URL that OnRecord makes for this phone and key",
}
"""What may stand in braces in `setup`."""


@dataclass(frozen=True, slots=True)
class PhoneKey:
    """One kind of key. `start` and `stop` are header lines or codes as the phone sends them; "" where unknown."""

    name: str
    sends: Signal
    mark: Mark
    source: str
    start: str = ""
    stop: str = ""
    setup: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Display:
    """One way to show the state. `truthful`: it shows what we know and not what the phone believes."""

    name: str
    way: Way
    truthful: bool
    mark: Mark
    source: str
    setup: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Transfer:
    """How the family takes a blind transfer that fails, which decides whether codes by transfer can be used."""

    after_failure: AfterFailure
    mark: Mark
    source: str
    setup: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Caveat:
    text: str
    mark: Mark
    source: str


@dataclass(frozen=True, slots=True)
class Recognition:
    """Beginnings of the family's SIP or HTTP User-Agent, in any case."""

    begins: tuple[str, ...]
    mark: Mark
    source: str


@dataclass(frozen=True, slots=True)
class Family:
    """One family of phones: all that a file of this folder holds."""

    id: str
    name: str
    models: str
    language: str  # of the setup lines, for the docs: ini, xml or text
    user_agent: Recognition
    keys: tuple[PhoneKey, ...]
    displays: tuple[Display, ...]
    transfer: Transfer
    caveats: tuple[Caveat, ...] = ()


def load() -> dict[str, Family]:
    """Every family that comes with OnRecord, by id. Raises FamilyError."""
    files = [file for file in resources.files(__name__).iterdir() if file.name.endswith(".toml")]
    found = {
        file.name: read(file.name, file.read_text("utf-8")) for file in sorted(files, key=lambda file: file.name)
    }
    _distinct(found)
    return {family.id: family for family in found.values()}


def read(name: str, text: str) -> Family:
    """The family in the text of one file called `name`. Raises FamilyError."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FamilyError(f"{name}: {error}") from None
    if "id" in table:
        raise FamilyError(f"{name}: id: a family is called as its file; leave it out")
    family = _fill(Family, {"id": name.removesuffix(".toml"), **table}, name, "")
    assert isinstance(family, Family)  # noqa: S101 - tells mypy what _fill made
    if not family.keys or not family.displays:
        raise FamilyError(f"{name}: a family needs one [[keys]] and one [[displays]] at least")
    for at, setup in _setups(family):
        _check_places(setup, name, at)
    return family


def recognise(user_agent: str, families: Mapping[str, Family]) -> Family | None:
    """The family whose phones call themselves so; the longest match wins. None for a stranger."""
    said = user_agent.lower()
    matches = [
        (len(begin), family)
        for family in families.values()
        for begin in family.user_agent.begins
        if said.startswith(begin.lower())
    ]
    return max(matches, key=lambda match: match[0])[1] if matches else None


def _distinct(found: Mapping[str, Family]) -> None:
    seen: dict[str, str] = {}
    for name, family in found.items():
        for begin in family.user_agent.begins:
            if other := seen.get(begin.lower()):
                raise FamilyError(f"{name}: user_agent.begins: {begin!r} stands in {other} already")
            seen[begin.lower()] = name


def _setups(family: Family) -> Iterable[tuple[str, tuple[str, ...]]]:
    yield from ((f"keys.{key.name}.setup", key.setup) for key in family.keys)
    yield from ((f"displays.{display.name}.setup", display.setup) for display in family.displays)
    yield "transfer.setup", family.transfer.setup


def _check_places(setup: tuple[str, ...], name: str, at: str) -> None:
    for line in setup:
        for place in re.findall(r"\{([^}]*)\}", line):
            if place not in PLACES:
                raise FamilyError(f"{name}: {at}: no place is called {{{place}}}; there are {', '.join(PLACES)}")


def _fill(kind: type, table: Mapping[str, object], name: str, at: str) -> object:
    """A dataclass from a table: every key known, every value of its type, everything there that has no default."""
    hints = typing.get_type_hints(kind)
    known = {field.name: field for field in fields(kind)}
    for key in table:
        if key not in known:
            raise FamilyError(f"{name}: {at}{key}: unknown; known are {', '.join(known)}")
    for key, field in known.items():
        if key not in table and field.default is MISSING:
            raise FamilyError(f"{name}: {at}{key}: missing")
    return kind(**{key: _value(hints[key], value, name, f"{at}{key}") for key, value in table.items()})


def _value(kind: typing.Any, value: object, name: str, at: str) -> object:
    """One value of its type: text, a truth value, a word of an Enum, a table, or a list of them."""
    if typing.get_origin(kind) is tuple:
        inner = typing.get_args(kind)[0]
        if not isinstance(value, list):
            raise FamilyError(f"{name}: {at}: must be a list")
        return tuple(_value(inner, one, name, f"{at}[{place}]") for place, one in enumerate(value))
    if is_dataclass(kind) and isinstance(kind, type) and isinstance(value, dict):
        return _fill(kind, value, name, f"{at}.")
    if isinstance(kind, type) and issubclass(kind, Enum):
        words = [member.value for member in kind]
        if value not in words:
            raise FamilyError(f"{name}: {at}: {value!r} is none of {', '.join(words)}")
        return kind(value)
    if kind in (str, bool) and type(value) is kind and value != "":
        return value
    raise FamilyError(f"{name}: {at}: {value!r} is not what belongs here ({getattr(kind, '__name__', kind)})")
