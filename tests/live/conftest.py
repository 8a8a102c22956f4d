"""Real calls for every test below this folder: one private Asterisk per worker, phones and carriers on demand.

Nothing is skipped here: where the lab cannot be set up the tests fail and say why (`make setup` sets it up).
All tests and fixtures of a run share one event loop, because the PBX's process belongs to a loop.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from controller import lab
from controller.lab import Asterisk, MakePhone, Phone, sounds
from tests.live import telling

HERE = Path(__file__).parent
SHARED: list[Asterisk] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.live)


@pytest.fixture(scope="session")
async def asterisk() -> AsyncIterator[Asterisk]:
    """A running private Asterisk, shared by the tests of this worker: leave no calls and no settings behind."""
    async with Asterisk.running(lab.install()) as pbx:
        SHARED.append(pbx)
        yield pbx
        SHARED.remove(pbx)


@pytest.fixture(scope="module", autouse=True)
def _swept() -> None:
    """Each file of tests begins with an empty folder of recordings, whatever those before it left there."""
    for pbx in SHARED:
        for path in (*pbx.monitor_dir.iterdir(), *pbx.memory_dir.iterdir()):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.fixture
async def phone(asterisk: Asterisk) -> AsyncIterator[MakePhone]:
    """`alice = await phone("100")`: a registered phone, hung up and unregistered after the test."""
    async with AsyncExitStack() as stack:

        async def make(extension: str) -> Phone:
            return await stack.enter_async_context(lab.phone(asterisk, extension))

        yield make


@pytest.fixture
async def carrier(asterisk: Asterisk) -> AsyncIterator[MakePhone]:
    """`world = await carrier("carrier1")`: the far end of a trunk."""
    async with AsyncExitStack() as stack:

        async def make(name: str) -> Phone:
            return await stack.enter_async_context(lab.carrier(asterisk, name))

        yield make


@pytest.fixture(scope="module")
async def office() -> AsyncIterator[Asterisk]:
    """A PBX for this file of tests, with gates, and prompts that are tones."""
    async with telling.office() as pbx:
        yield pbx


@pytest.fixture
async def alice(office: Asterisk) -> AsyncIterator[Phone]:
    """Extension 101 of the office, who answers at once and says her tone."""
    async with lab.phone(office, "101") as phone:
        phone.auto(sounds.tone(telling.CALLED), loop=True)
        yield phone


@pytest.fixture
async def bob(office: Asterisk) -> AsyncIterator[Phone]:
    """Extension 102, the same."""
    async with lab.phone(office, "102") as phone:
        phone.auto(sounds.tone(telling.OTHER), loop=True)
        yield phone


@pytest.fixture
async def world(office: Asterisk) -> AsyncIterator[Phone]:
    """The far end of the office's trunk, which answers and says the caller's tone."""
    async with lab.carrier(office, "carrier1") as phone:
        phone.auto(sounds.tone(telling.CALLER), loop=True)
        yield phone
