"""A real FreeSWITCH for the tests that need one: an instance of an installed program, with our own configuration."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from controller.lab.addresses import free_port, lease
from controller.lab.asterisk import fill
from controller.lab.phones import Phone
from controller.lab.programs import LabNotSetUp
from controller.lab.root import WITH_US

WHERE = "ONRECORD_FREESWITCH"
"""Names the program, say /opt/freeswitch/bin/freeswitch: no Debian or Ubuntu release carries one."""
READY_S = 30.0
PARTS = (
    "log",
    "db",
    "run",
    "recordings",
    "scripts",
    "htdocs",
    "storage",
    "cache",
    "temp",
    "sounds",
    "grammar",
    "certs",
)


@dataclass(frozen=True, slots=True)
class FreeSwitch:
    """One that runs: where its SIP and its event socket are."""

    host: str
    sip_port: int
    esl_port: int
    secret: str = field(repr=False)
    recordings: Path
    prefix: str
    """The first three numbers of its addresses on loopback."""

    async def api(self, command: str) -> str:
        """Run one command by the event socket, and return its answer. Raises OSError, LabNotSetUp."""
        reader, writer = await asyncio.open_connection(self.host, self.esl_port)
        try:
            await _answer(reader)
            for line in (f"auth {self.secret}", f"api {command}"):
                writer.write(f"{line}\n\n".encode())
                said = await _answer(reader)
            return said.strip()
        finally:
            writer.close()

    @asynccontextmanager
    async def phone(self, extension: str) -> AsyncIterator[Phone]:
        """The desk phone of an extension, registered; hung up and gone at the end."""
        made = Phone(f"{self.prefix}.{extension}", f"{self.host}:{self.sip_port}", extension, "")
        await made.open()
        try:
            await made.register()
            yield made
            await made.register(0)
        finally:
            await made.close()


def missing() -> str:
    """Why there can be none here; empty where there can."""
    if not (program := os.environ.get(WHERE)):
        return f"no FreeSWITCH: {WHERE} names none"
    return "" if shutil.which(program) else f"no FreeSWITCH: {program} of {WHERE} cannot be run"


@asynccontextmanager
async def freeswitch(hep_port: int, record_template: str = "") -> AsyncIterator[FreeSwitch]:
    """Run one until the end. Raises LabNotSetUp where there is none, or it does not start.

    Without a template its own handling of the Record key answers 488 (hardware.md C).
    """
    if trouble := missing():
        raise LabNotSetUp(trouble)
    held = lease()
    with tempfile.TemporaryDirectory(prefix="onrecord-freeswitch-") as name:
        folder = Path(name)
        host = held.address(1)
        made = FreeSwitch(
            host,
            free_port(host, socket.SOCK_DGRAM),
            free_port(host),
            secrets.token_urlsafe(12),
            folder / "recordings",
            held.prefix,
        )
        process = await _started(folder, made, hep_port, record_template)
        try:
            await _ready(made, process, folder)
            yield made
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
            held.release()


async def _started(folder: Path, made: FreeSwitch, hep_port: int, template: str) -> asyncio.subprocess.Process:
    program = Path(shutil.which(os.environ[WHERE]) or "")
    for part in ("conf", *PARTS):
        (folder / part).mkdir()
    values = {
        "host": made.host,
        "sip_port": str(made.sip_port),
        "esl_port": str(made.esl_port),
        "secret": made.secret,
        "hep_port": str(hep_port),
        "recordings": str(made.recordings),
        "record_template": template,
    }
    page = resources.files("controller.lab") / "etc" / "freeswitch.xml"
    (folder / "conf" / "freeswitch.xml").write_text(fill(page.read_text(), values))
    where = [word for part in ("conf", *PARTS) for word in (f"-{part}", str(folder / part))]
    with (folder / "console").open("wb") as log:
        return await asyncio.create_subprocess_exec(
            *WITH_US,
            str(program),
            *("-nf", "-nonat", "-nonatmap", "-nocal", "-np", "-c"),
            *where,
            *("-mod", str(program.parents[1] / "mod")),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            start_new_session=True,  # Ctrl-C is for us: we stop it in order
        )


async def _ready(made: FreeSwitch, process: asyncio.subprocess.Process, folder: Path) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + READY_S
    said = ""
    while loop.time() < deadline and process.returncode is None:
        try:
            said = await made.api("sofia status profile lab")
            if f"sip:mod_sofia@{made.host}:{made.sip_port}" in said:
                return
        except (OSError, asyncio.IncompleteReadError):
            pass
        await asyncio.sleep(0.1)
    end = (folder / "console").read_text(errors="replace")[-1500:]
    raise LabNotSetUp(f"FreeSWITCH does not start: {said or end}")


async def _answer(reader: asyncio.StreamReader) -> str:
    """One message of the event socket: its body, or its first words where it has none."""
    head = (await reader.readuntil(b"\n\n")).decode(errors="replace")
    fields = dict(line.partition(": ")[::2] for line in head.splitlines() if ": " in line)
    if length := int(fields.get("Content-Length", "0")):
        return (await reader.readexactly(length)).decode(errors="replace")
    return fields.get("Reply-Text", "")
