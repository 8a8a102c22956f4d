"""All that init would do for one PBX, as one value: nothing is written here."""

from __future__ import annotations

import json
import pwd
import re
import secrets
from dataclasses import dataclass, replace
from pathlib import Path

from controller.config.load import Config, load, parse
from controller.config.machinery import Pbx
from controller.init import dialplan, manager, modules, people, starter, web
from controller.init.conf import bytes_of, folder, read, shown
from controller.init.edits import Edit
from controller.init.parts import Door, Part
from controller.init.people import Extension, People, Trunk

SECRET_BYTES = 24
_USER = "onrecord"
_SECRET_FILE = re.compile(r'secret_file\s*=\s*("[^"\n]+")')


@dataclass(frozen=True, slots=True)
class Wishes:
    """What was asked for. `spool_dir`: the recordings' folder as this machine sees it, "" where it is the same."""

    etc: Path
    config: Path
    pbx: str = "main"
    user: str = _USER
    ari: bool = True
    dialplan: bool = True
    spool_dir: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """`ours` are files of the controller that are not there yet. `proposed` is roster to write by hand."""

    wishes: Wishes
    parts: tuple[Part, ...]
    ours: tuple[Edit, ...]
    people: People
    proposed: str
    notes: tuple[str, ...]
    runs_as: str
    monitor_dir: str

    @property
    def edits(self) -> tuple[Edit, ...]:
        """The changes to the PBX's files. Two parts may each add a line to the same file."""
        whole: dict[Path, Edit] = {}
        for edit in (edit for part in self.parts for edit in part.edits):
            first = whole.get(edit.path)
            if first is None:
                whole[edit.path] = edit
            else:
                added = edit.after[len(edit.before or b"") :]
                whole[edit.path] = replace(first, after=first.after + added.removeprefix(_gap(edit)))
        return tuple(whole.values())

    @property
    def troubles(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(shown(trouble) for part in self.parts for trouble in part.troubles))

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is worth knowing, each with what it is about."""
        told = [
            note if note.startswith("/") else f"{part.about}: {note}" for part in self.parts for note in part.notes
        ]
        return tuple(dict.fromkeys(shown(one) for one in (*told, *self.notes)))

    @property
    def reloads(self) -> tuple[str, ...]:
        """What to say to Asterisk after applying, in order."""
        return tuple(dict.fromkeys(part.reload for part in self.parts if part.edits and part.reload))


@dataclass(frozen=True, slots=True)
class _Home:
    """Where the PBX's things are, as it says in asterisk.conf."""

    etc_of_pbx: str
    spool: str
    user: str


def make(wishes: Wishes) -> Plan:
    """Look at everything. Raises NotReadable, ConfigError (an existing configuration with a mistake), OSError."""
    etc = folder(wishes.etc)
    home = _home(etc)
    config, made = _configuration(wishes) if wishes.config.exists() else (None, ())
    mine = next((one for one in config.pbxs if one.name == wishes.pbx), None) if config else None
    user, ari_user = (mine.ami.user, mine.ari.user if mine.ari else wishes.user) if mine else (wishes.user,) * 2
    use_ari = wishes.ari and (mine is None or mine.ari is not None)
    known = _secrets(wishes, mine, etc, home, user, ari_user)
    part, ami = manager.look(etc, user, known[0], home.etc_of_pbx)
    parts, ari = [part], None
    if use_ari:
        part, at = web.look_http(etc, home.etc_of_pbx)
        parts.append(part)
        part, password = web.look_ari(etc, ari_user, known[1], home.etc_of_pbx)
        parts.append(part)
        ari = replace(at, user=ari_user, secret=password)
    parts += dialplan.look(etc, home.etc_of_pbx) if wishes.dialplan else []
    parts.append(modules.look(etc, home.etc_of_pbx, use_ari))
    found = people.look(etc, home.etc_of_pbx)
    monitor = mine.monitor_dir if mine else f"{home.spool}/monitor/onrecord"
    table = starter.pbx(wishes.pbx, ami, ari, monitor, wishes.spool_dir, wishes.config.absolute().parent)
    ours, proposed = _ours(wishes, config, mine, found, table, ami, ari)
    if mine is not None:
        parts.append(_agreement(wishes, mine, ami, ari))
    return Plan(wishes, tuple(parts), (*made, *ours), found, proposed, found.notes, home.user, monitor)


def _configuration(wishes: Wishes) -> tuple[Config, tuple[Edit, ...]]:
    """What is configured already. Passwords that it expects in files which are not there yet are made now."""
    text = wishes.config.read_text(encoding="utf-8-sig", errors="replace")
    made: list[Edit] = []
    for match in reversed(list(_SECRET_FILE.finditer(text))):
        path = wishes.config.parent / json.loads(match[1])
        if path.exists() or path.suffix != ".secret":
            continue
        secret = next((one.secrets[0] for one in made if one.path == path), _new_secret())
        made.append(Edit(path, None, f"{secret}\n".encode(), path.parent, (secret,)))
        text = f'{text[: match.start()]}secret = "{secret}"{text[match.end() :]}'
    config = parse(text, wishes.config) if made else load(wishes.config)
    return config, tuple({one.path: one for one in made}.values())


def _agreement(wishes: Wishes, mine: Pbx, ami: Door, ari: Door | None) -> Part:
    """Whether the controller's configuration says the same as the PBX's."""
    troubles, notes = [], []
    doors = [("ami", mine.ami.secret, ami)] + ([("ari", mine.ari.secret, ari)] if mine.ari and ari else [])
    for what, secret, door in doors:
        if door.secret and secret.get_secret_value() != door.secret:
            troubles.append(
                f"{wishes.config}: the password of {what} is not the one that user {door.user} has on the PBX: "
                "write the PBX's into the file that secret_file names"
            )
    port = mine.ami.port
    if port != ami.port:
        troubles.append(f"{wishes.config}: AMI has port {ami.port} on the PBX, not {port}: write port = {ami.port}")
    if wishes.user not in (_USER, mine.ami.user):
        notes.append(f"{wishes.config} says user {mine.ami.user}, which counts; --user {wishes.user} does not")
    return Part(str(wishes.config), (), tuple(notes), tuple(troubles))


def _home(etc: Path) -> _Home:
    conf = read(etc, "asterisk.conf")
    places, options = conf.section("directories"), conf.section("options")
    user = options.value("runuser") if options else ""
    return _Home(
        places.value("astetcdir", "/etc/asterisk") if places else "/etc/asterisk",
        (places.value("astspooldir", "/var/spool/asterisk") if places else "/var/spool/asterisk").rstrip("/"),
        user or _distribution_user(),
    )


def _distribution_user() -> str:
    """Debian starts Asterisk with -U asterisk and says so in no file that we read."""
    try:
        return pwd.getpwnam("asterisk").pw_name
    except KeyError:
        return ""


def _secrets(wishes: Wishes, mine: Pbx | None, etc: Path, home: _Home, user: str, ari_user: str) -> tuple[str, str]:
    """(AMI's, ARI's): what the controller knows already, else what a former run wrote, else new ones."""
    if mine is not None:
        ari = mine.ari.secret.get_secret_value() if mine.ari else ""
        return mine.ami.secret.get_secret_value(), ari or _new_secret()
    beside = wishes.config.absolute().parent
    return (
        _kept(beside, wishes.pbx, "ami") or manager.own_secret(etc, user, home.etc_of_pbx) or _new_secret(),
        _kept(beside, wishes.pbx, "ari") or web.own_password(etc, ari_user, home.etc_of_pbx) or _new_secret(),
    )


def _kept(beside: Path, pbx: str, door: str) -> str:
    path = Path(starter.secret_file(beside, pbx, door))
    return bytes_of(path).decode("utf-8", "replace").partition("\n")[0].strip() if path.exists() else ""


def _new_secret() -> str:
    """Letters, digits, - and _: nothing that a .conf file would read as a comment."""
    return secrets.token_urlsafe(SECRET_BYTES)


def _ours(
    wishes: Wishes, config: Config | None, mine: Pbx | None, found: People, table: str, ami: Door, ari: Door | None
) -> tuple[tuple[Edit, ...], str]:
    """Files of the controller to write, and what to add to an existing configuration by hand."""
    proposed = ""
    if config is not None:
        more = starter.lacking(found, _listed(config))
        proposed = starter.roster(more) if any((more.trunks, more.extensions, more.queues, more.conferences)) else ""
        if mine is not None:
            return (), proposed
        proposed += ("\n" if proposed else "") + table
    beside = wishes.config.absolute().parent
    edits = []
    for door, what in (("ami", ami), ("ari", ari)):
        if what is None:
            continue
        path = Path(starter.secret_file(beside, wishes.pbx, door))
        data = f"{what.secret}\n".encode("utf-8", "surrogateescape")
        before = bytes_of(path) if path.exists() else None
        if before is None or before.partition(b"\n")[0].strip() != data.strip():
            edits.append(Edit(path, before, data, beside, (what.secret,)))
    if config is None:
        text = starter.text(found, starter.time_zone(), table)
        edits.append(Edit(wishes.config.absolute(), None, text.encode("utf-8", "replace"), beside))
    return tuple(edits), proposed


def _listed(config: Config) -> People:
    roster = config.policy.roster
    return People(
        tuple(Trunk(name, "") for one in roster.trunks for name in _plain(one.endpoints or (one.name,))),
        tuple(
            Extension(name, one.number, one.name)
            for one in roster.extensions
            for name in _plain(one.endpoints or (one.number,))
        )
        + tuple(Extension(name, name, "") for one in roster.lines for name in _plain(one.endpoints)),
        tuple(one.name for one in roster.places if one.kind.value == "queue"),
        tuple(one.name for one in roster.places if one.kind.value == "conference"),
    )


def _plain(endpoints: tuple[str, ...]) -> tuple[str, ...]:
    """Endpoints without the name of a PBX before them."""
    return tuple(one.rpartition("/")[2] for one in endpoints)


def _gap(edit: Edit) -> bytes:
    """The line end that was put where the file had none at its end: wanted once."""
    old = edit.before or b""
    return (b"\r\n" if b"\r\n" in old else b"\n") if old and not old.endswith(b"\n") else b""


__all__ = ["Plan", "Wishes", "make"]
