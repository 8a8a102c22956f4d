"""The tables of the configuration file that say where things are: PBXs, folders, the control socket, the log."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, StrictBool

from controller.config.fields import Address, MaybePbxFolder, Name, PbxFolder, Port, Seconds, Table, Text


def _pbx_name(value: str) -> str:
    if not all(letter.isascii() and (letter.isalnum() or letter in "_-") for letter in value) or len(value) > 40:
        raise ValueError("up to 40 letters, digits, - and _: it begins every call's id")
    return value


def _context(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{0,79}", value):
        raise ValueError("letters, digits, - and _ only: it becomes a header to the PBX")
    return value


def _web(value: str) -> str:
    if value and not value.startswith(("http://", "https://")):
        raise ValueError("write http://host:port")
    return value.rstrip("/")


class Secret(Table):
    """A password: as text, in a file (its first line), or in an environment variable. Exactly one of them."""

    secret: SecretStr = Field(SecretStr(""), description="The password itself; a file is better.")
    secret_file: Path | None = Field(None, description="A file whose first line is the password.")
    secret_env: Text = Field("", description="The name of an environment variable that holds the password.")


class Ami(Secret):
    """The manager interface of Asterisk: calls, queues, conferences and MixMonitor come by it."""

    host: Text = Field("", description="Left out: the PBX's host.")
    port: Port = Field(5038, description="TCP port.")
    user: Name = Field("onrecord", description="The user in manager.conf.")


class Ari(Secret):
    """The REST interface of Asterisk: the snapshot after a connect, and ends that AMI lost."""

    url: Annotated[Text, AfterValidator(_web)] = Field(description="Such as http://127.0.0.1:8088.")
    user: Name = Field("onrecord", description="The user in ari.conf.")
    app: Name = Field("onrecord", description="The Stasis application's name; one controller each.")


class Pbx(Table):
    """[[pbx]]: one PBX that this controller serves."""

    name: Annotated[Name, AfterValidator(_pbx_name)] = Field(description="It begins every call's id.")
    driver: Literal["asterisk"] = Field("asterisk", description="Which kind of PBX it is.")
    host: Name = Field("127.0.0.1", description="Where it runs.")
    ami: Ami = Field(description="Manager interface: see below.")
    ari: Ari | None = Field(None, description="REST interface: see below. Left out: not used.")
    monitor_dir: PbxFolder = Field(
        "/var/spool/asterisk/monitor/onrecord", description="Where the PBX is to write, as the PBX calls the folder."
    )
    spool_dir: Path | None = Field(
        None, description="The same folder as this process sees it. Left out: as the PBX sees it."
    )
    provisional_dir: MaybePbxFolder = Field(
        "/run/onrecord-provisional",
        description="Where the PBX is to write what nobody has asked to keep yet (mode on-demand-keep), as the PBX "
        'calls the folder: in memory (tmpfs, best noswap), never on a disk. "": into monitor_dir, in the clear, for '
        "a PBX on another machine; then it is deleted at the end of the call, but no key is destroyed.",
    )
    provisional_folder: Path | None = Field(
        None, description="The same folder as this process sees it. Left out: as the PBX sees it."
    )
    format: Literal["wav", "wav16", "sln", "sln16", "alaw", "ulaw", "gsm"] = Field(
        "wav", description="The file format that the PBX writes: wav keeps most after a crash."
    )

    failure_sound: Text = Field(
        "",
        description="What people hear when their call is to be recorded and cannot be (on_failure notice or end), as "
        'Asterisk calls it, such as "sound:onrecord/en/ended"; left out: three tones. Needs ari.',
    )
    context: Annotated[Text, AfterValidator(_context)] = Field(
        "",
        description="The context of the dialplan in which its phones dial, such as from-internal: an extension in "
        "after_refusal is meant there.",
    )
    prompts_dir: PbxFolder = Field(
        "/var/lib/asterisk/sounds/onrecord",
        description="Where the PBX finds our prompts, as it calls the folder: <language>/<prompt>.wav below it.",
    )
    renew_recorders: StrictBool = Field(
        True,
        description="A new recorder for each new party that the recorded one meets: some builds of Asterisk "
        "(22.10.1 of Debian is one) can be deaf to him for minutes otherwise. It costs about 30 ms of sound at each "
        "transfer; switch it off only where your own trial says that it is not needed.",
    )

    @property
    def folder(self) -> Path:
        """The recordings' folder as this process sees it."""
        return self.spool_dir or Path(self.monitor_dir)

    @property
    def memory(self) -> Path | None:
        """The folder in memory as this process sees it; None: there is none."""
        return (self.provisional_folder or Path(self.provisional_dir)) if self.provisional_dir else None


class Spool(Table):
    """[spool]: where finished recordings are worked on."""

    folder: Path = Field(Path("/var/spool/onrecord"), description="Recordings on their way; on a local disk.")


class Store(Table):
    """[store]: where finished recordings are kept."""

    folder: Path = Field(Path("/var/lib/onrecord/recordings"), description="One folder per recording, by date.")


class Journal(Table):
    """[journal]: what happened, what was decided, and what was asked for."""

    folder: Path = Field(Path("/var/lib/onrecord/journal"), description="One file per day.")


class Catalogue(Table):
    """[catalogue]: the list of recordings, and of calls that were not recorded."""

    file: Path = Field(Path("/var/lib/onrecord/catalogue.sqlite"), description="An SQLite database.")


class Control(Table):
    """[control]: the socket by which `onrecord call …` reaches the running controller."""

    socket: Path = Field(Path("/run/onrecord/control.sock"), description="A Unix socket.")
    group: Text = Field("", description="Members of this Unix group may use it, beside its owner and root.")


class Web(Table):
    """[web]: health and figures over HTTP: /healthz, /readyz and /metrics. Without this table there is no server."""

    listen: Address = Field("127.0.0.1:8089", description='host:port. "": no server.')


class Watch(Table):
    """[watch]: when something that runs is believed to be ill."""

    grow_within: Seconds = Field(
        4.0, description="A recorder whose file has not grown for so long, while sound arrives, is started anew."
    )
    one_sided: Seconds = Field(
        30.0,
        description="An alarm where one side is digital silence for so long while the other speaks. 0: never.",
    )
    full_within: Seconds = Field(
        86_400.0,
        description="Warn when a disk would be full within this time at the present rate of calls.",
    )


class Selftest(Table):
    """[selftest]: the call that `onrecord selftest` places to prove that recording works."""

    extension: Name = Field(
        "onrecord-selftest",
        description="The PJSIP endpoint in whose name both ends of it talk; a rule must want it recorded. It needs "
        "no phone, password or AOR. See docs/guides/selftest.md.",
    )
    late: Seconds = Field(0.5, description="How late the first recorded sound may be.")


class Ownership(Table):
    """[ownership]: whose a recording is when nobody of the roster took part."""

    catch_all: Text = Field(
        "", description="Who gets such recordings (made for this purpose, no person). Left out: they are discarded."
    )


class Log(Table):
    """[log]: what the controller says about itself."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="The least that is said.")
    json_lines: StrictBool = Field(False, description="One JSON object per line, for log collectors.")
