"""`onrecord init` on a real Asterisk that knows nothing of us: from its own files to a recording, and back again."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from controller import lab
from controller.app import build
from controller.catalogue.entries import Status
from controller.config.load import load
from controller.init.conf import read
from controller.lab import Asterisk, ears, sounds
from controller.lab.admin import Admin, Refused
from controller.lab.home import HOME
from controller.pbx.asterisk.ari import AriLink
from controller.pbx.asterisk.driver import AsteriskDriver
from controller.pbx.driver import PbxGone
from tests.live.test_controller import CALLED, CALLER, entries, only, talk
from tests.live.test_controller import sound as sound_of

ALWAYS = '\n[[rule]]\nname = "hundred"\nextension = "100"\nmode = "always"\n'


class Untouched(Asterisk):
    """An Asterisk as an office has it: its own manager user, no ARI, no web server, nothing of ours."""

    def write_configuration(self) -> None:
        super().write_configuration()
        etc = self.home / "etc"
        shutil.rmtree(etc / "dialplan", ignore_errors=True)
        manager, _, rest = (etc / "manager.conf").read_text().partition("; What a controller gets")
        (etc / "manager.conf").write_text(manager + rest[rest.index("; What the tests") :])
        ari = (etc / "ari.conf").read_text()
        (etc / "ari.conf").write_text(ari[: ari.index(f"[{self.ari_user}]")])
        http = (etc / "http.conf").read_text()
        (etc / "http.conf").write_text(http.replace("enabled = yes", "enabled = no").rstrip("\n"))

    async def _ping_ari(self) -> None:
        """There is none yet."""


@pytest.fixture
async def office() -> AsyncIterator[Untouched]:
    async with Untouched.running(lab.install()) as pbx:
        assert isinstance(pbx, Untouched)
        yield pbx


async def onrecord(*arguments: str) -> Any:
    """Run a command as an admin does; returns its JSON."""
    command = [sys.executable, "-c", "from controller.cli import main; main()", *arguments, "--json"]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    printed, _ = await process.communicate()
    assert process.returncode == 0, printed
    return json.loads(printed)


async def init(pbx: Asterisk, config: Path, *options: str) -> dict[str, Any]:
    told = await onrecord("init", "--asterisk", str(pbx.home / "etc"), "--config", str(config), *options)
    assert isinstance(told, dict)
    return told


def files_of(pbx: Asterisk) -> dict[str, tuple[bytes, int]]:
    """Every file of the PBX's configuration: what is in it, and its mode. Without our backups."""
    etc = pbx.home / "etc"
    found = (path for path in etc.rglob("*") if path.is_file() and "onrecord-backup" not in path.parts)
    return {str(path.relative_to(etc)): (path.read_bytes(), path.stat().st_mode) for path in found}


async def reload(pbx: Asterisk, commands: list[str]) -> None:
    for command in commands:
        await pbx.cli(command)


async def applied(pbx: Asterisk, folder: Path) -> tuple[Path, dict[str, Any]]:
    """Apply, reload as told; the starter file, and what was told."""
    config = folder / "onrecord.toml"
    told = await init(pbx, config, "--apply", "--spool-dir", str(pbx.monitor_dir / "onrecord"))
    assert told["applied"]
    await reload(pbx, told["reload"])
    return config, told


async def answer(ari: AriLink) -> None:
    """Wait until ARI answers this controller."""
    async with asyncio.timeout(10):
        while True:
            try:
                await ari.request("GET", "asterisk", "ping")
            except PbxGone:
                await asyncio.sleep(0.02)
            else:
                return


async def test_after_init_and_a_reload_the_starter_file_records_a_real_call(
    office: Untouched, tmp_path: Path
) -> None:
    config, told = await applied(office, tmp_path)
    found = told["people"]
    assert {one["name"] for one in found["trunks"]} == {"carrier1", "carrier2"}
    assert {one["endpoint"]: one["name"] for one in found["extensions"]}["100"] == "Alice"
    assert set(found["queues"]) == {"sales", "support", "localized", "pinned"}
    assert set(found["conferences"]) == {"800", "801"}
    text = config.read_text()
    config.write_text(text.replace("[[rule]]", ALWAYS.strip() + "\n\n[[rule]]", 1) + HOME)
    loaded = load(config)
    assert not loaded.warnings
    app = await build(loaded)
    ready = asyncio.Event()
    task = asyncio.create_task(app.run(ready.set))
    try:
        async with asyncio.timeout(10):
            await ready.wait()
            while any(app.engine.links.values()):
                await asyncio.sleep(0.02)
        driver = app.engine.drivers["main"]
        assert isinstance(driver, AsteriskDriver)
        assert driver.witness is not None
        await answer(driver.witness.link)
        async with lab.phone(office, "100") as alice, lab.phone(office, "101") as bob:
            await talk(alice, bob, "101")
        (entry,) = await entries(app, 1)
        samples, rate = sound_of(app, only(entry))
        assert only(entry).status is Status.KEPT
        assert "hundred" in only(entry).why or "hundred" in entry.reason
        heard = [{tone.frequency for tone in ears.tones(samples[:, side], rate)} for side in (0, 1)]
        assert heard == [{CALLER}, {CALLED}]
    finally:
        app.stop()
        await asyncio.wait_for(task, 30)


async def test_the_user_that_init_makes_may_record_and_nothing_worse(office: Untouched, tmp_path: Path) -> None:
    await applied(office, tmp_path)
    secret = (tmp_path / "ami.secret").read_text().strip()
    async with Admin.session(office.host, office.ami_port, "onrecord", secret) as session:
        with pytest.raises(Refused, match=r"(?i)permission denied"):
            await session.act("Command", Command="core show version")
        with pytest.raises(Refused, match=r"(?i)permission denied"):
            await session.act("Originate", Channel="Local/100@extensions", Application="System", Data="true")
        with pytest.raises(Refused, match=r"(?i)permission denied"):
            await session.act("UpdateConfig", SrcFilename="manager.conf", DstFilename="manager.conf")
        async with lab.phone(office, "100") as alice, lab.phone(office, "101") as bob:
            bob.auto(sounds.tone(CALLED), loop=True)
            call = await alice.call("101", say=sounds.tone(CALLER), loop=True)
            entered = await session.event("BridgeEnter")
            await session.act("Setvar", Channel=entered["Uniqueid"], Variable="ONRECORD", Value="x.1")
            await session.event("VarSet", Variable="ONRECORD")
            await call.hangup()
            await session.event("Hangup")
        async with office.admin() as admin:
            for name in ("Foreign", "OnRecordProbe"):
                await admin.act("UserEvent", UserEvent=name)
        await session.event("UserEvent", UserEvent="OnRecordProbe")
    assert {event["UserEvent"] for event in session.events if event["Event"] == "UserEvent"} == {"OnRecordProbe"}
    heard = {event["Event"] for event in session.events}
    # What Asterisk sends of such a call besides is kept from us by manager.conf itself: no Filter was asked for.
    assert not heard & {"Newexten", "RTCPSent", "DialEnd", "BridgeCreate", "DeviceStateChange"}, heard
    assert all("ONRECORD" in event["Variable"] for event in session.events if event["Event"] == "VarSet")


async def test_the_doctor_finds_nothing_wrong_with_what_init_made(office: Untouched, tmp_path: Path) -> None:
    config, _ = await applied(office, tmp_path)
    config.write_text(config.read_text() + HOME)
    found = {one["check"]: one for one in await onrecord("doctor", "--config", str(config))}
    looked_at = ("ami", "ari", "writing", "excess", "hearing", "filter", "door", "modules", "policy")
    assert {name: found[name]["status"] for name in looked_at} == dict.fromkeys(looked_at, "ok")


async def test_the_user_that_init_makes_may_only_come_from_this_machine(office: Untouched, tmp_path: Path) -> None:
    await applied(office, tmp_path)
    told = await office.cli("manager show user onrecord")
    rules = re.findall(r"(deny|allow) - (\S+)", told)
    assert rules == [
        ("deny", "0.0.0.0/0.0.0.0"),
        ("allow", "127.0.0.0/255.0.0.0"),
        ("deny", "::/::"),
        ("allow", "::1/ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ]


async def test_what_init_puts_into_the_dialplan_is_loaded_and_a_call_that_is_up_hears_nothing_of_it(
    office: Untouched, tmp_path: Path
) -> None:
    async with lab.phone(office, "100") as alice, lab.phone(office, "101") as bob:
        bob.auto(sounds.tone(CALLED), loop=True)
        call = await alice.call("101", say=sounds.tone(CALLER), loop=True)
        await asyncio.sleep(0.5)
        await applied(office, tmp_path)
        await asyncio.sleep(0.5)
        assert call.up
        heard = call.heard()
        await call.hangup()
    assert heard.seconds > 1
    assert [tone.frequency for tone in ears.tones(heard.samples) if tone.seconds > 0.1] == [CALLED]
    assert heard.times[-1] - heard.times[0] - heard.seconds < 0.2  # nothing was lost
    assert "Custom:" in await office.cli("dialplan show onrecord-lamps")
    assert "onrecord_on" in await office.cli("features show")


# What Asterisk's own parser finds surprising, and ours must too.
TRICKY = {
    "tricky.conf": (
        b"\xef\xbb\xbf; begins with a mark\n"
        b"[base](!)\nread = call ; why\nwrite=sys\\;tem\n"
        b";-- a block\n[hidden]\nsecret = no\n--;\n"
        b"[user](base)\r\nsecret => s3;cret\r\n\tread = call,system\n"
        b"[second](base,user)\nempty =\n spaced   =   a  b  \n"
        b"[general]\nenabled = no\n"
        b'#include "tricky.d/*.conf" ; as init writes it\n'
        b"after = the include\n"
        b"[general](+)\nenabled = yes\n"
        b";--- only a comment\nport = 5039\n"
        b"#tryinclude nothing.conf\n"
        b'#include "tricky.d/two.conf"\n'
        b"#include <tricky_more.conf>\n"
        b"name = J\xf6rg\n"
        b"[double]\na = 1\n[double]\na = 2\n[double](+)\na = 3\n"
    ),
    "tricky.d/one.conf": b"x = 1\n[one]\na = 1\n",
    "tricky.d/two.conf": b"[two](base)\nb => 2\n",
    "tricky_more.conf": b"more = 3\n",
}


async def test_a_configuration_is_read_just_as_asterisk_itself_reads_it(office: Untouched) -> None:
    etc = office.home / "etc"
    for name, data in TRICKY.items():
        (etc / name).parent.mkdir(exist_ok=True)
        (etc / name).write_bytes(data)
    async with office.admin() as admin:
        told = await admin.act("GetConfig", Filename="tricky.conf")
    names = {key.partition("-")[2]: value for key, value in told.items() if key.startswith("Category-")}
    theirs = [
        (name, [value for key, value in told.items() if key.startswith(f"Line-{number}-")])
        for number, name in names.items()
    ]
    ours = [
        (section.name, [f"{one.name}={one.value}" for one in section.settings])
        for section in read(etc, "tricky.conf").sections
        if not section.template
    ]
    assert ours == theirs
    assert dict(ours)["general"] == [
        "enabled=no",
        "x=1",
        "after=the include",
        "enabled=yes",
        "port=5039",
        "name=J\udcf6rg",
    ]


async def test_undo_gives_every_file_back_to_the_byte_and_the_user_is_gone(office: Untouched, tmp_path: Path) -> None:
    before = files_of(office)
    config, told = await applied(office, tmp_path)
    secret = (tmp_path / "ami.secret").read_text().strip()
    changed = {name for name, data in files_of(office).items() if before.get(name) != data}
    assert {name for name in changed if name in before} <= {
        "manager.conf",
        "http.conf",
        "ari.conf",
        "extensions.conf",
        "features.conf",
    }
    async with Admin.session(office.host, office.ami_port, "onrecord", secret):
        pass
    again = await init(office, config)
    assert again["changes"] == []
    assert again["own_files"] == []
    await init(office, config, "--undo")
    assert files_of(office) == before
    await reload(office, told["reload"])
    with pytest.raises(Refused, match="Authentication failed"):
        async with Admin.session(office.host, office.ami_port, "onrecord", secret):
            pass
