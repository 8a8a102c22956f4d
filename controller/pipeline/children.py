"""Child processes for the heavy work, so that the event loop which hears the PBX is never held up."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor
from multiprocessing.connection import wait
from typing import TypeVar

Given = TypeVar("Given")
Result = TypeVar("Result")

NICENESS = 10
"""The PBX comes first: on a busy machine a call must not stutter because a picture is being drawn."""
LOCKS = "/dev/shm"  # noqa: S108 where the C library keeps them


class Children:
    """A few processes that live as long as this one, and are replaced when one of them dies."""

    def __init__(self, count: int, make: Callable[[int], Executor] | None = None) -> None:
        self._count = count
        self._make = make or _processes
        self._pool: Executor | None = None

    async def do(self, work: Callable[[Given], Result], given: Given) -> Result:
        """Do it in a child. Raises what the work raises; BrokenExecutor when the child was killed; OSError where none
        can be started."""
        if self._pool is None:
            self._pool = self._make(self._count)
        pool = self._pool
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, work, given)
        except BrokenExecutor:
            if self._pool is pool:
                self._pool = None
            pool.shutdown(wait=False, cancel_futures=True)
            raise

    def close(self) -> None:
        """Let them end; what they were doing will be done again."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None


def _processes(count: int) -> Executor:
    try:
        # Not by fork: that would copy locks of other threads, and the PBX's sockets.
        return ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), initializer=_begin)
    except OSError as error:
        # Its locks are files there, of which the error says nothing (CPython 3.11 to 3.14).
        raise OSError(error.errno, f"no child process can be started: {error.strerror}", LOCKS) from error


def _begin() -> None:
    os.nice(NICENESS)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # Ctrl-C goes to the whole group; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _end_with_parent() -> None:
    """A killed parent tells nobody, and its children would wait for work for ever, each with its memory."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)  # whatever it does will be done again
