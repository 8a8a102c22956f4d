"""What each part of init finds and wants: edits, things to know, and things that only a person can mend."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

from controller.init.conf import OURS, Conf, Section, true
from controller.init.edits import Edit

HEAD = f"{OURS}; `onrecord init --undo` takes it away. Do not edit it: the next run would write it anew.\n"


@dataclass(frozen=True, slots=True)
class Part:
    """`notes` are worth knowing; with a `trouble` nothing is applied. `reload` is to be said to Asterisk then."""

    about: str
    edits: tuple[Edit, ...] = ()
    notes: tuple[str, ...] = ()
    troubles: tuple[str, ...] = ()
    reload: str = ""


@dataclass(frozen=True, slots=True)
class Door:
    """Where one interface of the PBX listens, and by whom it is entered."""

    host: str
    port: int
    user: str
    secret: str
    prefix: str = ""  # of the HTTP server


def where(conf: Conf, section: Section | None) -> str:
    """file:line for people."""
    return f"{section.file}:{section.line}" if section else str(conf.path)


def host_of(bound: str) -> str:
    """The address by which this machine reaches what is bound there."""
    address = bound.strip().strip("[]")
    try:
        return "127.0.0.1" if ip_address(address).is_unspecified else address
    except ValueError:
        return address or "127.0.0.1"


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def port_of(text: str, otherwise: int) -> int:
    return int(text) if text.isdecimal() and 0 < int(text) < 65536 else otherwise


def general(conf: Conf, settings: list[str]) -> str:
    """A [general] of ours with these lines: an addition where the file has one already. "" for no lines."""
    if not settings:
        return ""
    header = "[general](+)" if conf.section("general") else "[general]"
    return "\n".join([header, *settings]) + "\n\n"


def opening(settings: Section | None) -> list[str]:
    """Lines for [general] that switch an interface on. What nobody used so far is not opened to the network."""
    bound = settings.value("bindaddr") if settings else ""
    return ["enabled = yes", *([] if is_loopback(bound) else ["bindaddr = 127.0.0.1"])]


def switched_on(section: Section | None, otherwise: bool) -> bool:
    return true(section.value("enabled", "yes" if otherwise else "no")) if section else otherwise
