"""The doctor's look at folders and disks, at the running controller, and at doors that are none."""

from __future__ import annotations

import asyncio
import os
import pwd
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from controller.doctor import places, reach
from controller.doctor.checks import HERE
from controller.doctor.finding import Finding, Status
from controller.pipeline.space import Space
from controller.watch.selftested import Outcome, write
from tests.doctor.paper import configuration, visit

CHECKS = {check.name: check for check in HERE}
NOBODY = pwd.getpwnam("nobody")


def run(check: str, folder: Path) -> list[Finding]:
    found = CHECKS[check].run(configuration(folder))
    assert isinstance(found, list)
    return found


def worst(findings: list[Finding]) -> Finding:
    order = [Status.FAIL, Status.WARN, Status.OK, Status.SKIPPED]
    return min(findings, key=lambda one: order.index(one.status))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The PBX's folder is there; the controller makes the others itself."""
    (tmp_path / "monitor").mkdir(mode=0o770)
    return tmp_path


def test_somebody_else_is_told_that_his_rights_are_not_the_controllers(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "service_user", lambda _config: NOBODY)
    monkeypatch.setattr(places.os, "geteuid", lambda: NOBODY.pw_uid + 1)
    (found,) = run("folders", home)
    assert (found.status, found.remedy) == (Status.WARN, "sudo -u nobody onrecord doctor")


def open_up(home: Path, factory: pytest.TempPathFactory) -> None:
    """Let everybody walk down to it."""
    # Workers have a folder of their own below that of the run, which is below that of the user.
    run = factory.getbasetemp().parent
    top = run.parent if run.name.startswith("pytest-") and run.parent.name.startswith("pytest-of-") else run
    for path in (home, *home.parents):
        if path.is_relative_to(top):
            path.chmod(0o755)


def test_folders_that_the_controller_will_make_are_well(home: Path) -> None:
    assert [one.status for one in run("folders", home)] == [Status.OK]
    assert sorted(path.name for path in home.iterdir()) == ["monitor"]


def test_a_folder_of_the_pbx_that_is_not_there_is_a_failure(home: Path) -> None:
    (home / "monitor").rmdir()
    found = worst(run("folders", home))
    assert found.status is Status.FAIL
    assert "is not there" in found.what
    assert f"-m 2770 {home / 'monitor'}" in found.remedy


def test_a_spool_that_is_a_file_is_a_failure(home: Path) -> None:
    (home / "spool").write_text("")
    assert "is no folder" in worst(run("folders", home)).what


def test_a_spool_below_a_file_cannot_be_made(home: Path) -> None:
    (home / "file").write_text("")
    config = configuration(home)
    spool = config.spool.model_copy(update={"folder": home / "file" / "spool"})
    found = places.folders(replace(config, spool=spool))
    assert "cannot be made" in worst(found).what


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can try as somebody else")
def test_rights_are_tried_as_the_controllers_user(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setattr(places, "service_user", lambda _config: NOBODY)
    open_up(home, tmp_path_factory)
    (home / "monitor").chmod(0o755)
    found = worst(run("folders", home))
    assert found.status is Status.FAIL
    assert "cannot be written by nobody: Permission denied" in found.what
    assert os.geteuid() == 0
    for name in ("monitor", "spool", "store", "journal"):
        (home / name).mkdir(exist_ok=True)
        os.chown(home / name, NOBODY.pw_uid, -1)
    os.chown(home, NOBODY.pw_uid, -1)
    assert [one.status for one in run("folders", home)] == [Status.OK]


def test_passwords_in_a_file_that_everybody_reads_are_a_failure(
    home: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = home / "onrecord.toml"
    file.write_text("")
    file.chmod(0o640)
    assert [one.status for one in run("configuration", home)] == [Status.OK]
    file.chmod(0o644)
    assert [one.status for one in run("configuration", home)] == [Status.OK]  # nobody gets as far as the file
    open_up(home, tmp_path_factory)
    (found,) = run("configuration", home)
    assert found.status is Status.FAIL
    assert f"chmod 640 {file}" in found.remedy


def test_doubtful_lines_of_the_configuration_are_told_again(home: Path) -> None:
    (home / "ami.secret").write_text("hush\n")
    (home / "ami.secret").chmod(0o644)
    found = places.configuration(configuration(home, ami='secret_file = "ami.secret"'))
    assert [one.status for one in found] == [Status.WARN]
    assert "ami.secret" in found[0].what


def full(free: int = 2**40, names: int = 10**6, disk: int = 7) -> object:
    return lambda folder: Space(folder, disk, 2**41, free, names)


@pytest.mark.parametrize(
    ("free", "names", "status", "what"),
    [
        (2**40, 10**6, Status.OK, "1024.0 GiB free (50%)"),
        (2**36, 10**6, Status.WARN, "(3%)"),
        (32_000 * 1800, 10**6, Status.FAIL, "0 h"),
        (2**40, 500, Status.FAIL, "500 more files"),
        (2**40, -1, Status.OK, ""),
    ],
)
def test_room_is_told_in_hours_of_conversation(
    home: Path, monkeypatch: pytest.MonkeyPatch, free: int, names: int, status: Status, what: str
) -> None:
    monkeypatch.setattr(places, "space", full(free, names))
    (found,) = run("room", home)
    assert found.status is status
    assert what in found.what


def test_folders_on_several_disks_are_told_with_what_that_costs(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disks = {"monitor": 1, "spool": 2, "store": 3}
    monkeypatch.setattr(places, "space", lambda folder: Space(folder, disks.get(folder.name, 9), 2**41, 2**40, -1))
    monkeypatch.setattr(places, "_kind", lambda folder: {"monitor": "nfs4", "spool": "nfs4"}.get(folder.name, "ext4"))
    said = " ".join(one.what for one in run("disks", home))
    assert "spool and store are on two file systems" in said
    assert "folder (nfs4) and the spool are on two" in said
    assert "the spool" in said
    assert "is on nfs4" in said


def test_a_store_in_memory_is_a_failure(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "_kind", lambda folder: "tmpfs" if folder.name == "store" else "ext4")
    found = worst(run("disks", home))
    assert (found.status, "the store" in found.what, "tmpfs" in found.what) == (Status.FAIL, True, True)


def test_recordings_on_the_systems_own_disk_are_warned_of_and_others_not(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Path("/").stat().st_dev
    monkeypatch.setattr(places, "_kind", lambda _folder: "ext4")
    monkeypatch.setattr(places, "space", full(disk=root))
    assert "system's own" in worst(run("disks", home)).what
    monkeypatch.setattr(places, "space", full(disk=root + 1))
    assert [one.status for one in run("disks", home)] == [Status.OK]


def test_the_kind_of_a_file_system_is_that_of_the_nearest_mount() -> None:
    assert places._kind(Path("/proc/self")) == "proc"
    assert places._kind(Path("/nothing/is/here")) == places._kind(Path("/"))


def test_a_folder_that_everybody_may_look_into_is_warned_of(
    home: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert [one.status for one in run("outsiders", home)] == [Status.OK]
    open_up(home, tmp_path_factory)
    assert [one.status for one in run("outsiders", home)] == [Status.OK]
    (home / "monitor").chmod(0o755)
    (found,) = run("outsiders", home)
    assert found.status is Status.WARN
    assert found.remedy == f"chmod o= {home / 'monitor'}"


def test_the_running_controllers_own_troubles_are_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [one.status for one in run("controller", home)] == [Status.SKIPPED]
    status: dict[str, object] = {"ok": True, "pid": os.getpid(), "config": str(home / "onrecord.toml"), "calls": 0}
    said = {"pbxs": {"main": "connected"}, "alarms": []}
    monkeypatch.setattr(places, "ask", lambda _path, _request: status | said)
    assert [one.status for one in run("controller", home)] == [Status.OK]
    said = {"pbxs": {"main": "connection lost"}, "alarms": [{"at": 1.0, "what": "a recorder died", "remedy": "look"}]}
    found = run("controller", home)
    assert [(one.status, one.remedy) for one in found] == [
        (Status.FAIL, "see the checks of that PBX"),
        (Status.WARN, "look"),
    ]
    said = {"pbxs": {}, "alarms": []}
    status["config"] = "/etc/other.toml"
    assert "/etc/other.toml" in worst(run("controller", home)).what


@asynccontextmanager
async def service(greeting: bytes) -> AsyncIterator[int]:
    """Something that listens, says its greeting, and nothing more; its port."""

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        await reader.read()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@pytest.mark.parametrize(
    ("greeting", "said"), [(b"SSH-2.0-OpenSSH_9.2\r\n", "it says 'SSH-2.0-OpenSSH_9.2'"), (b"", "it says nothing")]
)
async def test_a_port_of_something_else_is_not_taken_for_a_manager(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, greeting: bytes, said: str
) -> None:
    monkeypatch.setattr(reach, "GREETING_SECONDS", 0.2)
    config = configuration(tmp_path)
    async with service(greeting) as port:
        subject = visit(config)
        subject.pbx = subject.pbx.model_copy(update={"ami": subject.pbx.ami.model_copy(update={"port": port})})
        (found,) = await reach.manager(subject)
    assert found.status is Status.FAIL
    assert said in found.what
    assert "another service's port" in found.remedy


async def test_a_host_whose_name_nobody_knows_is_unreachable(tmp_path: Path) -> None:
    config = configuration(tmp_path, pbx='host = "pbx.invalid"')
    (found,) = await reach.manager(visit(config))
    assert found.unreachable
    assert "cannot be resolved" in found.what


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (None, Status.SKIPPED),
        (Outcome(time.time() - 86_400, True, time.time() - 86_400), Status.OK),
        (Outcome(time.time() - 9 * 86_400, True, time.time() - 9 * 86_400), Status.WARN),
        (Outcome(time.time(), False, 0.0, "sides", "the recorder is deaf there", "renew"), Status.FAIL),
    ],
)
def test_how_the_last_self_test_ended_is_told(home: Path, outcome: Outcome | None, status: Status) -> None:
    if outcome is not None:
        folder = configuration(home).journal.folder
        folder.mkdir(parents=True)
        write(folder, {"main": outcome})
    (found,) = run("selftest", home)
    assert found.status is status
    assert status is not Status.FAIL or ("sides" in found.what and found.remedy == "renew")
