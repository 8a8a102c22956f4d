"""A real third-party desk phone: baresip (Debian, 1.0) that registers, answers by itself, dials and speaks a file."""

from __future__ import annotations

import asyncio
import json
import math
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np

from controller.lab import sounds
from controller.lab.addresses import free_port
from controller.lab.asterisk import Asterisk
from controller.lab.root import WITH_US
from controller.lab.sounds import Samples

# aubridge is only there because baresip 1.0 gives up a call that has no player: it plays into nothing.
CONFIG = """\
poll_method epoll
sip_listen {host}:0
net_interface {host}
audio_player aubridge,nowhere
audio_source aufile,{source}
audio_alert aubridge,bell
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
audio_buffer 20-160
snd_path {folder}/heard
module_path {modules}
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen {host}:{control}
"""
MODULES = ("/usr/lib/baresip/modules", "/usr/lib/x86_64-linux-gnu/baresip/modules", "/usr/local/lib/baresip/modules")


def _modules() -> str:
    return next((path for path in MODULES if Path(path).is_dir()), MODULES[0])


class Baresip:
    """One running baresip; commands and events go over its control port (JSON in netstrings)."""

    def __init__(self, pbx: Asterisk, extension: str, folder: Path) -> None:
        self.pbx, self.extension, self.folder = pbx, extension, folder
        self.host = pbx.phone_address(extension)
        self.control = free_port(self.host)
        self.events: list[dict[str, Any]] = []
        self._news = asyncio.Condition()
        self._process: asyncio.subprocess.Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None

    async def dial(self, number: str) -> None:
        """Call a number and wait until it is answered. Raises TimeoutError."""
        seen = len(self.events)
        await self.command("dial", f"sip:{number}@{self.pbx.host}:{self.pbx.sip_port}")
        await self.until("CALL_ESTABLISHED", since=seen)

    async def hangup(self) -> None:
        seen = len(self.events)
        await self.command("hangup")
        await self.until("CALL_CLOSED", since=seen)

    async def until(self, kind: str, *, since: int = 0, deadline: float = 10) -> dict[str, Any]:
        """The first event of this type (REGISTER_OK, CALL_INCOMING, CALL_ESTABLISHED, CALL_CLOSED, …)."""
        async with asyncio.timeout(deadline), self._news:
            while True:
                for event in self.events[since:]:
                    if event.get("type") == kind:
                        return event
                await self._news.wait()

    def heard(self) -> Samples:
        """What it heard in its last finished call."""
        files = sorted((self.folder / "heard").glob("*dec.wav"))
        if not files:
            raise RuntimeError("baresip has finished no call yet")
        return sounds.read_wav(files[-1])[0]

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    async def command(self, name: str, params: str = "") -> None:
        """Send one command of baresip's menu."""
        if self._writer is None:
            raise RuntimeError("baresip is not running")
        text = json.dumps({"command": name, "params": params, "token": name}).encode()
        self._writer.write(b"%d:%s," % (len(text), text))
        await self._writer.drain()

    async def start(self, source: Path) -> None:
        """Start and register. Raises TimeoutError or RuntimeError."""
        values = {"host": self.host, "source": source, "folder": self.folder, "control": self.control}
        (self.folder / "heard").mkdir()
        (self.folder / "config").write_text(CONFIG.format(modules=_modules(), **values))
        account = f"<sip:{self.extension}@{self.pbx.host}:{self.pbx.sip_port};transport=udp>"
        account += f";auth_pass={self.pbx.phone_secret};answermode=auto;regint=3600;audio_codecs=PCMU\n"
        (self.folder / "accounts").write_text(account)
        (self.folder / "contacts").touch()
        with (self.folder / "log").open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *WITH_US,
                "baresip",
                "-4",
                "-f",
                str(self.folder),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        async with asyncio.timeout(10):
            await self._connect()
        # It may have registered before we were connected to hear of it: ask the PBX.
        try:
            async with asyncio.timeout(10):
                while f"@{self.host}:" not in await self.pbx.cli("pjsip show contacts"):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise RuntimeError(f"baresip did not register:\n{self.log()}") from None

    async def stop(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()  # unregisters and hangs up
            try:
                await asyncio.wait_for(self._process.wait(), 5)
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
        if self._writer is not None:
            self._writer.close()

    async def _connect(self) -> None:
        while True:
            if self._process is None or self._process.returncode is not None:
                raise RuntimeError(f"baresip ended:\n{self.log()}")
            try:
                reader, self._writer = await asyncio.open_connection(self.host, self.control)
            except OSError:
                await asyncio.sleep(0.02)
                continue
            self._task = asyncio.create_task(self._listen(reader), name=f"baresip-{self.extension}")
            return

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        while True:
            try:
                size = await reader.readuntil(b":")
                text = await reader.readexactly(int(size[:-1]) + 1)
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            async with self._news:
                self.events.append(json.loads(text[:-1]))
                self._news.notify_all()


@asynccontextmanager
async def baresip(pbx: Asterisk, extension: str, *, say: Samples, seconds: float = 120) -> AsyncIterator[Baresip]:
    """A registered baresip as the phone of an extension: answers every call by itself, speaks `say` again and again.

    A call ends after `seconds` at the latest: at the end of its file baresip 1.0 hangs up.
    """
    folder = Path(tempfile.mkdtemp(prefix="baresip-"))
    source = folder / "say.wav"
    sounds.write_wav(source, np.tile(say, math.ceil(seconds * sounds.RATE / len(say))))
    phone = Baresip(pbx, extension, folder)
    try:
        await phone.start(source)
        yield phone
    finally:
        await phone.stop()
        shutil.rmtree(folder, ignore_errors=True)
