"""The configuration file to start from, filled in with what was found on this PBX."""

from __future__ import annotations

import json
import os
from pathlib import Path
from zoneinfo import ZoneInfo

from controller.config.starter import starter
from controller.init.parts import Door
from controller.init.people import Extension, People

ROSTER_BEGINS, ROSTER_ENDS = '[[trunk]]\nname = "carrier1"', "# --- the rules ---"
PBX_BEGINS = "[[pbx]]\n"


def text(people: People, zone: str, pbx: str) -> str:
    """The whole file. `pbx` is the [[pbx]] table as text."""
    whole = _replaced(starter(), 'time_zone = "UTC"', f"time_zone = {quoted(zone)}")
    head, begins, rest = whole.partition(ROSTER_BEGINS)
    _, ends, rules = rest.partition(ROSTER_ENDS)
    assert begins  # noqa: S101 - as below
    assert ends  # noqa: S101 - a mistake of ours in starter.toml
    body, begins, _ = (head + roster(people) + "\n" + ends + rules).rpartition(PBX_BEGINS)
    assert begins  # noqa: S101 - as above
    return body + pbx


def roster(people: People) -> str:
    """Trunks, extensions, queues and rooms as tables."""
    parts = [_trunk(one.name, one.because) for one in people.trunks]
    if not parts:
        parts.append('# [[trunk]]                       # none was found\n# name = "carrier1"\n')
    parts += [_extension(one) for one in people.extensions]
    parts += [f"[[queue]]\nname = {quoted(name)}\n" for name in people.queues]
    parts += [f"[[conference]]\nname = {quoted(name)}\n" for name in people.conferences]
    return "\n".join(parts)


def lacking(people: People, known: People) -> People:
    """What was found and the configuration does not list yet."""
    endpoints = {one.name for one in known.trunks} | {one.endpoint for one in known.extensions}
    numbers = {one.number for one in known.extensions}
    return People(
        tuple(one for one in people.trunks if one.name not in endpoints),
        tuple(one for one in people.extensions if one.endpoint not in endpoints and one.number not in numbers),
        tuple(one for one in people.queues if one not in known.queues),
        tuple(one for one in people.conferences if one not in known.conferences),
    )


def pbx(name: str, ami: Door, ari: Door | None, monitor_dir: str, spool_dir: str, secrets: Path) -> str:
    """The [[pbx]] table. Passwords are in files of their own beside it."""
    port = "" if ami.port == 5038 else f"port = {ami.port}, "
    lines = [
        "[[pbx]]",
        f"name = {quoted(name)}",
        f"host = {quoted(ami.host)}",
        f"ami = {{ {port}user = {quoted(ami.user)}, secret_file = {quoted(secret_file(secrets, name, 'ami'))} }}",
    ]
    if ari is not None:
        host = f"[{ari.host}]" if ":" in ari.host else ari.host
        url = f"http://{host}:{ari.port}" + (f"/{ari.prefix}" if ari.prefix else "")
        file = secret_file(secrets, name, "ari")
        lines.append(f"ari = {{ url = {quoted(url)}, user = {quoted(ari.user)}, secret_file = {quoted(file)} }}")
    lines.append(f"monitor_dir = {quoted(monitor_dir)}")
    if spool_dir and spool_dir != monitor_dir:
        lines.append(f"spool_dir = {quoted(spool_dir)}       # the same folder as this machine sees it")
    return "\n".join(lines) + "\n"


def secret_file(folder: Path, pbx_name: str, door: str) -> str:
    """Where the password of one interface is."""
    return str(folder / (f"{door}.secret" if pbx_name == "main" else f"{pbx_name}-{door}.secret"))


def time_zone() -> str:
    """This machine's, UTC where it cannot be known."""
    local = Path("/etc/localtime")
    candidates = [os.environ.get("TZ", "").removeprefix(":")]
    if local.is_symlink():
        candidates.append(str(local.readlink()).partition("zoneinfo/")[2])
    for name in candidates:
        try:
            if name and not name.startswith("/"):
                return ZoneInfo(name).key.removeprefix("Etc/")
        except (ValueError, KeyError, OSError):
            continue
    return "UTC"


def quoted(value: str) -> str:
    """As a TOML string; what cannot be shown is left out."""
    return json.dumps("".join(letter for letter in value if letter.isprintable()).strip(), ensure_ascii=False)


def _trunk(name: str, because: str) -> str:
    return f"[[trunk]]\nname = {quoted(name)}{' ' * max(1, 26 - len(name))}# {because}\n"


def _extension(one: Extension) -> str:
    lines = ["[[extension]]", f"number = {quoted(one.number)}"]
    lines += [f"name = {quoted(one.name)}"] if one.name else []
    lines += [f"endpoints = {quoted(one.endpoint)}"] if one.endpoint != one.number else []
    return "\n".join(lines) + "\n"


def _replaced(whole: str, old: str, new: str) -> str:
    assert whole.count(old) == 1  # noqa: S101 - a mistake of ours in starter.toml
    return whole.replace(old, new)
