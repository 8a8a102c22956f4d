"""`onrecord doctor` on a real PBX: a healthy one, and one with a fault staged for each thing that it can find."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import shutil
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from controller import lab
from controller.catalogue.search import list_calls
from controller.config.load import parse
from controller.doctor import Examination, Finding, Status
from controller.doctor import probe as probing
from controller.init import rights
from controller.lab import Asterisk, MakePhone, sounds
from controller.lab.addresses import free_port
from controller.lab.home import HOME
from tests.live.test_controller import running

RULES = """
[organisation]
name = "Lab"
time_zone = "UTC"
[[trunk]]
name = "carrier1"
[[rule]]
name = "hundred"
extension = "100"
mode = "always-with-pause"
[[rule]]
name = "sales"
queue = "sales"
mode = "always"
"""
READ = ",".join(rights.reading())
WRITE = f"{','.join(rights.writing())},reporting"


def hears_no(klass: str) -> str:
    return ",".join(one for one in rights.reading() if one != klass)


USERS = {  # name: (read, write, more lines)
    "healthy": (READ, WRITE, "permit = 127.0.0.0/255.0.0.0\n"),
    "unsystematic": (READ, "call,reporting", ""),
    "callless": (READ, "system,reporting", ""),
    "unbooted": (hears_no("system"), WRITE, ""),
    "deaf": (hears_no("call"), WRITE, ""),
    "wordless": (hears_no("dialplan"), WRITE, ""),
    "commanding": (READ, f"{WRITE},command", ""),
    "almighty": ("all", "all", ""),
    "filtered": (READ, WRITE, "eventfilter = Event: Hangup\n"),
    "unguarded": (READ, WRITE, ""),
}
SECRET = "a-password-for-tests"  # noqa: S105
ENDPOINTS = """
[direct](line)
direct_media = yes
context = from-phones
[narrow](line)
disallow = all
allow = g729,ulaw
context = from-phones
[wide](line)
disallow = all
allow = slin16,ulaw
context = from-phones
[keyed](line)
one_touch_recording = yes
context = from-phones
[armed](line)
set_var = ONRECORD_NAME=Arm
set_var = DYNAMIC_FEATURES=onrecord_on#onrecord_off
"""
SANE = ("direct-media", "codecs", "record-keys", "local")
"""Checks that the endpoints above, and the lab's own queues, are there to fail."""


def users() -> str:
    return "".join(
        f"[{name}]\nsecret = {SECRET}\nread = {read}\nwrite = {write}\n{more}"
        for name, (read, write, more) in USERS.items()
    )


@pytest.fixture(scope="module")
async def ward() -> AsyncIterator[Asterisk]:
    """A private Asterisk with manager users of every kind, and endpoints with something wrong."""
    pbx = Asterisk(lab.install(), extra={"manager.d/users.conf": users(), "pjsip.d/odd.conf": ENDPOINTS})
    readers = (
        f"[general]\nenabled = yes\n[{pbx.ari_user}]\ntype = user\nread_only = no\npassword = {pbx.ari_secret}\n"
    )
    pbx.extra["ari.conf"] = readers + f"[reader]\ntype = user\nread_only = yes\npassword = {SECRET}\n"
    try:
        pbx.write_configuration()
        await pbx.start()
        yield pbx
    finally:
        await pbx.stop()
        pbx.sweep()


def configuration(pbx: Asterisk, rules: str = RULES, **changes: Any) -> str:
    """The text of a configuration for this PBX; `changes` are keys of [[pbx]], or of ami and ari with that prefix."""
    ami = {"port": pbx.ami_port, "user": "healthy", "secret": SECRET}
    ari = {"url": pbx.ari_url, "user": pbx.ari_user, "secret": pbx.ari_secret}
    main = {
        "name": "main",
        "host": pbx.host,
        "monitor_dir": pbx.pbx_path(pbx.monitor_dir),
        "spool_dir": str(pbx.monitor_dir),
    }
    for key, value in changes.items():
        table, _, name = key.partition("_")
        target = {"ami": ami, "ari": ari}.get(table)
        if target is None:
            main[key] = str(value)
        else:
            target[name] = value
    lines = [f"{key} = {json.dumps(value)}" for key, value in main.items()]
    lines += [
        f"{door}.{key} = {json.dumps(value)}"
        for door, keys in (("ami", ami), ("ari", ari))
        for key, value in keys.items()
    ]
    return rules + "[[pbx]]\n" + "\n".join(lines) + "\n" + HOME


async def examined(text: str, folder: Path, *only: str) -> list[Finding]:
    return await Examination(parse(text, folder / "onrecord.toml"), only).run()


def of(findings: Sequence[Finding], check: str) -> list[Finding]:
    found = [finding for finding in findings if finding.check == check]
    assert found, f"nothing about {check} in {findings}"
    return found


def worst(findings: Sequence[Finding], check: str) -> Finding:
    order = (Status.FAIL, Status.WARN, Status.OK, Status.SKIPPED)
    return min(of(findings, check), key=lambda finding: order.index(finding.status))


async def test_a_healthy_pbx_fails_no_check_and_keeps_nothing_of_the_examination(
    asterisk: Asterisk, tmp_path: Path
) -> None:
    text = configuration(asterisk, ami_user=asterisk.ami_user, ami_secret=asterisk.ami_secret)
    findings = await examined(text, tmp_path)
    assert [one for one in findings if one.status is Status.FAIL] == []
    assert worst(findings, "probe").status is Status.OK
    assert int(str(worst(findings, "probe").measured["bytes"])) > 4000
    assert worst(findings, "trunks").measured["endpoints"] == ["carrier2"]  # the rules list the other one only
    assert not list(asterisk.monitor_dir.glob("onrecord-doctor*"))
    assert "doctor" not in await asterisk.cli("core show channels concise")


FAULTS: dict[str, tuple[dict[str, Any], str, Status, str, str]] = {
    # what is staged: (changes, check, status, in what was found, in the remedy)
    "a wrong password": ({"ami_secret": "wrong"}, "ami", Status.FAIL, "refused the login", "secret"),
    "an unknown user": ({"ami_user": "nobody"}, "ami", Status.FAIL, "refused the login", "[nobody]"),
    "no class system to write": ({"ami_user": "unsystematic"}, "writing", Status.FAIL, "MixMonitor", "add system"),
    "no class call to write": ({"ami_user": "callless"}, "writing", Status.FAIL, "Setvar", "add call"),
    "no class system to read": (
        {"ami_user": "unbooted"},
        "booted",
        Status.FAIL,
        "FullyBooted",
        "add system to its read",
    ),
    "no class call to read": ({"ami_user": "deaf"}, "hearing", Status.FAIL, "no call is seen", "add call"),
    "no class dialplan to read": ({"ami_user": "wordless"}, "hearing", Status.WARN, "ONRECORD_GROUP", "add dialplan"),
    "class command": ({"ami_user": "commanding"}, "excess", Status.WARN, "command", "take command"),
    "every class": ({"ami_user": "almighty"}, "excess", Status.WARN, "originate", "take originate"),
    "an eventfilter": ({"ami_user": "filtered"}, "filter", Status.FAIL, "Newchannel", "eventfilter"),
    "no permit": ({"ami_user": "unguarded"}, "door", Status.OK, "own machine only", ""),
    "a wrong ARI password": ({"ari_secret": "wrong"}, "ari", Status.FAIL, "401", "password"),
    "an ARI url that leads elsewhere": ({"ari_url": "elsewhere"}, "ari", Status.FAIL, "404", "prefix"),
    "an ARI user who may only read": (
        {"ari_user": "reader", "ari_secret": SECRET},
        "ari",
        Status.FAIL,
        "may only read",
        "read_only = no",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_staged_fault_is_found_with_its_remedy(ward: Asterisk, tmp_path: Path, fault: str) -> None:
    changes, check, status, what, remedy = FAULTS[fault]
    if "ari_url" in changes:
        changes = {"ari_url": f"{ward.ari_url.removesuffix('/ari')}/{changes['ari_url']}"}
    findings = await examined(configuration(ward, **changes), tmp_path)
    found = [one for one in of(findings, check) if what in one.what]
    assert found, of(findings, check)
    assert found[0].status is status
    assert remedy in found[0].remedy
    others = [one for one in findings if one.status is Status.FAIL and one.check not in (check, *SANE)]
    assert all(one.check in ("probe", "hearing", "writing", "filter") for one in others), others


@pytest.mark.parametrize("door", ["ami", "ari"])
async def test_a_closed_port_is_told_apart_from_one_that_speaks_something_else(
    ward: Asterisk, tmp_path: Path, door: str
) -> None:
    closed, other = free_port(ward.host), ward.ari_port if door == "ami" else ward.ami_port
    where = {"ami": lambda port: {"ami_port": port}, "ari": lambda port: {"ari_url": f"http://{ward.host}:{port}"}}
    refused = await examined(configuration(ward, **where[door](closed)), tmp_path, door)
    (finding,) = of(refused, door)
    assert finding.unreachable
    assert "refused" in finding.what.lower()
    assert {"ami": "manager.conf", "ari": "http.conf"}[door] in finding.remedy
    strange = await examined(configuration(ward, **where[door](other)), tmp_path, door)
    (finding,) = of(strange, door)
    assert finding.status is Status.FAIL
    assert not finding.unreachable
    assert {"ami": "another service's port", "ari": "HTTP port"}[door] in finding.remedy


async def test_a_missing_mixmonitor_is_found_by_its_module_and_by_the_probe(ward: Asterisk, tmp_path: Path) -> None:
    await ward.cli("module unload app_mixmonitor.so")
    try:
        findings = await examined(configuration(ward), tmp_path)
    finally:
        await ward.cli("module load app_mixmonitor.so")
    assert worst(findings, "modules").status is Status.FAIL
    assert "load = app_mixmonitor.so" in worst(findings, "modules").remedy
    assert worst(findings, "writing").status is Status.FAIL
    assert "app_mixmonitor.so is not loaded" in worst(findings, "probe").remedy
    again = await examined(configuration(ward), tmp_path, "modules", "probe")
    assert {one.status for one in again} == {Status.OK}


async def test_a_folder_that_is_not_the_pbxs_is_found_by_what_the_pbx_cannot_find_in_it(
    ward: Asterisk, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    findings = await examined(configuration(ward, spool_dir=tmp_path / "elsewhere"), tmp_path, "probe")
    probe = worst(findings, "probe")
    assert probe.status is Status.FAIL
    assert "the PBX does not find" in probe.what
    assert "one folder under two names" in probe.remedy
    assert not list((tmp_path / "elsewhere").iterdir())
    for left in ward.monitor_dir.glob("onrecord-doctor*"):  # what the PBX wrote where we do not look
        left.unlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run Asterisk as somebody else")
async def test_a_folder_that_the_pbx_or_the_controller_may_not_write_is_told_apart_from_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with as_nobody() as pbx:
        closed = pbx.home / "spool" / "closed"
        closed.mkdir(mode=0o755)
        text = configuration(
            pbx,
            monitor_dir=pbx.pbx_path(closed),
            spool_dir=closed,
            ami_user=pbx.ami_user,
            ami_secret=pbx.ami_secret,
        )
        findings = await examined(text, tmp_path, "probe")
        left = list(closed.iterdir())
        monkeypatch.setattr(probing, "service_user", lambda _config: pwd.getpwnam("daemon"))
        others = await examined(
            configuration(pbx, ami_user=pbx.ami_user, ami_secret=pbx.ami_secret), tmp_path, "probe"
        )
        kept = list(pbx.monitor_dir.glob("onrecord-doctor*"))
    assert worst(others, "probe").status is Status.FAIL
    assert "by daemon: " in worst(others, "probe").what  # not taken out, or not even read where a home is closed
    assert not kept
    probe = worst(findings, "probe")
    assert probe.status is Status.FAIL
    assert "reads this folder and may not write it" in probe.what
    assert "install -d -o asterisk" in probe.remedy
    assert not left


@asynccontextmanager
async def as_nobody() -> AsyncIterator[Asterisk]:
    """A private Asterisk that runs as an ordinary user, so that rights to files mean something."""
    pbx = Asterisk(lab.install())
    try:
        pbx.write_configuration()
        settings = pbx.home / "etc" / "asterisk.conf"
        settings.write_text(settings.read_text() + "\nrunuser = nobody\nrungroup = nogroup\n")
        for path in (pbx.home, *pbx.home.rglob("*")):
            os.chown(path, 65534, 65534)
        await pbx.start()
        yield pbx
    finally:
        await pbx.stop()
        pbx.sweep()


async def test_without_the_module_for_its_channel_the_probe_is_skipped_and_names_it(
    ward: Asterisk, tmp_path: Path
) -> None:
    await ward.cli("module unload chan_bridge_media.so")
    try:
        findings = await examined(configuration(ward), tmp_path, "probe", "feature-codes")
    finally:
        await ward.cli("module load chan_bridge_media.so")
    assert {one.status for one in findings} == {Status.SKIPPED}
    assert all("chan_bridge_media.so loaded" in one.remedy for one in findings)


async def test_endpoints_with_traps_are_named(ward: Asterisk, tmp_path: Path) -> None:
    findings = await examined(configuration(ward), tmp_path, *SANE)
    direct, codecs = worst(findings, "direct-media"), worst(findings, "codecs")
    assert (direct.status, direct.measured["endpoints"]) == (Status.WARN, ["direct"])
    assert "direct_media = no" in direct.remedy
    assert (codecs.status, codecs.measured["codec"]) == (Status.FAIL, "g729")
    assert codecs.measured["endpoints"] == ["narrow"]
    assert [one.measured["endpoints"] for one in of(findings, "record-keys")] == [["keyed"], ["armed"]]
    local = worst(findings, "local")
    assert (local.status, local.measured["pinned"], local.measured["local"]) == (Status.WARN, 1, 2)


async def test_codes_of_asterisks_own_that_record_or_meet_ours_are_named(ward: Asterisk, tmp_path: Path) -> None:
    rules = RULES + '[keys]\ncodes = { record = "*2", pause = "*7" }\n'
    findings = of(await examined(configuration(ward, rules), tmp_path, "feature-codes"), "feature-codes")
    assert [(one.status, one.measured["code"]) for one in findings] == [(Status.WARN, "*3"), (Status.WARN, "*2")]
    assert "take automixmon out" in findings[0].remedy
    assert "another code for atxfer" in findings[1].remedy


async def test_record_keys_without_their_features_are_found_and_with_them_are_well(
    asterisk: Asterisk, tmp_path: Path
) -> None:
    rules = RULES + "[keys]\nrecord_key = true\n"
    text = configuration(asterisk, rules, ami_user=asterisk.ami_user, ami_secret=asterisk.ami_secret)
    (with_,) = of(await examined(text, tmp_path, "features"), "features")
    async with Asterisk.running(lab.install(), extra={"features.conf": "[featuremap]\natxfer => *2\n"}) as bare:
        text = configuration(bare, rules, ami_user=bare.ami_user, ami_secret=bare.ami_secret)
        (without,) = of(await examined(text, tmp_path, "features"), "features")
    assert (without.status, without.measured["missing"]) == (Status.FAIL, ["onrecord_on", "onrecord_off"])
    assert "onrecord init" in without.remedy
    assert with_.status is Status.OK


async def test_prompts_that_the_pbx_cannot_play_are_named(asterisk: Asterisk, tmp_path: Path) -> None:
    rules = RULES.replace('extension = "100"', 'extension = "100"\nannounce_inbound = "notify"\nlanguage = "de"')
    rules += '[defaults]\nlanguage = "en"\n'
    folder = asterisk.monitor_dir / "prompts"
    text = configuration(
        asterisk,
        rules,
        ami_user=asterisk.ami_user,
        ami_secret=asterisk.ami_secret,
        prompts_dir=asterisk.pbx_path(folder),
    )
    try:
        for language in ("en", "de"):
            (folder / language).mkdir(parents=True)
        sounds.write_wav(folder / "en" / "recorded.wav", sounds.tone(600, 2.0))
        (half,) = of(await examined(text, tmp_path, "prompts"), "prompts")
        sounds.write_wav(folder / "de" / "recorded.wav", sounds.tone(600, 0.1))
        (whole,) = of(await examined(text, tmp_path, "prompts"), "prompts")
    finally:
        shutil.rmtree(folder)
    assert (half.status, half.measured["missing"]) == (Status.FAIL, ["de/recorded"])
    assert "onrecord prompt place" in half.remedy
    assert whole.status is Status.OK


async def test_words_and_sounds_of_notices_that_are_missing_are_named(asterisk: Asterisk, tmp_path: Path) -> None:
    rules = RULES.replace(
        'extension = "100"', 'extension = "100"\nnotice_pause = "spoken"\nbeep = 15\non_failure = "end"'
    )
    folder = asterisk.monitor_dir / "prompts"
    place = asterisk.pbx_path(folder)
    mine = {"ami_user": asterisk.ami_user, "ami_secret": asterisk.ami_secret, "prompts_dir": place}
    text = configuration(asterisk, rules, failure_sound=f"sound:{place}/sorry", **mine)
    try:
        (folder / "en").mkdir(parents=True)
        sounds.write_wav(folder / "en" / "paused.wav", sounds.tone(600, 1.0))
        (half,) = of(await examined(text, tmp_path, "prompts"), "prompts")
        (silent,) = of(await examined(text, tmp_path, "notices"), "notices")
        sounds.write_wav(folder / "en" / "resumed.wav", sounds.tone(600, 1.0))
        sounds.write_wav(folder / "sorry.wav", sounds.tone(600, 0.1))
        (whole,) = of(await examined(text, tmp_path, "prompts"), "prompts")
        (heard,) = of(await examined(text, tmp_path, "notices"), "notices")
        tones = configuration(asterisk, rules, **mine)
        (made,) = of(await examined(tones, tmp_path, "notices"), "notices")
        without = "\n".join(line for line in tones.splitlines() if not line.startswith("ari."))
        (deaf,) = of(await examined(without, tmp_path, "notices"), "notices")
    finally:
        shutil.rmtree(folder)
    assert (half.status, half.measured["missing"]) == (Status.FAIL, ["en/resumed"])
    assert (silent.status, silent.measured["missing"]) == (Status.FAIL, [f"failure_sound (sound:{place}/sorry)"])
    assert "failure_sound under [[pbx]] main" in silent.remedy
    assert [each.status for each in (whole, heard, made)] == [Status.OK] * 3
    assert (deaf.status, "without ARI nobody hears" in deaf.what) == (Status.FAIL, True)


DIALPLAN = """
[others]
exten => wide,1,MixMonitor(/tmp/a.wav16,D)
exten => narrow,1,MixMonitor(/tmp/a.wav,Db)
exten => raw,1,MixMonitor(/tmp/a.raw,D)
exten => sides,1,MixMonitor(/tmp/a.wav,r(/tmp/b-D.wav)t(/tmp/Db.wav))
exten => sound,1,MixMonitor(/tmp/a.wav16,,echo Db)
"""


async def test_recorders_of_the_dialplan_that_break_their_files_or_miss_the_call_are_named(tmp_path: Path) -> None:
    async with Asterisk.running(lab.install(), extra={"extensions.d/others.conf": DIALPLAN}) as pbx:
        text = configuration(pbx, ami_user=pbx.ami_user, ami_secret=pbx.ami_secret)
        stereo, bridged = of(await examined(text, tmp_path, "dialplan"), "dialplan")
        await pbx.cli("dialplan remove extension wide@others")
        await pbx.cli("dialplan remove extension narrow@others")
        (well,) = of(await examined(text, tmp_path, "dialplan"), "dialplan")
    assert stereo.status is bridged.status is Status.WARN
    assert sorted(stereo.measured["lines"]) == ["others,narrow,1", "others,wide,1"]  # type: ignore[call-overload]
    assert "at 16 kHz" in stereo.what
    assert bridged.measured["lines"] == ["others,narrow,1"]
    assert "(3 lines)" in well.what
    assert well.status is Status.OK


async def test_strangers_in_the_policy_are_named_with_what_was_probably_meant(ward: Asterisk, tmp_path: Path) -> None:
    rules = (
        RULES
        + """
[[extension]]
number = "1000"
[[extension]]
number = "102"
[[trunk]]
name = "carier2"
[[ring_group]]
number = "600"
[[ring_group]]
number = "333"
[[rule]]
name = "misspelt"
queue = "Sales"
mode = "always"
[[rule]]
name = "gone"
extension = ["101", "177", "18."]
mode = "always"
"""
    )
    findings = await examined(configuration(ward, rules), tmp_path, "policy")
    named = {str(one.measured["subject"]): one.remedy for one in of(findings, "policy") if one.status is Status.WARN}
    assert set(named) == {"extension 1000", "trunk carier2", "ring_group 333", "queue Sales", "extension 177"}
    assert "did you mean 'carrier2'?" in named["trunk carier2"]
    assert "did you mean 'sales'?" in named["queue Sales"]
    assert "the rule 'gone'" in named["extension 177"]


async def test_somebody_elses_recorder_is_seen_on_a_live_call(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    alice, bob = await phone("100"), await phone("101")
    bob.auto(sounds.tone(700), loop=True)
    text = configuration(
        asterisk,
        ami_user=asterisk.ami_user,
        ami_secret=asterisk.ami_secret,
        monitor_dir=asterisk.pbx_path(asterisk.monitor_dir) + "/ours",
        spool_dir=asterisk.monitor_dir / "ours",
    )
    call = await alice.call("101", say=sounds.tone(450), loop=True)
    clean = await examined(text, tmp_path, "others")
    channels = (await asterisk.cli("core show channels concise")).splitlines()
    name = next(line.partition("!")[0] for line in channels if line.startswith("PJSIP/100"))
    await asterisk.cli(f"mixmonitor start {name} freepbx.wav")
    found = await examined(text, tmp_path, "others")
    await call.hangup()
    (asterisk.monitor_dir / "freepbx.wav").unlink(missing_ok=True)
    assert worst(clean, "others").status is Status.OK
    assert worst(found, "others").status is Status.WARN
    assert "freepbx" in worst(found, "others").what


async def test_with_class_command_a_recorder_is_seen_that_was_there_before_ours(
    ward: Asterisk, tmp_path: Path
) -> None:
    ours = ward.pbx_path(ward.monitor_dir) + "/main-1.0"
    async with lab.phone(ward, "100") as alice:
        call = await alice.call("900", say=sounds.tone(450), loop=True)
        channels = (await ward.cli("core show channels concise")).splitlines()
        name = next(line.partition("!")[0] for line in channels if line.startswith("PJSIP/100"))
        await ward.cli(f"dialplan set chanvar {name} ONRECORD main-1.0")
        await ward.cli(f"mixmonitor start {name} {ours}.wav")
        alone = await examined(configuration(ward, ami_user="commanding"), tmp_path, "others")
        await ward.cli(f"mixmonitor stop {name}")
        await ward.cli(f"mixmonitor start {name} freepbx.wav")
        await ward.cli(f"mixmonitor start {name} {ours}.wav")
        plain = await examined(configuration(ward), tmp_path, "others")
        deeper = await examined(configuration(ward, ami_user="commanding"), tmp_path, "others")
        await call.hangup()
    assert [one.status for one in of(alone, "others")] == [Status.OK]
    assert [one.status for one in of(plain, "others")] == [Status.OK]
    assert worst(deeper, "others").status is Status.WARN
    assert "freepbx" in worst(deeper, "others").what


async def test_an_examination_beside_the_running_controller_disturbs_no_call_and_leaves_no_row(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    alice, bob = await phone("100"), await phone("101")
    bob.auto(sounds.tone(700), loop=True)
    for name in ("store", "spool"):
        (tmp_path / name).mkdir()
    async with running(tmp_path, '[[rule]]\nname = "all"\nextension = "*"\nmode = "always"\n', asterisk) as app:
        call = await alice.call("101", say=sounds.tone(450), loop=True)
        findings = await asyncio.to_thread(lambda: asyncio.run(Examination(app.config).run()))
        await call.hangup()
        async with asyncio.timeout(20):
            while app.engine.sessions:
                await asyncio.sleep(0.02)
            await app.line.idle()
            while len(rows := await list_calls(app.catalogue)) < 1:
                await asyncio.sleep(0.05)
        assert app.engine.links == {"main": ""}
    assert [one for one in findings if one.status is Status.FAIL] == []
    assert worst(findings, "controller").status is Status.OK
    assert worst(findings, "others").status is Status.OK
    assert len(rows) == 1
    assert [one.status.value for one in rows[0].recordings] == ["kept"]


ONRECORD = Path(sys.executable).with_name("onrecord")


async def command(text: str, folder: Path, *arguments: str) -> tuple[int | None, str, str]:
    path = folder / "onrecord.toml"
    path.write_text(text)
    process = await asyncio.create_subprocess_exec(
        ONRECORD,
        "doctor",
        "--config",
        path,
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def test_the_command_ends_with_0_1_2_or_3_and_prints_json(ward: Asterisk, tmp_path: Path) -> None:
    good = configuration(ward)
    code, out, err = await command(good, tmp_path, "--only", "probe", "--only", "version", "--json")
    assert (code, err) == (0, "")
    assert [(one["check"], one["where"], one["status"]) for one in json.loads(out)] == [
        ("version", "main", "ok"),
        ("probe", "main", "ok"),
    ]
    code, out, _ = await command(configuration(ward, ami_user="nobody"), tmp_path)
    assert code == 1
    assert "refused the login" in out
    assert "not looked at: it needs ami" in out
    code, out, _ = await command(configuration(ward, ami_port=free_port(ward.host)), tmp_path)
    assert code == 3
    code, out, err = await command(good, tmp_path, "--only", "weather")
    assert code == 2
    assert "there is no check 'weather'" in err
    code, _, err = await command("[[rule]]\n", tmp_path)
    assert code == 2
    assert SECRET not in out + err
