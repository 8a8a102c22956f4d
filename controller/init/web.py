"""http.conf and ari.conf: the web server on loopback, and a user of ours for ARI."""

from __future__ import annotations

from pathlib import Path

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

HTTP, ARI = "http.conf", "ari.conf"
OUR_HTTP, OUR_ARI = "onrecord_http.conf", "onrecord_ari.conf"
PORT = 8088


def look_http(etc: Path, etc_of_pbx: str) -> tuple[Part, Door]:
    """What http.conf lacks, and where it listens. Raises NotReadable."""
    whole = read(etc, HTTP, etc_of_pbx)
    theirs = whole.foreign()
    settings = theirs.section("general")
    port = port_of(settings.value("bindport") if settings else "", PORT)
    prefix = (settings.value("prefix") if settings else "").strip("/")
    if switched_on(settings, otherwise=False):
        bound = settings.value("bindaddr") if settings else ""
        host = host_of(bound)
        notes = [f"the web server is on already and is used as it is: {host}:{port}"]
        if not is_loopback(host) or not bound or bound != host:
            notes.append(
                f"it listens on {bound or 'every address'}: ARI is then protected by its password alone; "
                "keep strangers out with a firewall, or with bindaddr = 127.0.0.1"
            )
        return Part(HTTP, (), (*notes, *whole.notes), whole.troubles), Door(host, port, "", "", prefix)
    lines = opening(settings)
    text = HEAD + general(theirs, ["; The web server, for this machine only. Without it there is no ARI.", *lines])
    host = "127.0.0.1" if len(lines) > 1 else host_of(settings.value("bindaddr") if settings else "")
    edits = ours(place(whole, OUR_HTTP), text, (), whole.path)
    note = f"the web server is off: it is switched on, on {host}:{port} only"
    return (
        Part(HTTP, tuple(edits), (*((note,) if edits else ()), *whole.notes), whole.troubles, "module reload http"),
        Door(host, port, "", "", prefix),
    )


def look_ari(etc: Path, user: str, secret: str, etc_of_pbx: str) -> tuple[Part, str]:
    """What ari.conf lacks, and the password by which the controller gets in. Raises NotReadable."""
    whole = read(etc, ARI, etc_of_pbx)
    theirs = whole.foreign()
    known = theirs.section(user)
    if known is not None:
        return _known(theirs, known, user), known.value("password")
    switch = [] if switched_on(theirs.section("general"), otherwise=True) else ["enabled = yes"]
    edits = ours(place(whole, OUR_ARI), HEAD + general(theirs, switch) + _user(user, secret), (secret,), whole.path)
    return Part(ARI, tuple(edits), whole.notes, whole.troubles, "module reload res_ari.so"), secret


def own_password(etc: Path, user: str, etc_of_pbx: str) -> str:
    """The password that a former run gave our user; "" where there was none."""
    whole = read(etc, ARI, etc_of_pbx)
    section = whole.section(user)
    found = section.get("password") if section else None
    return found.value if found and found.file in whole.ours else ""


def _user(user: str, secret: str) -> str:
    return (
        "; The user of the OnRecord controller in ARI. It tells the end of channels a second time, and that another\n"
        "; controller has come; without it OnRecord works by the manager alone. It writes: its own event filter.\n"
        f"[{user}]\n"
        "type = user\n"
        "read_only = no\n"
        f"password = {secret}\n"
        "password_format = plain\n"
    )


def _known(conf: Conf, known: Section, user: str) -> Part:
    """A user of this name that somebody else made: used if it does, and never changed."""
    place, troubles = where(conf, known), []
    if true(known.value("read_only")):
        troubles.append(
            f"{place}: user {user} is read_only: it must set its own event filter; --user NAME makes another"
        )
    if known.value("password_format", "plain").lower() != "plain" or not known.value("password"):
        troubles.append(f"{place}: the password of user {user} cannot be read from there: --user NAME makes another")
    if not switched_on(conf.section("general"), otherwise=True):
        troubles.append(f"{conf.path}: ARI is off: write `enabled = yes` into its [general]")
    note = f"{place}: user {user} is there already and is used as it is"
    return Part(ARI, (), (note, *conf.notes), (*troubles, *conf.troubles), "module reload res_ari.so")
