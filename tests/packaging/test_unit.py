"""The systemd unit: the program keeps its side of Type=notify, and can do all its work inside the unit's walls."""

from __future__ import annotations

import asyncio
import grp
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from controller import app
from controller.config.machinery import Catalogue, Control, Journal, Pbx, Spool, Store
from controller.lab.home import HOME
from tests.packaging.unit import FILE, ROOT, allowed, seconds, setting, settings

SYSTEMD = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here")
PBX = """
[[pbx]]
name = "main"
ami = { port = 1, secret = "x" }
"""


class Service:
    """`onrecord run` as systemd starts it, and what it told through NOTIFY_SOCKET."""

    def __init__(self, process: asyncio.subprocess.Process, told: asyncio.Queue[str], folder: Path) -> None:
        self.process, self.folder = process, folder
        self._told = told

    async def says(self, word: str) -> str:
        async with asyncio.timeout(30):
            while word not in (text := await self._told.get()):
                pass
        return text

    async def logs(self, true: Callable[[str], bool]) -> None:
        async with asyncio.timeout(30):
            while not true((self.folder / "log").read_text()):
                await asyncio.sleep(0.05)


@asynccontextmanager
async def service(folder: Path, *before: str, watchdog: float = 0.4, control: str = "") -> AsyncIterator[Service]:
    (folder / "onrecord.toml").write_text(PBX + HOME + control)
    told: asyncio.Queue[str] = asyncio.Queue()
    link = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    link.bind(str(folder / "notify"))
    link.setblocking(False)
    loop = asyncio.get_running_loop()
    loop.add_reader(link, lambda: told.put_nowait(link.recv(4096).decode()))
    environment = os.environ | {"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": str(int(watchdog * 1e6))}
    program = [sys.executable, "-c", "from controller.cli import main; main()", "run", "-c", folder / "onrecord.toml"]
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*before, *program, env=environment, stdout=log, stderr=log)
    try:
        yield Service(process, told, folder)
    finally:
        loop.remove_reader(link)
        link.close()
        if process.returncode is None:
            process.terminate()
            await asyncio.wait_for(process.wait(), 30)


async def test_it_says_that_it_is_ready_that_it_lives_and_ends_well_when_it_is_told_to(tmp_path: Path) -> None:
    assert setting("Type") == "notify"
    async with service(tmp_path) as running:
        assert "STATUS=serving main" in await running.says("READY=1")
        assert (tmp_path / "control.sock").exists()
        for _ in range(3):
            await running.says("WATCHDOG=1")
        running.process.terminate()
        assert await asyncio.wait_for(running.process.wait(), 10) == 0


async def test_the_signal_of_a_reload_puts_new_rules_in_force(tmp_path: Path) -> None:
    assert setting("ExecReload") == "/bin/kill -HUP $MAINPID"
    async with service(tmp_path) as running:
        await running.says("READY=1")
        running.process.send_signal(signal.SIGHUP)
        await running.logs(lambda log: "new policy in force" in log)


def test_a_stop_is_given_the_time_that_it_may_take() -> None:
    assert seconds("TimeoutStopSec") > app.TIDY_SECONDS + 10
    assert setting("KillMode") == "mixed"  # the children finish what the parent waits for


def test_the_command_is_one_that_the_program_has() -> None:
    program, *arguments = setting("ExecStart").split()
    assert program == "/opt/onrecord/bin/onrecord"
    main = "from controller.cli import main; main()"
    told = subprocess.run(
        [sys.executable, "-c", main, arguments[0], "--help"], capture_output=True, text=True, check=True
    )
    assert arguments[1] in told.stdout


def test_the_folders_of_the_configuration_can_be_written_and_nothing_else() -> None:
    assert setting("ProtectSystem") == "strict"
    open_places = [
        *(each.removeprefix("-") for each in setting("ReadWritePaths").split()),
        f"/var/lib/{setting('StateDirectory')}",
        f"/run/{setting('RuntimeDirectory')}",
    ]
    defaults = (
        field.default for table in (Store, Journal, Catalogue, Control) for field in table.model_fields.values()
    )
    built_in = [each for each in defaults if isinstance(each, Path)]
    assert len(built_in) == 4
    moved = [Path(str(Pbx.model_fields["monitor_dir"].default)), Path(str(Spool.model_fields["folder"].default))]
    memory = Path(str(Pbx.model_fields["provisional_dir"].default))
    for place in (*built_in, *moved, memory):
        assert any(place.is_relative_to(each) for each in open_places), place
    # One mount for both: between two a file cannot be moved, only copied.
    assert len({each for each in open_places for place in moved if place.is_relative_to(each)}) == 1


@SYSTEMD
def test_systemd_finds_no_mistake_in_it(tmp_path: Path) -> None:
    copy = tmp_path / FILE.name
    copy.write_text(FILE.read_text().replace("/opt/onrecord/bin/onrecord", sys.executable))
    told = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)], capture_output=True, text=True, check=False
    )
    ours = [line for line in told.stderr.splitlines() if FILE.name in line]
    assert (told.returncode, ours) == (0, []), told.stderr


@SYSTEMD
def test_systemd_calls_its_walls_good() -> None:
    told = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=18", str(FILE)],
        capture_output=True,
        text=True,
        check=False,
    )
    exposure = re.search(r"exposure level for onrecord.service: ([\d.]+)", told.stdout)
    assert exposure is not None, told.stdout + told.stderr
    assert float(exposure[1]) <= 1.8, told.stdout


WORK = """
import asyncio, sys
from controller.pipeline.children import Children
async def main():
    children = Children(1)
    print(await children.do(len, b"four"))
    # Not closed: the interpreter's end waits for the children in order.
if __name__ == "__main__":
    asyncio.run(main())
"""


@SYSTEMD
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not here")
async def test_the_filter_lets_through_every_system_call_that_the_program_makes(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    strace = ("strace", "-f", "-qq", "-o", str(trace))
    group = grp.getgrgid(os.getgid()).gr_name
    async with service(tmp_path, *strace, control=f'group = "{group}"\n') as running:
        await running.says("READY=1")
        await running.says("WATCHDOG=1")
        (child,) = (int(each) for each in _children(running.process.pid))
        os.kill(child, signal.SIGTERM)
        assert await asyncio.wait_for(running.process.wait(), 20) == 0
    used = _calls(trace)
    assert "chown" in used  # the control socket was given to the group
    (tmp_path / "work.py").write_text(WORK)
    worker = await asyncio.create_subprocess_exec(
        *strace, sys.executable, str(tmp_path / "work.py"), env=os.environ | {"PYTHONPATH": str(ROOT)}
    )
    assert await asyncio.wait_for(worker.wait(), 30) == 0
    used |= _calls(trace)
    assert "setpriority" in used  # the children come after the PBX
    assert used - allowed() == set()


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def _calls(trace: Path) -> set[str]:
    return set(re.findall(r"^\d+ +([a-z_0-9]+)\(", trace.read_text(errors="replace"), re.MULTILINE))


@pytest.mark.skipif(shutil.which("systemd-sysusers") is None, reason="systemd-sysusers is not here")
def test_its_user_is_made_and_may_reach_the_folder_of_the_pbx(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    for kind in ("sysusers", "tmpfiles"):
        place = tmp_path / "usr" / "lib" / f"{kind}.d"
        place.mkdir(parents=True)
        shutil.copy(ROOT / "packaging" / f"onrecord.{kind}", place / "onrecord.conf")
    (tmp_path / "usr/lib/sysusers.d/asterisk.conf").write_text('u asterisk - "Asterisk" /var/lib/asterisk\n')
    subprocess.run(["systemd-sysusers", f"--root={tmp_path}"], check=True, capture_output=True)
    groups = (tmp_path / "etc/group").read_text()
    assert re.search(r"^asterisk:.*:onrecord$", groups, re.MULTILINE)
    assert setting("User") in (tmp_path / "etc/passwd").read_text()
    if os.geteuid() != 0:
        pytest.skip("only root can give folders away")
    (tmp_path / "var/spool/asterisk/monitor").mkdir(parents=True)
    subprocess.run(["systemd-tmpfiles", f"--root={tmp_path}", "--create"], check=True, capture_output=True)
    folder = tmp_path / "var/spool/asterisk/monitor/onrecord"
    assert folder.stat().st_mode & 0o7777 == 0o2770
    assert folder.stat().st_gid == int(re.findall(r"^onrecord:[^:]*:(\d+)", groups, re.MULTILINE)[0])
    memory = tmp_path / str(Pbx.model_fields["provisional_dir"].default).lstrip("/")
    assert memory.stat().st_mode & 0o7777 == 0o2770
    assert memory.stat().st_gid == int(re.findall(r"^asterisk:[^:]*:(\d+)", groups, re.MULTILINE)[0])


def test_nothing_is_said_twice() -> None:
    keys = re.findall(r"^(\w+)=", FILE.read_text(), re.MULTILINE)
    assert {key for key in keys if keys.count(key) > 1} == {"SystemCallFilter"}
    assert settings("SystemCallFilter")[0] == "@system-service"
