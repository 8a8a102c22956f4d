"""Two users share the folder in memory: the PBX fills files that the controller made, and frees again."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from controller import ram
from controller.pipeline.sealed import Key, Sealed

CONTROLLER, PBX, SHARED = 61_001, 61_002, 61_003
"""Users, and the group that both are in."""


@pytest.fixture
def memory() -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("only root can be two users")
    with tempfile.TemporaryDirectory(prefix="onrecord-test-", dir="/dev/shm") as folder:
        path = Path(folder)
        os.chown(path, CONTROLLER, SHARED)
        path.chmod(0o2770)
        yield path


def acting(user: int, work: Callable[[], object]) -> int:
    """Do this as that user, in a process of its own; its exit code."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setgroups([SHARED])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
            os.umask(0o077)
            code = 0 if work() is not False else 2
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def fill(path: Path) -> None:
    """As Asterisk opens the file of a recorder (main/file.c: O_CREAT | O_TRUNC | O_WRONLY, 0666)."""
    descriptor = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o666)
    os.write(descriptor, bytes(range(256)) * 1024)
    os.close(descriptor)


def test_the_pbx_fills_what_the_controller_made_and_the_controller_frees_it(memory: Path) -> None:
    path, sealed = memory / "main-1-1.1.wav", Sealed(Path(tempfile.mkdtemp(dir=memory)) / "x.sealed")
    os.chown(sealed.path.parent, CONTROLLER, SHARED)
    assert acting(CONTROLLER, lambda: ram.trouble(memory) == "") == 0
    assert acting(CONTROLLER, lambda: ram.make_place(path)) == 0
    assert not ram.is_written(path)
    assert acting(PBX, lambda: fill(path)) == 0
    assert ram.is_written(path)
    before = path.stat().st_blocks
    assert acting(CONTROLLER, lambda: sealed.follow(path, Key.new(), 4096, 4096) > 200_000) == 0
    assert path.stat().st_blocks < before / 10


def test_what_the_pbx_made_itself_could_not_be_freed(memory: Path) -> None:
    """Why the controller makes the files."""
    path = memory / "main-1-1.1.wav"
    assert acting(PBX, lambda: fill(path)) == 0
    assert acting(CONTROLLER, lambda: path.open("r+b")) == 1
