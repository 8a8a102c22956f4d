"""A real Kamailio in front of the private Asterisk: phones talk to it, and it copies what it relays by HEP."""

from __future__ import annotations

import asyncio
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import resources
from pathlib import Path

from controller.lab import programs
from controller.lab.addresses import free_port
from controller.lab.asterisk import Asterisk, fill
from controller.lab.programs import LabNotSetUp, Say
from controller.lab.root import WITH_US

PROGRAM = "kamailio"
BESIDE_PATH = "/usr/sbin:/usr/local/sbin:/usr/bin"
MODULES = ("/usr/lib/*/kamailio/modules", "/usr/lib64/kamailio/modules", "/usr/local/lib*/kamailio/modules")
READY_S = 10.0
PROBE = (
    "OPTIONS sip:probe@{host} SIP/2.0\r\nVia: SIP/2.0/UDP {host}:{port};branch=z9hG4bKprobe;rport\r\n"
    "Max-Forwards: 0\r\nFrom: <sip:probe@{host}>;tag=1\r\nTo: <sip:probe@{host}>\r\nCall-ID: probe\r\n"
    "CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)
"""Zero hops left: the proxy answers it by itself, so an answer proves that its routes are loaded."""


def ensure(say: Say = print) -> None:
    """See that Kamailio is there. Raises LabNotSetUp."""
    if _program() is None:
        programs.mask("kamailio", Path("/etc/kamailio"), say)
        programs.ensure([PROGRAM], say)


def missing() -> str:
    """Why there can be no proxy here; empty where there can."""
    if _program() is None:
        return "no Kamailio: `make setup` as root, or apt-get install kamailio"
    return "" if _modules() else "Kamailio is there without its modules"


@asynccontextmanager
async def proxy(pbx: Asterisk, hep_port: int, password: str) -> AsyncIterator[str]:
    """Run one until the end; gives its `host:port`, where phones should send what they sent to the PBX.

    Raises LabNotSetUp where it is not installed or does not start.
    """
    if trouble := missing():
        raise LabNotSetUp(trouble)
    host = pbx.proxy_host
    port = free_port(host, socket.SOCK_DGRAM)
    values = {
        "host": host,
        "port": str(port),
        "pbx": f"{pbx.host}:{pbx.sip_port}",
        "hep_port": str(hep_port),
        "password": password,
        "modules": str(_modules()),
    }
    with tempfile.TemporaryDirectory(prefix="onrecord-kamailio-") as name:
        folder = Path(name)
        template = resources.files("controller.lab") / "etc" / "kamailio.cfg"
        (folder / "kamailio.cfg").write_text(fill(template.read_text(), values))
        process = await _started(folder)
        try:
            if not await _answers(host, port, process):
                said = (folder / "log").read_text(errors="replace")
                raise LabNotSetUp(f"Kamailio does not start: {said[-1500:]}")
            yield f"{host}:{port}"
        finally:
            if process.returncode is None:
                process.terminate()  # its children end with it
                await process.wait()


def _program() -> str | None:
    return shutil.which(PROGRAM) or shutil.which(PROGRAM, path=BESIDE_PATH)


def _modules() -> Path | None:
    found = (path for pattern in MODULES for path in Path("/").glob(f"{pattern.lstrip('/')}/siptrace.so"))
    return next((path.parent for path in found), None)


async def _started(folder: Path) -> asyncio.subprocess.Process:
    command = [*WITH_US, _program() or PROGRAM, "-DD", "-E", "-m", "16", "-M", "4", "-Y", str(folder)]
    with (folder / "log").open("wb") as log:
        return await asyncio.create_subprocess_exec(
            *command,
            *("-f", str(folder / "kamailio.cfg")),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for us: we stop it in order
        )


async def _answers(host: str, port: int, process: asyncio.subprocess.Process) -> bool:
    """Whether it does within a fair time."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.setblocking(False)
        probe.bind((host, 0))
        asking = PROBE.format(host=host, port=probe.getsockname()[1]).encode()
        deadline = loop.time() + READY_S
        while loop.time() < deadline and process.returncode is None:
            probe.sendto(asking, (host, port))
            try:
                if await asyncio.wait_for(loop.sock_recv(probe, 4096), 0.1):
                    return True
            except (TimeoutError, OSError):
                await asyncio.sleep(0.02)
    return False
