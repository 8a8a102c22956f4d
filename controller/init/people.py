"""Who is on this PBX, as far as its files tell: trunks, extensions, queues and conference rooms."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from controller.init.conf import Conf, Section, read, true
from controller.init.parts import where

_CALLERID = re.compile(r'\s*"?([^"<]*?)"?\s*<([^>]*)>\s*')
_ROOM = re.compile(r"\bConfBridge\(([^,)]+)", re.IGNORECASE)
_ROOM_NAME = re.compile(r"[A-Za-z0-9_*#+-]{1,80}")


@dataclass(frozen=True, slots=True)
class Trunk:
    """An endpoint that leads outside, and by what it was known as one."""

    name: str
    because: str


@dataclass(frozen=True, slots=True)
class Extension:
    """An endpoint that is somebody's phone. `number` is its name, or its caller ID's where that is no number."""

    endpoint: str
    number: str
    name: str


@dataclass(frozen=True, slots=True)
class People:
    """What was found; `notes` say what could not be."""

    trunks: tuple[Trunk, ...] = ()
    extensions: tuple[Extension, ...] = ()
    queues: tuple[str, ...] = ()
    conferences: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def look(etc: Path, etc_of_pbx: str) -> People:
    """Read pjsip.conf, pjsip_wizard.conf, queues.conf and the dialplan's rooms. Raises NotReadable."""
    pjsip, wizard = (read(etc, name, etc_of_pbx) for name in ("pjsip.conf", "pjsip_wizard.conf"))
    endpoints = _of_type(pjsip, "endpoint")
    reasons = _reasons(pjsip, endpoints)
    extensions = [_extension(one) for one in endpoints.values() if one.name not in reasons]
    for one in _of_type(wizard, "wizard").values():
        because = _wizard_reason(one)
        if because:
            reasons.setdefault(one.name, because)
        else:
            extensions.append(_extension(one, "endpoint/"))
    if "anonymous" in endpoints:
        reasons.setdefault("anonymous", "whoever is not known comes in by it")
        extensions = [one for one in extensions if one.endpoint != "anonymous"]
    notes = [*pjsip.troubles, *wizard.troubles, *pjsip.notes, *wizard.notes, *_databases(etc, etc_of_pbx)]
    extensions = _told_apart(extensions)
    return People(
        tuple(Trunk(_spoken(name), because) for name, because in reasons.items()),
        tuple(sorted(extensions, key=lambda one: (len(one.number), one.number))),
        tuple(_spoken(name) for name in _names(read(etc, "queues.conf", etc_of_pbx))),
        _rooms(read(etc, "extensions.conf", etc_of_pbx)),
        tuple(notes),
    )


def _of_type(conf: Conf, kind: str) -> dict[str, Section]:
    """Sections of one type by name, with what is added to them elsewhere."""
    found: dict[str, Section] = {}
    for one in conf.sections:
        if not one.template and one.value("type").lower() == kind:
            found.setdefault(one.name, one)
    return found


def _reasons(conf: Conf, endpoints: dict[str, Section]) -> dict[str, str]:
    """Why an endpoint is a trunk, by its name; the others are phones."""
    identified: dict[str, Section] = {}
    for one in conf.sections:
        if not one.template and one.value("type").lower() == "identify":
            identified.setdefault(one.value("endpoint"), one)
    registrations = [one for one in conf.sections if one.value("type").lower() == "registration" and not one.template]
    lines = {one.value("endpoint"): one for one in registrations if one.get("endpoint")}
    accounts = {one.value("outbound_auth"): one for one in registrations if one.get("outbound_auth")}
    addresses = _of_type(conf, "aor")
    reasons = {}
    for name, one in endpoints.items():
        account = one.value("outbound_auth")
        if name in lines or (account and account in accounts):
            place = where(conf, lines.get(name) or accounts[account])
            reasons[name] = f"it registers with a carrier ({place})"
        elif account:
            reasons[name] = "it logs in to somebody (outbound_auth)"
        elif name in identified:
            reasons[name] = f"it is known by its address ({where(conf, identified[name])})"
        elif not one.get("auth") and _is_fixed(one, addresses):
            reasons[name] = "it has a fixed address and no password"
    return reasons


def _is_fixed(endpoint: Section, addresses: dict[str, Section]) -> bool:
    names = [name.strip() for name in endpoint.value("aors").split(",")]
    return any(name in addresses and addresses[name].get("contact") is not None for name in names)


def _wizard_reason(one: Section) -> str:
    """res_pjsip_config_wizard: a phone registers with us; a trunk is somewhere, or we register there."""
    if true(one.value("sends_registrations")):
        return "it registers with a carrier (pjsip_wizard.conf)"
    if one.get("remote_hosts") and not true(one.value("accepts_registrations")):
        return "it has a fixed address (pjsip_wizard.conf)"
    if true(one.value("sends_auth")) and not true(one.value("accepts_auth")):
        return "it logs in to somebody (pjsip_wizard.conf)"
    return ""


def _extension(one: Section, prefix: str = "") -> Extension:
    match = _CALLERID.fullmatch(one.value(f"{prefix}callerid"))
    name, number = (match[1].strip(), match[2].strip()) if match else ("", "")
    is_number = one.name.lstrip("+").isdecimal() or not number.lstrip("+").isdecimal()
    named = "" if name == one.name else _spoken(name)
    return Extension(_spoken(one.name), _spoken(one.name if is_number else number), named)


def _spoken(name: str) -> str:
    """A name as text: files from before UTF-8 are taken for Latin-1."""
    if any("\udc80" <= letter <= "\udcff" for letter in name):
        name = name.encode("utf-8", "surrogateescape").decode("latin-1")
    return "".join(letter for letter in name if letter.isprintable()).strip()


def _told_apart(extensions: Iterable[Extension]) -> list[Extension]:
    """A number that several phones show is the company's, not a person's: such phones go by their own names."""
    found = list(extensions)
    shown = Counter(one.number for one in found)
    return [one if shown[one.number] == 1 else replace(one, number=one.endpoint) for one in found]


def _names(conf: Conf) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.name for one in conf.sections if not one.template and one.name != "general"))


def _rooms(conf: Conf) -> tuple[str, ...]:
    """Rooms that are called by a fixed name or by the number that is dialled."""
    rooms: dict[str, None] = {}
    dialled = ""
    for section in conf.sections:
        for setting in section.settings:
            if setting.name.lower() == "exten":
                dialled = setting.value.partition(",")[0].strip()
            for match in _ROOM.finditer(setting.value):
                room = dialled if match[1].strip() == "${EXTEN}" else match[1].strip()
                if _ROOM_NAME.fullmatch(room) and not room.startswith("_"):
                    rooms[room] = None
    return tuple(rooms)


def _databases(etc: Path, etc_of_pbx: str) -> list[str]:
    """Endpoints and queues that are in no file."""
    found = []
    sorcery = read(etc, "sorcery.conf", etc_of_pbx)
    for section in sorcery.sections:
        for setting in section.settings:
            if setting.name.partition("/")[0] == "endpoint" and setting.value.startswith("realtime"):
                found.append(
                    f"{setting.file}:{setting.line}: endpoints come from a database too: list its trunks yourself"
                )
    external = read(etc, "extconfig.conf", etc_of_pbx).section("settings")
    if external and external.get("queues"):
        setting = external.every("queues")[-1]
        found.append(
            f"{setting.file}:{setting.line}: queues come from a database too: rules may name them all the same"
        )
    return found
