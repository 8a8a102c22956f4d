"""load(): the configuration file as one frozen Config, or every mistake in it at once, by line and key."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from controller.config import machinery, models
from controller.config.build import build_policy
from controller.config.checks import check
from controller.config.positions import positions
from controller.config.problems import ConfigError, Notes, Problem
from controller.config.prompts import check_prompts
from controller.config.region_rows import read_regions
from controller.config.tables import SINGLE, Tables, read_tables
from controller.core.combinations import AllOf, AnyOf, Not
from controller.core.conditions import Attribute
from controller.core.policy import Policy
from controller.core.view import Condition
from hardware.url_key import SECRET_BYTES

MOST_BYTES = 16 * 1024 * 1024
Look = Callable[[tuple[str | int, ...], Path, Notes], str]
"""How to come by the password in a file; the path is where the configuration names it."""
_WHERE = re.compile(r"\s*\(at line (\d+), column (\d+)\)$")


@dataclass(frozen=True, slots=True)
class Config:
    """Everything the file says. `attributes` are the names that conditions ask the dialplan for, with group and kind.

    Paths are absolute: relative ones in the file start at its folder. Secrets are resolved, and never printed.
    """

    path: Path
    policy: Policy
    pbxs: tuple[machinery.Pbx, ...] = ()
    spool: machinery.Spool = field(default_factory=machinery.Spool)
    store: machinery.Store = field(default_factory=machinery.Store)
    journal: machinery.Journal = field(default_factory=machinery.Journal)
    catalogue: machinery.Catalogue = field(default_factory=machinery.Catalogue)
    keys: models.Keys = field(default_factory=models.Keys)
    url_secret: SecretStr = field(default_factory=lambda: SecretStr(""))
    hep_secret: SecretStr = field(default_factory=lambda: SecretStr(""))
    control: machinery.Control = field(default_factory=machinery.Control)
    web: machinery.Web = field(default_factory=lambda: machinery.Web(listen=""))
    watch: machinery.Watch = field(default_factory=machinery.Watch)
    selftest: machinery.Selftest = field(default_factory=machinery.Selftest)
    ownership: machinery.Ownership = field(default_factory=machinery.Ownership)
    log: machinery.Log = field(default_factory=machinery.Log)
    attributes: tuple[str, ...] = ("group", "kind")
    warnings: tuple[Problem, ...] = ()


def load(path: Path, secrets: bool = True) -> Config:
    """Read and check the file. Raises ConfigError with every problem found.

    `secrets` False: for those who ask the policy or the catalogue and talk to no PBX. Passwords in files or in the
    environment are then left alone, so that who may not read them can ask all the same.
    """
    return parse(_text(path), path, secrets)


def parse(text: str, path: Path, secrets: bool = True) -> Config:
    """As load, from text; `path` is what errors name and relative paths start from."""
    raw = _toml(text, path)
    notes = Notes(positions(text), raw)
    tables = read_tables(raw, notes)
    home = path.absolute().parent
    sites = (site.name for _, site in tables.all("site", models.Site))
    policy = build_policy(tables, notes, read_regions(home, sites, notes))
    check(raw, tables, policy, notes)
    check_prompts(tables, home, notes)
    whole = [(place, one) for place, one in tables.all("pbx", machinery.Pbx) if ("pbx", place) not in tables.partial]
    look = _secret_file if secrets else _left_alone
    pbxs = tuple(_pbx(place, one, home, notes, look) for place, one in whole)
    url_secret, hep_secret = _key_secrets(tables.one("keys", models.Keys), home, notes, look)
    if tables.one("keys", models.Keys).url_secret_file is not None and "web" not in tables.single:
        notes.warn(("keys", "url_secret_file"), "no phone can reach a URL key without [web]: add it")
    if notes.problems:
        raise ConfigError(path, notes.problems)
    return Config(
        path=path,
        policy=policy,
        pbxs=pbxs,
        attributes=_attributes(policy),
        url_secret=url_secret,
        hep_secret=hep_secret,
        warnings=tuple(sorted(notes.warnings)),
        **_rooms(tables, home),
    )


def load_control(path: Path) -> machinery.Control:
    """[control] alone, unless the file is no TOML at all. Raises ConfigError.

    For those who control live calls: a mistake in a rule that somebody is just writing must not keep them from
    pausing one, and they need not be able to read the PBX's passwords.
    """
    text = _text(path)
    raw = {name: table for name, table in _toml(text, path).items() if name == "control"}
    notes = Notes(positions(text), raw)
    tables = read_tables(raw, notes)
    if notes.problems:
        raise ConfigError(path, notes.problems)
    found: machinery.Control = _absolute(tables.single.get("control", machinery.Control()), path.absolute().parent)
    return found


def _reason(error: OSError) -> str:
    hint = ": run this as root or as the controller's user" if isinstance(error, PermissionError) else ""
    return f"{error.strerror}{hint}"


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ConfigError(path, [Problem(0, "", f"it is larger than {MOST_BYTES // 2**20} MB")])
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        hint = "`onrecord init --apply` writes one to start from, --config names another"
        raise ConfigError(path, [Problem(0, "", f"there is no such file: {hint}")]) from None
    except OSError as error:
        raise ConfigError(path, [Problem(0, "", f"it cannot be read: {_reason(error)}")]) from error
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise ConfigError(path, [Problem(line, "", "it is not UTF-8 from here on: save it as UTF-8")]) from error


def _toml(text: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        where = _WHERE.search(str(error))
        line = int(where[1]) if where else len(text.splitlines())
        what = _WHERE.sub("", str(error))
        place = f" (column {where[2]})" if where else " (at the end)"
        raise ConfigError(path, [Problem(line, "", f"{what}{place}{_leading_zero(text, line)}")]) from error
    except RecursionError:
        raise ConfigError(path, [Problem(0, "", "tables or lists are nested too deeply")]) from None


def _leading_zero(text: str, line: int) -> str:
    lines = text.split("\n")
    if 0 < line <= len(lines) and re.search(r"[=\[,]\s*(0\d|\+)", lines[line - 1]):
        return '; telephone numbers must be in quotes: "0205550123"'
    return ""


def _rooms(tables: Tables, home: Path) -> dict[str, Any]:
    """The single tables of machinery, with absolute paths."""
    names = ("spool", "store", "journal", "catalogue", "keys", "control", "watch", "selftest", "ownership", "log")
    found = {name: _absolute(tables.single.get(name, SINGLE[name]()), home) for name in names}
    return found | {"web": tables.single.get("web", machinery.Web(listen=""))}


def _absolute(table: Any, home: Path) -> Any:
    paths = {
        name: home / value for name in type(table).model_fields if isinstance(value := getattr(table, name), Path)
    }
    return table.model_copy(update=paths) if paths else table


def _pbx(place: int, pbx: machinery.Pbx, home: Path, notes: Notes, look: Look) -> machinery.Pbx:
    ami = _with_secret(("pbx", place, "ami"), pbx.ami, home, notes, look)
    ari = _with_secret(("pbx", place, "ari"), pbx.ari, home, notes, look) if pbx.ari is not None else None
    return _absolute(pbx, home).model_copy(update={"ami": ami, "ari": ari})  # type: ignore[no-any-return]


def _with_secret(path: tuple[str | int, ...], door: Any, home: Path, notes: Notes, look: Look) -> Any:
    """The door with its secret at hand, wherever the file says it is."""
    given = [bool(door.secret.get_secret_value()), door.secret_file is not None, bool(door.secret_env)]
    if sum(given) != 1:
        notes.wrong(path, "give its password by one of secret_file, secret_env or secret")
        return door
    if door.secret_file is not None:
        text = look((*path, "secret_file"), home / door.secret_file, notes)
    elif door.secret_env:
        text = os.environ.get(door.secret_env, "")
        if not text and look is not _left_alone:
            notes.wrong((*path, "secret_env"), f"the environment has no {door.secret_env}")
    else:
        text = door.secret.get_secret_value()
    if not text.isprintable():
        notes.wrong(path, "the password holds control characters")
    return door.model_copy(update={"secret": SecretStr(text)})


def _secret_file(path: tuple[str | int, ...], file: Path, notes: Notes) -> str:
    try:
        if file.stat().st_mode & 0o007:
            notes.warn(path, f"everybody on this machine can read {file}: chmod 640 it")
        first, _, _ = file.read_text().partition("\n")
    except (OSError, UnicodeDecodeError) as error:
        notes.wrong(
            path, f"{file} cannot be read: {_reason(error) if isinstance(error, OSError) else 'it is no text'}"
        )
        return ""
    if not first.strip():
        notes.wrong(path, f"the first line of {file} is empty")
    return first.strip()


def _left_alone(_path: tuple[str | int, ...], _file: Path, _notes: Notes) -> str:
    """Nobody who asks for this needs the password."""
    return ""


def _key_secrets(keys: models.Keys, home: Path, notes: Notes, look: Look) -> tuple[SecretStr, SecretStr]:
    """Those of the URL key and of the HEP listener."""
    found = {"url_secret_file": "", "hep_secret_file": ""}
    for name in found:
        file: Path | None = getattr(keys, name)
        if file is not None:
            found[name] = look(("keys", name), home / file, notes)
    if keys.url_secret_file is not None and 0 < len(found["url_secret_file"].encode()) < SECRET_BYTES:
        notes.wrong(("keys", "url_secret_file"), f"it holds fewer than {SECRET_BYTES} bytes: openssl rand -hex 16")
    if (
        keys.hep
        and keys.hep.rpartition(":")[0] not in ("127.0.0.1", "localhost", "[::1]")
        and not keys.hep_secret_file
    ):
        remedy = "listen on 127.0.0.1, or give hep_secret_file"
        notes.wrong(("keys", "hep"), f"anybody in the network could press keys here: {remedy}")
    return SecretStr(found["url_secret_file"]), SecretStr(found["hep_secret_file"])


def _attributes(policy: Policy) -> tuple[str, ...]:
    found = {"group", "kind"}
    waiting: list[Condition | None] = [rule.when for rule in policy.rules]
    while waiting:
        condition = waiting.pop()
        if isinstance(condition, Attribute):
            found.update(name for name, _ in condition.wanted)
        elif isinstance(condition, AllOf | AnyOf):
            waiting.extend(condition.parts)
        elif isinstance(condition, Not):
            waiting.append(condition.part)
    return tuple(sorted(found))


def restarts(old: Config, new: Config) -> tuple[str, ...]:
    """Which of the changes need a restart, in words; the policy itself never does. () when all of it is in force."""
    needed = []
    before, after = ({pbx.name: pbx for pbx in config.pbxs} for config in (old, new))
    for name in sorted({*before, *after}):
        if name not in after:
            needed.append(f"PBX '{name}' was removed")
        elif name not in before:
            needed.append(f"PBX '{name}' was added")
        elif before[name] != after[name]:
            needed.append(f"PBX '{name}' was changed ({', '.join(_differing(before[name], after[name]))})")
    for room in ("spool", "store", "journal", "catalogue", "keys", "control", "web", "watch", "log"):
        keys = _differing(getattr(old, room), getattr(new, room))
        if keys:
            needed.append(f"[{room}] {', '.join(keys)} was changed")
    if set(new.attributes) - set(old.attributes):
        more = ", ".join(sorted(set(new.attributes) - set(old.attributes)))
        needed.append(f"attributes new to the policy are asked for only from the next connection on: {more}")
    return tuple(needed)


def _differing(old: Any, new: Any) -> list[str]:
    """Names of fields, never their values: some are secrets."""
    return [name for name in type(old).model_fields if getattr(old, name) != getattr(new, name)]
