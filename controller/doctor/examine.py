"""examine(): run the checks in their order, each guarded, and tell of each as it begins and ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from typing import TypeVar

from controller.config.load import Config
from controller.doctor.checks import HERE, OF_A_PBX, OF_THE_POLICY, Check
from controller.doctor.finding import Finding, Status, fail, skipped, warn
from controller.doctor.visit import Visit
from controller.pbx.driver import PbxGone, PbxRefused

T = TypeVar("T")
CHECK_SECONDS = 60.0
ELSEWHERE = "here"


def _quiet(_check: str, _where: str) -> None:
    """Nobody looks on."""


@dataclass(slots=True)
class Examination:
    """`begins(check, where)` is called before each check."""

    config: Config
    only: Collection[str] = ()
    begins: Callable[[str, str], None] = _quiet
    findings: list[Finding] = field(default_factory=list)

    async def run(self) -> list[Finding]:
        """Every finding, in the order of the tables."""
        visits = [Visit(self.config, pbx) for pbx in self.config.pbxs]
        try:
            for visit in visits:
                failed: set[str] = set()
                for check in OF_A_PBX:
                    if self._wanted(check, OF_A_PBX):
                        await self._guarded(check, visit, visit.pbx.name, failed)
            for together in OF_THE_POLICY:
                if visits and self._wanted(together, OF_THE_POLICY):
                    await self._guarded(together, visits, ELSEWHERE, set())
            for here in HERE:
                if self._wanted(here, HERE):
                    await self._guarded(here, self.config, ELSEWHERE, set())
        finally:
            for visit in visits:
                await visit.close()
        return self.findings

    def _wanted(self, check: Check[T], table: tuple[Check[T], ...]) -> bool:
        if not self.only or check.name in self.only:
            return True
        asked = {one for each in table if each.name in self.only for one in each.needs}
        # The policy is asked of PBXs that somebody must have logged in to.
        return check.name in asked or (check.name == "ami" and any(one.name in self.only for one in OF_THE_POLICY))

    async def _guarded(self, check: Check[T], subject: T, where: str, failed: set[str]) -> None:
        self.begins(check.name, where)
        missing = failed.intersection(check.needs)
        if missing:
            found = [skipped(f"not looked at: it needs {', '.join(sorted(missing))}")]
        else:
            found = await _run(check, subject)
        if any(one.status is Status.FAIL for one in found):
            failed.add(check.name)
        # What was only asked because another check needs it is told where it is not well.
        if not self.only or check.name in self.only or any(one.status is Status.FAIL for one in found):
            self.findings += [replace(one, check=check.name, where=where) for one in found]


async def _run(check: Check[T], subject: T) -> list[Finding]:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            found = check.run(subject)
            return found if isinstance(found, list) else await found
    except PbxRefused as error:
        if "permission" in str(error).lower():
            return [skipped(f"the manager user may not ask that ({error})", "see writing")]
        return [skipped(f"the PBX refused: {error}", "look at Asterisk's log if you expected an answer")]
    except TimeoutError:
        return [fail(f"no result within {CHECK_SECONDS:g} s", "is the PBX overloaded? Ask again")]
    except PbxGone as error:
        return [fail(f"the PBX did not answer: {error}", "ask again; if it stays so, look at Asterisk's log")]
    except (ValueError, KeyError, TypeError) as error:
        return [warn(f"an answer cannot be understood ({error!r})", "tell us, with the version of this Asterisk")]
    except OSError as error:
        return [fail(f"it could not be looked at: {error}", "run it as the controller's user, or as root")]
