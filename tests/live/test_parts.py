"""What the containers run, without them: the entry script starts PBX, controller and phones, and calls are kept."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from controller.catalogue.database import read_catalogue
from controller.catalogue.search import list_calls
from controller.demo.result import judge
from controller.lab import install, memory
from controller.lab.addresses import lease

ROOT = Path(__file__).parents[2]
ENTRY = ROOT / "packaging" / "docker" / "entry.sh"
CONFIG = ROOT / "packaging" / "docker" / "config" / "onrecord.toml"


class Parts:
    """The parts' common surroundings, as the compose file makes them."""

    def __init__(self, folder: Path, net: str) -> None:
        self.folder, self.net = folder, net
        self.environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "ONRECORD_SECRETS": str(folder / "secrets"),
            "ONRECORD_OFFICE": net,
            "ONRECORD_CONTROL": str(folder / "control.sock"),
            "TMPDIR": str(folder),
        }

    def configure(self) -> None:
        """The containers' configuration, with this test's places in it."""
        made = install()
        self.office = made.ground / f"office-{self.net}"
        spool = self.office / "spool" / "monitor"
        text = CONFIG.read_text()
        for old, new in (
            ("127.77.0.1", f"{self.net}.1"),
            ("/var/lib/onrecord-secrets", str(self.folder / "secrets")),
            ('"/var/spool/onrecord/monitor"', f'"{made.inside(spool)}"\nspool_dir = "{spool}"'),
            ("/var/spool/onrecord", str(self.folder)),
            ("/var/lib/onrecord", str(self.folder)),
            ("/run/onrecord", str(self.folder)),
        ):
            assert old in text
            text = text.replace(old, new)
        (self.folder / "onrecord.toml").write_text(text)

    @asynccontextmanager
    async def part(self, *words: str) -> AsyncIterator[asyncio.subprocess.Process]:
        with (self.folder / f"{words[0]}.log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                "sh", str(ENTRY), *words, env=self.environment, stdout=log, stderr=log
            )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.terminate()
            await asyncio.wait_for(process.wait(), 30)

    async def well(self, part: str, *command: str) -> None:
        """Wait until the health check of the compose file says so."""
        async with asyncio.timeout(100):
            while True:
                check = await asyncio.create_subprocess_exec(
                    *command, env=self.environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
                )
                output, _ = await check.communicate()
                if check.returncode == 0:
                    return
                log = (self.folder / f"{part}.log").read_text()
                assert "Traceback" not in log, log
                assert b"Traceback" not in output, output
                await asyncio.sleep(0.5)


async def test_the_parts_of_the_compose_file_place_calls_and_keep_recordings(tmp_path: Path) -> None:
    held = lease()
    net = held.prefix
    held.release()
    parts = Parts(tmp_path, net)
    parts.configure()
    config = str(tmp_path / "onrecord.toml")
    async with AsyncExitStack() as stack:
        stack.callback(shutil.rmtree, parts.office)
        stack.callback(memory.remove, memory.folder(parts.office))
        pbx = await stack.enter_async_context(parts.part("asterisk"))
        await parts.well("asterisk", sys.executable, "-m", "controller.demo", "pbx-is-well")
        controller = await stack.enter_async_context(parts.part("controller", "--config", config))
        await parts.well("controller", "onrecord", "call", "list", "--json", "--config", config)
        phones = await stack.enter_async_context(parts.part("phones"))
        await parts.well("phones", sys.executable, "-m", "controller.demo", "phones-are-well")
        for process in (phones, controller, pbx):
            process.terminate()
            assert await asyncio.wait_for(process.wait(), 30) == 0
    catalogue = await read_catalogue(tmp_path / "catalogue.sqlite")
    entries = await list_calls(catalogue)
    await catalogue.close()
    assert judge(entries) == []
    secret = (tmp_path / "secrets" / "ami.secret").read_text().strip()
    for part in ("asterisk", "controller", "phones"):
        assert secret not in (tmp_path / f"{part}.log").read_text()
