"""One running private Asterisk: its own folder, addresses, ports, secrets and dialplan; started, stopped, killed."""

from __future__ import annotations

import asyncio
import base64
import os
import re
import secrets
import shutil
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib import resources
from pathlib import Path

from controller.lab import memory, sounds
from controller.lab.addresses import Lease, free_port, lease
from controller.lab.admin import Admin, Refused
from controller.lab.software import Install

PEOPLE = (
    *("Alice", "Bob", "Carol", "Dave", "Erin", "Frank", "Grace", "Henry", "Iris", "Jack"),
    *("Hanna", "Ivan", "Jana", "Karl", "Lena", "Mona", "Nils", "Olga", "Paul", "Rosa"),
)
NAMES = {str(number): name for number, name in enumerate(PEOPLE, 100)}
"""Extension -> whose phone it is."""
CARRIERS = ("carrier1", "carrier2")
PLACE = re.compile(r"@([a-z0-9_]+)@")


class AsteriskFailed(Exception):
    """The private Asterisk did not come up, or went away; the message holds the end of its own log."""


class Asterisk:
    """One private instance. Make it with `Asterisk.running(install)`; afterwards every attribute is ready to use.

    `host`, `sip_port`, `ami_port`, `ari_url`; `ami_user`/`ami_secret` (least rights), `ari_user`/`ari_secret`,
    `admin_user`/`admin_secret` (everything, for tests); `carriers` name -> (host, port) where our carrier must
    listen; `phone_secret`; `monitor_dir`, `host_path()`, `pbx_path()`.
    """

    ami_user = "onrecord"
    ari_user = "onrecord"
    admin_user = "admin"

    def __init__(self, install: Install, name: str | None = None, extra: dict[str, str] | None = None) -> None:
        """`extra` maps file names below etc/ (say "extensions.d/mine.conf") to text that the templates include."""
        self.install = install
        self.name = name or f"lab-{os.getpid()}-{secrets.token_hex(3)}"
        self.home = install.ground / self.name
        self.ami_secret, self.ari_secret, self.admin_secret, self.phone_secret = (
            secrets.token_urlsafe(12) for _ in range(4)
        )
        self._lease: Lease = lease()
        self.host = self._lease.address(1)
        self.sip_port = free_port(self.host, socket.SOCK_DGRAM)
        self.ami_port = free_port(self.host)
        self.ari_port = free_port(self.host)
        self.carriers = {name: self._carrier(n) for n, name in enumerate(CARRIERS, 1)}
        self.extra = extra or {}
        self._process: asyncio.subprocess.Process | None = None

    @classmethod
    @asynccontextmanager
    async def running(
        cls, install: Install, name: str | None = None, extra: dict[str, str] | None = None
    ) -> AsyncIterator[Asterisk]:
        """A started instance, stopped and swept away at the end."""
        sweep_ground(install.ground)
        pbx = cls(install, name, extra)
        try:
            pbx.write_configuration()
            await pbx.start()
            yield pbx
        finally:
            await pbx.stop()
            pbx.sweep()

    # -- where things are ------------------------------------------------------------------------------------

    @property
    def ari_url(self) -> str:
        return f"http://{self.host}:{self.ari_port}/ari"

    @property
    def monitor_dir(self) -> Path:
        """Where MixMonitor puts relative names, as this machine sees it."""
        return self.home / "spool" / "monitor"

    @property
    def memory_dir(self) -> Path:
        """A folder in memory: a file system of its own where root makes it, else below the machine's own."""
        return memory.folder(self.home)

    @property
    def memory_path(self) -> str:
        """The same as the PBX calls it."""
        return memory.inside(self.home, self.pbx_path(self.home))

    def pbx_path(self, host_path: Path) -> str:
        """How the PBX calls a file of ours."""
        return self.install.inside(host_path)

    def host_path(self, pbx_path: str) -> Path:
        """How we call a file of the PBX's; relative names lie in the monitor folder."""
        if not pbx_path.startswith("/"):
            return self.monitor_dir / pbx_path
        return self.install.outside(pbx_path)

    def phone_address(self, extension: str) -> str:
        """The loopback address that belongs to this extension in this lab."""
        return self._lease.address(int(extension) % 256)

    @property
    def proxy_host(self) -> str:
        """The loopback address of a proxy in front of this PBX."""
        return self._lease.address(2)

    @property
    def pid(self) -> int | None:
        """None while it is not running."""
        if self._process is None or self._process.returncode is not None:
            return None
        return self._process.pid

    # -- life ------------------------------------------------------------------------------------------------

    def write_configuration(self) -> None:
        """Fill in the templates; safe to repeat, and only the configuration is rewritten."""
        for folder in ("etc", "lib/keys", "run", "log", "moh", *(f"spool/{part}" for part in SPOOL)):
            (self.home / folder).mkdir(parents=True, exist_ok=True)
        memory.make(self.memory_dir)
        # Asterisk may run as somebody else (installed by a distribution); recordings must be ours to take away.
        sounds.write_wav(self.home / "moh" / "tune.wav", sounds.music())
        values = self._values()
        templates = resources.files("controller.lab") / "etc"
        for template in templates.iterdir():
            if template.name.endswith(".conf") and template.name != "phone.conf":
                (self.home / "etc" / template.name).write_text(fill(template.read_text(), values))
        for name in EMPTY:
            (self.home / "etc" / f"{name}.conf").touch()
        for name, text in self.extra.items():
            target = self.home / "etc" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        dialplan = Path(__file__).parents[2] / "dialplan" / "asterisk"
        if dialplan.is_dir():
            shutil.copytree(dialplan, self.home / "etc" / "dialplan", dirs_exist_ok=True)

    async def start(self, deadline: float = 30) -> None:
        """Start and wait until SIP, AMI and ARI all answer. Raises AsteriskFailed with the log's end."""
        command = self.install.command("asterisk", "-f", "-C", self.pbx_path(self.home / "etc" / "asterisk.conf"))
        log = (self.home / "log" / "console").open("ab")
        with log:
            self._process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,  # Ctrl-C is for us: we stop it in order
            )
        try:
            async with asyncio.timeout(deadline):
                await self._until_booted()
        except TimeoutError:
            await self.kill()
            raise AsteriskFailed(f"{self.name} was not up within {deadline} s\n{self.log_end()}") from None

    async def stop(self, deadline: float = 10) -> None:
        """SIGTERM to our own pid; recorders close their files. Kills after the deadline."""
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), deadline)
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """SIGKILL: nothing is closed, as in a power cut."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)
            await self._process.wait()

    async def restart(self) -> None:
        """Stop and start again: same addresses, ports, secrets and files."""
        await self.stop()
        await self.start()

    def sweep(self) -> None:
        """Remove the instance's folder and give its addresses back."""
        if not os.environ.get("ONRECORD_LAB_KEEP"):
            memory.remove(self.memory_dir)
            shutil.rmtree(self.home, ignore_errors=True)
        self._lease.release()

    def log_end(self, lines: int = 30) -> str:
        """The end of the log, for error messages."""
        texts = [(self.home / "log" / name) for name in ("console", "messages")]
        return "\n".join(
            line for text in texts if text.exists() for line in text.read_text(errors="replace").splitlines()[-lines:]
        )

    # -- asking it -------------------------------------------------------------------------------------------

    async def cli(self, command: str) -> str:
        """Run one CLI command (`asterisk -rx`) and return what it printed. Raises AsteriskFailed."""
        process = await asyncio.create_subprocess_exec(
            *self.install.command(
                "asterisk", "-C", self.pbx_path(self.home / "etc" / "asterisk.conf"), "-rx", command
            ),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd="/",
        )
        printed, _ = await process.communicate()
        if process.returncode:
            raise AsteriskFailed(f"{command}: {printed.decode(errors='replace')}")
        return printed.decode(errors="replace")

    def admin(self) -> AbstractAsyncContextManager[Admin]:
        """An AMI session with every right, for tests that need an independent witness."""
        return Admin.session(self.host, self.ami_port, self.admin_user, self.admin_secret)

    # -- inside ----------------------------------------------------------------------------------------------

    def _carrier(self, number: int) -> tuple[str, int]:
        host = self._lease.address(10 + number)
        return host, free_port(host, socket.SOCK_DGRAM)

    def _values(self) -> dict[str, str]:
        values = {
            "here": self.pbx_path(self.home),
            "name": self.name,
            "modules": self.install.modules,
            "data": self.install.data,
            "host": self.host,
            "sip_port": str(self.sip_port),
            "ami_port": str(self.ami_port),
            "ari_port": str(self.ari_port),
            **{f"{who}_{what}": getattr(self, f"{who}_{what}") for who in ROLES for what in ("user", "secret")},
        }
        for name, (host, port) in self.carriers.items():
            values |= {name: f"{host}:{port}", f"{name}_host": host}
        phone = (resources.files("controller.lab") / "etc" / "phone.conf").read_text()
        values["phones"] = "".join(
            fill(phone, {"ext": ext, "name": name, "secret": self.phone_secret}) for ext, name in NAMES.items()
        )
        return values

    async def _until_booted(self) -> None:
        while True:
            if self.pid is None:
                raise AsteriskFailed(f"{self.name} went away while it started\n{self.log_end()}")
            try:
                async with self.admin() as admin:
                    await admin.event("FullyBooted", deadline=25)
                await self._ping_ari()
                return
            except (OSError, Refused, asyncio.IncompleteReadError):
                await asyncio.sleep(0.02)

    async def _ping_ari(self) -> None:
        login = base64.b64encode(f"{self.ari_user}:{self.ari_secret}".encode()).decode()
        reader, writer = await asyncio.open_connection(self.host, self.ari_port)
        writer.write(f"GET /ari/asterisk/ping HTTP/1.0\r\nAuthorization: Basic {login}\r\n\r\n".encode())
        status = await reader.readline()
        writer.close()
        if b" 200 " not in status:
            raise AsteriskFailed(f"ARI answered {status!r}\n{self.log_end()}")


ROLES = ("ami", "ari", "admin")
# Files that Asterisk asks for and complains about; empty ones keep the log short enough to read.
EMPTY = ("udptl", "pjproject", "ccss", "queuerules", "pjsip_notify", "websocket_client")
SPOOL = ("monitor", "recording", "tmp", "voicemail", "outgoing")


def sweep_ground(ground: Path) -> None:
    """Remove what instances left behind whose owner was killed; their Asterisk died with it."""
    for folder in ground.glob("lab-*-*"):
        owner = folder.name.split("-")[1]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists():
            memory.remove(memory.folder(folder))
            shutil.rmtree(folder, ignore_errors=True)


def fill(template: str, values: dict[str, str]) -> str:
    """Put values into the @places@ of a template. Raises KeyError for a place that nobody knows."""
    return PLACE.sub(lambda place: values[place[1]], template)
