"""For benchmarks on a real Asterisk: a private one, the whole controller beside it in a process of its own, and what
both spend. Not a benchmark itself."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from controller import lab
from controller.control import NotRunning, ask
from controller.lab import Asterisk
from controller.lab.home import HOME, pbx_table
from controller.lab.root import WITH_US

OURS, DIALPLAN = "0205550991", "0205550992"
"""Numbers of the same callee: recorded by us, and by the dialplan itself."""
DIALS = f"""
[ddi](+)
exten => {OURS},1,Dial(PJSIP/0207000001@carrier2,30)
 same => n,Hangup()
exten => {DIALPLAN},1,Dial(PJSIP/0207000001@carrier2,30,U(recorded^${{UNIQUEID}}))
 same => n,Hangup()

; Run on the answered leg before it is bridged.
[recorded]
exten => s,1,MixMonitor(dialplan-${{ARG1}}.wav,r(dialplan-${{ARG1}}-r.wav)t(dialplan-${{ARG1}}-t.wav))
 same => n,Return()
"""
POLICY = f"""
[organisation]
name = "Bench"
time_zone = "UTC"
[numbers]
country = "NL"
internal = ["1.."]
[[trunk]]
name = "carrier1"
[[trunk]]
name = "carrier2"
[[rule]]
name = "ours"
ddi = "{OURS}"
mode = "always"
[ownership]
catch_all = "bench"
{HOME}
[log]
level = "warning"
"""
COMMAND = "import sys; from controller.cli import main; sys.exit(main())"


@dataclass(frozen=True, slots=True)
class Controller:
    """A running controller: its process, and the folder of its files."""

    process: asyncio.subprocess.Process
    folder: Path

    @property
    def stored(self) -> list[Path]:
        """The finished recordings."""
        return sorted((self.folder / "store").rglob("recording.wav"))

    async def status(self) -> dict[str, object]:
        """What `onrecord` would be told. Raises NotRunning."""
        return await asyncio.to_thread(ask, self.folder / "control.sock", {"do": "status"})

    async def connected(self, deadline: float = 120) -> None:
        """Wait until it hears the PBX."""
        async with asyncio.timeout(deadline):
            while True:
                try:
                    pbxs = (await self.status())["pbxs"]
                    if isinstance(pbxs, Mapping) and set(pbxs.values()) == {"connected"}:
                        return
                except NotRunning:
                    if self.process.returncode is not None:
                        raise RuntimeError(self.said()) from None
                await asyncio.sleep(0.1)

    async def worked_off(self, recordings: int, deadline: float = 600) -> None:
        """Wait until so many recordings are stored and the spool holds nothing of them."""
        async with asyncio.timeout(deadline):
            while len(self.stored) < recordings or any((self.folder / "spool").rglob("*.wav")):  # noqa: ASYNC110
                await asyncio.sleep(0.5)

    def said(self) -> str:
        """The end of its log."""
        return (self.folder / "log").read_text(errors="replace")[-4000:]


@asynccontextmanager
async def asterisk() -> AsyncIterator[Asterisk]:
    """A private Asterisk on which OURS and DIALPLAN can be called from carrier1."""
    async with Asterisk.running(lab.install(), extra={"extensions.d/bench.conf": DIALS}) as pbx:
        yield pbx


@asynccontextmanager
async def controlling(pbx: Asterisk, folder: Path, policy: str = POLICY) -> AsyncIterator[Controller]:
    """`onrecord run` beside this PBX, with everything it does in daily life, in a process of its own."""
    (folder / "onrecord.toml").write_text(policy + pbx_table(pbx))
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *WITH_US,
            *(sys.executable, "-c", COMMAND, "run", "--config", str(folder / "onrecord.toml")),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder,
            start_new_session=True,
        )
    controller = Controller(process, folder)
    try:
        await controller.connected()
        yield controller
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), 30)
            except TimeoutError:
                process.kill()
                await process.wait()


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds of CPU, user and system, of a process and of all that it ever started."""

    own: float
    children: float

    @property
    def all(self) -> float:
        return self.own + self.children

    def since(self, earlier: Spent) -> Spent:
        return Spent(self.own - earlier.own, self.children - earlier.children)


TICK = os.sysconf("SC_CLK_TCK")


def spent(pid: int) -> Spent:
    """From /proc/PID/stat (proc(5)): fields 14 to 17, in clock ticks; `children` also of those that still live."""
    own, reaped = _ticks(pid)
    living = sum(sum(_ticks(child)) for child in _descendants(pid))
    return Spent(own / TICK, (reaped + living) / TICK)


def _ticks(pid: int) -> tuple[int, int]:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    user, system, children_user, children_system = (int(text) for text in fields[11:15])
    return user + system, children_user + children_system


def _descendants(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield int(child)
            yield from _descendants(int(child))


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of all is not above."""
    ordered = sorted(values)
    return ordered[max(0, -(-round(share * 1000) * len(ordered) // 1000) - 1)]


def machine() -> str:
    """Cores and processor, as /proc/cpuinfo names it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
    return f"{os.cpu_count()} cores, {model}"


def keep(path: Path | None, figures: object) -> None:
    """Write the figures where the command line says."""
    if path is not None:
        path.write_text(json.dumps(figures, indent=2) + "\n")
