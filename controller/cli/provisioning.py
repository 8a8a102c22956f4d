"""`onrecord keys`: what the PBX and the phones must be told, so that keys, codes and lamps work."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from controller.cli.ending import BAD_USE, DEFAULT_CONFIG, AsJson, ConfigPath, Ending, configuration, say_json, screen
from controller.config.build import CODES_COST
from controller.config.load import Config
from controller.core.decision import Subject, SubjectKind
from controller.core.roster import Extension
from controller.pbx.asterisk.telephones import codes_file
from hardware import phones, url_key
from hardware.keys import Key
from hardware.phones import Display, Family, PhoneKey
from hardware.phones.pages import FAILED, MARKS
from hardware.sequences import CodeBook


@dataclass(frozen=True, slots=True)
class Part:
    """One way to press or to show, and what to write into the phone's provisioning for it."""

    what: str
    sure: str
    lines: tuple[str, ...]
    note: str


def codes(
    to: Annotated[Path | None, typer.Option("--write", help="Write this file; left out: print it.")] = None,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """onrecord_codes.conf for Asterisk, made of the codes in the configuration: it keeps them from the other side."""
    books = _books(configuration(config))
    if not books:
        raise Ending('there are no codes: add [keys] codes = { record = "*1", … } to the configuration', BAD_USE)
    text = codes_file(books)
    if to is None:
        print(text, end="")
    else:
        try:
            to.write_text(text)
        except OSError as error:
            raise Ending(f"{to} cannot be written: {error.strerror}", BAD_USE) from error
        print(f"{to} written; now: asterisk -rx 'module reload features'")
    Console(stderr=True, highlight=False).print(f"Mind {escape(CODES_COST)}.")


def phone(
    extension: Annotated[str, typer.Argument(help="The extension's number.")],
    family: Annotated[str, typer.Option(help="Which phones: yealink, snom, …; left out: what the roster says.")] = "",
    server: Annotated[str, typer.Option(help="The PBX's host name or address, as phones reach it.")] = "",
    base: Annotated[str, typer.Option(help="Where phones reach [web]: http://10.0.0.5:8089/key.")] = "",
    config: ConfigPath = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """The provisioning lines for one person's phone: Record key, code, lamp, URL key; and how sure we are of each."""
    loaded = configuration(config)
    families = phones.load()
    people = loaded.policy.roster.extensions
    person = next((one for one in people if one.number == extension), Extension(extension))
    chosen = families.get(family or person.phone or "generic")
    if chosen is None:
        raise Ending(f"there is no phone family '{family}': {', '.join(sorted(families))}", BAD_USE)
    known = _known(loaded, person, server, base)
    ways: list[PhoneKey | Display] = [*chosen.keys, *chosen.displays]
    parts = [
        Part(one.name, MARKS[one.mark], tuple(_filled(line, known) for line in one.setup), one.note)
        for one in ways
        if one.setup
    ]
    if loaded.keys.hep and "code" in known:
        parts.append(_by_transfer(chosen, known))
    if as_json:
        say_json({"extension": extension, "family": chosen.id, "parts": parts})
        return
    if loaded.policy.roster.people_listed and not any(one.number == extension for one in people):
        print(f"onrecord: beware: the policy has no [[extension]] {extension!r}", file=sys.stderr)
    console = screen()
    console.print(f"[bold]{escape(chosen.name)}[/] for extension {escape(extension)}, see docs/phones/{chosen.id}.md")
    for part in parts:
        console.print(f"\n[bold]{escape(part.what)}[/]  [dim]{part.sure}[/]")
        for line in part.lines:
            console.print(f"  {escape(line)}", soft_wrap=True)
        if part.note:
            console.print(f"  [dim]{escape(part.note)}[/]")


def _by_transfer(family: Family, known: dict[str, str]) -> Part:
    """Phones differ in what becomes of the talk when a transfer fails, and codes by transfer must fail (V-14)."""
    transfer = family.transfer
    lines = tuple(_filled(line, known) for line in transfer.setup)
    note = " ".join(one for one in (FAILED[transfer.after_failure].replace("**", ""), transfer.note) if one)
    return Part(f"Blind transfer to {known['code']}", MARKS[transfer.mark], lines, note)


def _books(config: Config) -> list[CodeBook]:
    sites = (config.policy.organisation, *config.policy.sites.values())
    return [site.codes for site in sites if site.codes is not None]


def _known(config: Config, person: Extension, server: str, base: str) -> dict[str, str]:
    """What can be filled in; what cannot stays in braces, so that nobody provisions a guess."""
    known = {"extension": person.number, "lamp": f"rec-{person.number}"}
    book = config.policy.codes(Subject(SubjectKind.EXTENSION, person.number))
    digits = {code.key: code.digits for code in book.codes} if book is not None else {}
    code = digits.get(Key.TOGGLE) or digits.get(Key.RECORD)
    if code:
        known["code"] = code
    if server:
        known["server"] = server
    secret = config.url_secret.get_secret_value().encode()
    if secret and person.macs and base:
        known["url"] = url_key.url(base, person.macs[0], Key.TOGGLE, secret)
    return known


def _filled(line: str, known: dict[str, str]) -> str:
    return re.sub(r"\{([a-z]+)\}", lambda place: known.get(place[1], place[0]), line)
