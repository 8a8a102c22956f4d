"""Load, and a real third-party SIP stack: sipp (Debian's sip-tester 3.6) as a carrier, with real RTP."""

from __future__ import annotations

import asyncio
import csv
import shutil
import signal
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from controller.lab.addresses import free_port
from controller.lab.asterisk import Asterisk
from controller.lab.root import WITH_US
from controller.lab.sounds import Samples, to_ulaw


@dataclass(frozen=True, slots=True)
class Tally:
    """How many calls went as the scenario says, and how many did not."""

    succeeded: int
    failed: int


class Sipp:
    """One running sipp."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path) -> None:
        self._process, self._folder = process, folder

    async def finished(self, deadline: float) -> Tally:
        """Wait until it has placed all its calls. Raises TimeoutError; RuntimeError with its words if it broke."""
        await asyncio.wait_for(self._process.wait(), deadline)
        # 0: all calls went well; 1: at least one failed; the rest are sipp's own troubles.
        if self._process.returncode not in (0, 1):
            raise RuntimeError(f"sipp ended with {self._process.returncode}: {self._words()}")
        return self.tally()

    def tally(self) -> Tally:
        """The counts so far (sipp writes them once a second)."""
        table = self._folder / "stat.csv"
        lines = table.read_text().splitlines() if table.exists() else []
        if len(lines) < 2:
            return Tally(0, 0)
        last = list(csv.DictReader(lines, delimiter=";"))[-1]
        return Tally(int(last["SuccessfulCall(C)"]), int(last["FailedCall(C)"]))

    async def stop(self) -> None:
        """SIGUSR1 lets running calls end; whoever is still there after 3 s is killed."""
        if self._process.returncode is not None:
            return
        self._process.send_signal(signal.SIGUSR1)
        try:
            await asyncio.wait_for(self._process.wait(), 3)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    def troubles(self) -> str:
        """What sipp did not expect, in its own words; empty when all went well."""
        log = self._folder / "error.log"
        return log.read_text(errors="replace") if log.exists() else ""

    def _words(self) -> str:
        return "".join(path.read_text(errors="replace")[-2000:] for path in sorted(self._folder.glob("*.log")))


@asynccontextmanager
async def calling(
    pbx: Asterisk,
    trunk: str,
    to: str,
    *,
    say: Samples,
    caller: str = "0301234567",
    seconds: float = 3.0,
    calls: int = 1,
    rate: float = 1.0,
) -> AsyncIterator[Sipp]:
    """`calls` calls to `to` through a trunk, `rate` a second, each speaking `say` in a loop for `seconds`."""
    host, _ = pbx.carriers[trunk]
    places = {"to": to, "caller": caller, "milliseconds": str(round(seconds * 1000))}
    options = ["-m", str(calls), "-r", str(rate), "-l", str(calls)]
    async with _sipp(pbx, "calls.xml", places, say, host, free_port(host, socket.SOCK_DGRAM), options) as sipp:
        yield sipp


@asynccontextmanager
async def answering(pbx: Asterisk, trunk: str, *, say: Samples, after: float = 0.0) -> AsyncIterator[Sipp]:
    """A trunk's far end that answers every call after `after` seconds of ringing and speaks `say` to the end."""
    host, port = pbx.carriers[trunk]
    places = {"milliseconds": str(round(after * 1000))}
    async with _sipp(pbx, "answers.xml", places, say, host, port, []) as sipp:
        yield sipp


@asynccontextmanager
async def _sipp(
    pbx: Asterisk, scenario: str, places: dict[str, str], say: Samples, host: str, port: int, options: list[str]
) -> AsyncIterator[Sipp]:
    folder = Path(tempfile.mkdtemp(prefix="sipp-"))
    audio = folder / "say.ulaw"
    audio.write_bytes(to_ulaw(say))
    text = (resources.files("controller.lab") / "scenarios" / scenario).read_text()
    for name, value in {**places, "audio": str(audio)}.items():
        text = text.replace(f"%{name}%", value)
    (folder / scenario).write_text(text)
    command = [
        *WITH_US,
        "sipp",
        f"{pbx.host}:{pbx.sip_port}",
        "-sf",
        scenario,
        "-i",
        host,
        "-mi",
        host,
        "-p",
        str(port),
    ]
    command += ["-nostdin", "-trace_stat", "-stf", "stat.csv", "-fd", "1", "-trace_err", "-error_file", "error.log"]
    with (folder / "screen.log").open("wb") as screen:
        process = await asyncio.create_subprocess_exec(
            *command,
            *options,
            cwd=folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=screen,
            stderr=screen,
            start_new_session=True,
        )
    sipp = Sipp(process, folder)
    try:
        yield sipp
    finally:
        await sipp.stop()
        shutil.rmtree(folder, ignore_errors=True)
