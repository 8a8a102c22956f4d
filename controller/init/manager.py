"""manager.conf: a user of ours with the least rights, and the manager switched on, on loopback only."""

from __future__ import annotations

from pathlib import Path

from controller.init import rights
from controller.init.conf import Conf, Section, read, true
from controller.init.edits import ours, place
from controller.init.parts import (
    HEAD,
    Door,
    Part,
    general,
    host_of,
    is_loopback,
    opening,
    port_of,
    switched_on,
    where,
)

FILE, OURS = "manager.conf", "onrecord_manager.conf"
PORT = 5038


def look(etc: Path, user: str, secret: str, etc_of_pbx: str) -> tuple[Part, Door]:
    """What manager.conf lacks, and how the controller gets in. Raises NotReadable."""
    whole = read(etc, FILE, etc_of_pbx)
    theirs = whole.foreign()
    settings = theirs.section("general")
    lines = [] if switched_on(settings, otherwise=False) else opening(settings)
    bound = settings.value("bindaddr") if settings else ""
    if lines and not is_loopback(bound):
        bound = "127.0.0.1"
    host, port = host_of(bound), port_of(settings.value("port") if settings else "", PORT)
    known = theirs.merged(user)
    if known is not None:
        return _known(theirs, known, user, bool(lines)), Door(host, port, user, known.value("secret"))
    multiple = settings is not None and not true(settings.value("allowmultiplelogin", "yes"))
    text = HEAD + general(theirs, lines) + _user(user, secret, host, multiple)
    edits = ours(place(whole, OURS), text, (secret,), whole.path)
    notes = [f"the manager (AMI) is off: it is switched on, on {host}:{port} only"] if lines and edits else []
    if not is_loopback(bound):
        notes.append(
            f"the manager (AMI) listens on {bound or 'every address'}, port {port}; our user may only come from here"
        )
    return (
        Part(FILE, tuple(edits), (*notes, *whole.notes), whole.troubles, "module reload manager"),
        Door(host, port, user, secret),
    )


def own_secret(etc: Path, user: str, etc_of_pbx: str) -> str:
    """The password that a former run gave our user; "" where there was none."""
    whole = read(etc, FILE, etc_of_pbx)
    section = whole.merged(user)
    found = section.get("secret") if section else None
    return found.value if found and found.file in whole.ours else ""


def _user(user: str, secret: str, host: str, multiple: bool) -> str:
    lines = [
        "; The user of the OnRecord controller, with no more rights than it uses. Without it nothing is recorded.",
        f"[{user}]",
        f"secret = {secret}",
        "; What it hears: calls, queues, keys that are pressed, and channel variables whose name has ONRECORD in it.",
        f"read = {','.join(rights.reading())}",
        "; What it may do. MixMonitor and Filter want `system`, Setvar wants `call`. Never `command`.",
        f"write = {','.join(rights.writing())}",
        "writetimeout = 2000",
        *(
            ["; It logs in twice: one connection hears, the other acts.", "allowmultiplelogin = yes"]
            if multiple
            else []
        ),
        "; From this machine only, by IPv4 and IPv6.",
        "deny = 0.0.0.0/0.0.0.0",
        "permit = 127.0.0.0/255.0.0.0",
        *([] if is_loopback(host) or ":" in host else [f"permit = {host}/255.255.255.255"]),
        "deny = ::/0",
        "permit = ::1/128",
        *([] if is_loopback(host) or ":" not in host else [f"permit = {host}/128"]),
        "; Only these events are sent to it. Without the list Asterisk sends ten times as much.",
        *rights.filters(),
    ]
    return "\n".join(lines) + "\n"


def _known(conf: Conf, known: Section, user: str, is_off: bool) -> Part:
    """A user of this name that somebody else made: used if its rights do, and never changed."""
    place, troubles, notes = where(conf, known), [], []
    if is_off:
        troubles.append(f"{conf.path}: the manager (AMI) is off: write `enabled = yes` into its [general]")
    for what, needed in (("read", rights.reading()), ("write", rights.writing())):
        missing = rights.lacking(known.value(what), needed)
        if missing:
            troubles.append(
                f"{place}: user {user} lacks {what} = {','.join(missing)}: add it there, or let init make a user of "
                "its own with --user NAME"
            )
    if not known.value("secret"):
        troubles.append(f"{place}: user {user} has no secret: give it one, or take another with --user NAME")
    too_much = rights.excess(known.value("write"))
    if too_much:
        notes.append(f"{place}: user {user} may {', '.join(too_much)}, which OnRecord never needs: take it away")
    if not (known.get("deny") or known.get("acl")):
        notes.append(f"{place}: user {user} may log in from anywhere: add deny and permit")
    if not any(one.name.lower().startswith("eventfilter") for one in known.settings):
        notes.append(f"{place}: user {user} has no eventfilter; the controller asks for one of its own at each login")
    notes.append(f"{place}: user {user} is there already and is used as it is")
    return Part(FILE, (), (*notes, *conf.notes), (*troubles, *conf.troubles), "module reload manager")
