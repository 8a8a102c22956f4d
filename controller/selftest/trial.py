"""Selftest: one call on one PBX with the controller beside it, step by step; each step a finding."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from itertools import chain, count
from typing import Any

from controller.config.load import Config
from controller.config.machinery import Pbx
from controller.control import NotRunning, ask
from controller.doctor.finding import Finding, Status, fail, ok, skipped
from controller.pbx.driver import PbxGone, PbxRefused
from controller.selftest import kept, proof
from controller.selftest.phone import End, end, own_address
from controller.selftest.place import GATE, NotAnswered, called, connected, joined, passed

STEPS = (
    "controller",
    "ari",
    "call",
    "gate",
    "rule",
    "recording",
    "pause",
    "resume",
    "stored",
    "hash",
    "picture",
    "start",
    "sides",
    "silence",
    "prompt",
    "check",
    "swept",
)
"""What is proved, in order."""
TALK_SECONDS = 2.2
PAUSE_SECONDS = 1.5
AFTER_SECONDS = 1.5
SEEN_SECONDS = 3.0
ON_SECONDS = 5.0
STATE_SECONDS = 3.0
TOLD_SECONDS = 30.0
"""How long a recording may be held back by announcements that are made in the conversation."""


class Over(Exception):
    """A step failed on which all that follow rest."""


@dataclass(slots=True)
class Selftest:
    """`tell(step)` is called when a step begins. `keep`: leave the recording in the store."""

    config: Config
    pbx: Pbx
    keep: bool = False
    tell: Callable[[str], None] = lambda _step: None
    findings: list[Finding] = field(default_factory=list)
    paused_for: float = 0.0  # seconds; 0: it was not
    call: str = ""  # as the controller calls it: by its first channel

    async def run(self) -> list[Finding]:
        """Every step, those that could not be reached as skipped."""
        try:
            await self._controller()
            story, ends = await self._call()
            await self._prove(story, ends)
        except Over:
            pass
        done = {finding.check for finding in self.findings}
        why = next((each.check for each in self.findings if each.status is Status.FAIL), "")
        for step in STEPS:
            if step not in done:
                self._add(step, skipped(f"not reached: {why} failed"))
        return sorted(self.findings, key=lambda finding: STEPS.index(finding.check))

    def _add(self, step: str, finding: Finding) -> None:
        self.findings.append(replace(finding, check=step, where=self.pbx.name))

    def _over(self, step: str, finding: Finding) -> Over:
        self._add(step, finding)
        return Over(step)

    # -- the call ----------------------------------------------------------------------------------------------

    async def _ask(self, **request: str) -> dict[str, Any]:
        by = f"self-test {getpass.getuser()}"
        return await asyncio.to_thread(ask, self.config.control.socket, {**request, "by": by})

    async def _controller(self) -> None:
        self.tell("controller")
        try:
            status = await self._ask(do="status")
        except NotRunning as error:
            finding = fail(str(error), "start it with `onrecord run`, or `systemctl start onrecord`")
            raise self._over("controller", replace(finding, unreachable=True)) from error
        link = status.get("pbxs", {}).get(self.pbx.name, "it does not serve this PBX: restart it")
        if link != "connected":
            remedy = "`onrecord doctor` says what is wrong with the link"
            raise self._over("controller", fail(f"the controller has no link to {self.pbx.name}: {link}", remedy))
        self._add("controller", ok(f"it runs (pid {status.get('pid')}) and is linked to {self.pbx.name}"))

    async def _call(self) -> tuple[kept.Kept, tuple[End, End]]:
        self.tell("ari")
        where = f"add ari = {{ url, user, secret_file }} to [[pbx]] {self.pbx.name}; see `onrecord init`"
        if self.pbx.ari is None:
            raise self._over("ari", fail("the call is placed by ARI, and there is none", where))
        async with AsyncExitStack() as stack:
            try:
                ari = await stack.enter_async_context(connected(self.pbx))
            except (PbxRefused, PbxGone) as error:
                finding = fail(str(error), "`onrecord doctor --only ari` says what to do")
                raise self._over("ari", replace(finding, unreachable=isinstance(error, PbxGone))) from error
            self._add("ari", ok(f"{self.pbx.ari.url} lets us in"))
            self.tell("call")
            try:
                recording, ends, legs = await self._talk(stack, ari)
            except (PbxRefused, PbxGone, NotAnswered, OSError) as error:
                raise self._over("call", fail(f"the PBX could not place it: {error}", self._endpoint())) from error
        self.tell("stored")
        try:
            story = await kept.wait(self.config, recording, legs)
        except kept.NotKept as error:
            raise self._over("stored", fail(str(error), error.remedy)) from error
        self._add("stored", ok(f"{story.entry.id} is kept, {story.entry.length:.2f} s", length_s=story.entry.length))
        return story, ends

    async def _talk(self, stack: AsyncExitStack, ari: Any) -> tuple[str, tuple[End, End], tuple[str, str]]:
        extension, address = self.config.selftest.extension, own_address(self.pbx.host)
        first = await stack.enter_async_context(
            end("first", address, lambda at: proof.MARKER if at < proof.MARKER_SECONDS else proof.FIRST)
        )
        second = await stack.enter_async_context(end("second", address, lambda _at: proof.SECOND))
        async with called(ari, extension, first) as one:
            self.call = f"{self.pbx.name}/{one}"
            waited = [await self._gate(ari, one, first, "caller")]
            async with called(ari, extension, second, one) as other:
                waited.append(await self._gate(ari, other, second, "callee"))
                self._add("gate", _gates(waited))
                async with joined(ari, one, other):
                    first.join()
                    second.join()
                    self._add("call", ok(f"two ends of {extension} talk over SIP and RTP at {address}"))
                    recording = await self._while_it_goes()
        return recording, (first, second), (one, other)

    async def _gate(self, ari: Any, channel: str, end: End, side: str) -> float | None:
        self.tell("gate")
        try:
            return await passed(ari, channel, end, side)
        except NotAnswered as error:
            remedy = "`onrecord alarms`; `onrecord doctor --only prompts`; ONRECORD_DOWN in the dialplan"
            raise self._over("gate", fail(str(error), remedy)) from error

    async def _while_it_goes(self) -> str:
        self.tell("rule")
        call = await self._until(lambda call: call["decision"] is not None, SEEN_SECONDS)
        extension = self.config.selftest.extension
        if call is None:
            remedy = "is it this PBX that the controller hears? see `onrecord doctor --only hearing`"
            raise self._over("rule", fail("the controller does not see the call", remedy))
        decision = call["decision"]
        if decision["mode"] == "never":
            remedy = f'add to {self.config.path}: [[rule]] name = "{self._free_name()}" extension = "{extension}" '
            remedy += 'mode = "always-with-pause" priority = 100; or name an extension that is recorded: '
            remedy += '[selftest] extension = "…"'
            raise self._over("rule", fail(f"no rule wants it recorded: {decision['reason']}", remedy))
        self._add("rule", ok(f"{decision['rule'] or decision['mode']}: {decision['reason']}"))
        self.tell("recording")
        if decision["mode"] == "on-demand":
            await self._ask(do="start", call=call["call"])
        call = await self._recorded()
        self._add("recording", ok("the PBX confirmed that it records"))
        await asyncio.sleep(TALK_SECONDS)
        await self._pause(call["call"])
        return str(call["recording"])

    async def _recorded(self) -> dict[str, Any]:
        """Our call as soon as it is; longer than ON_SECONDS only while an announcement holds it back."""
        loop = asyncio.get_running_loop()
        began, held = loop.time(), 0.0
        while loop.time() - began < ON_SECONDS + held:
            call = await self._mine()
            if call is not None and call["state"] == "on":
                return call
            if call is not None and call["wanted"] != "on":
                held = min(loop.time() - began, TOLD_SECONDS)
            await asyncio.sleep(0.05)
        state = "gone" if call is None else f"{call['state']}, wanted {call['wanted']}"
        what, remedy = f"not recorded after {loop.time() - began:.0f} s: it is {state}", "`onrecord alarms` and "
        if held:
            what += "; nothing is recorded before people were told"
            remedy += "`onrecord doctor --only prompts` say why they were not"
        else:
            remedy += "`onrecord doctor --only probe` say why"
        raise self._over("recording", fail(what, remedy))

    async def _pause(self, call: str) -> None:
        self.tell("pause")
        answer = await self._ask(do="pause", call=call)
        if not answer["ok"]:
            for step in ("pause", "resume"):
                self._add(step, skipped(f"the rule does not let anybody pause: {answer['why']}"))
            return
        if await self._until(lambda one: one["state"] == "paused", STATE_SECONDS) is None:
            remedy = "`onrecord alarms`; `onrecord doctor --only writing` checks the manager user's rights"
            self._add("pause", fail(f"granted, and not confirmed within {STATE_SECONDS:g} s", remedy))
            return
        self._add("pause", ok("granted and confirmed"))
        await asyncio.sleep(PAUSE_SECONDS)
        self.tell("resume")
        answer = await self._ask(do="resume", call=call)
        on = await self._until(lambda one: one["state"] == "on", STATE_SECONDS)
        self.paused_for = PAUSE_SECONDS
        self._add("resume", ok("confirmed") if answer["ok"] and on else fail(str(answer["why"]), "`onrecord alarms`"))
        await asyncio.sleep(AFTER_SECONDS)

    async def _mine(self) -> dict[str, Any] | None:
        """Our call, once both ends are in it. Known by its channel: the endpoint may be somebody's telephone."""
        calls = (await self._ask(do="list")).get("calls", ())
        return next((one for one in calls if one["call"] == self.call and len(one["parties"]) > 1), None)

    async def _until(self, true: Callable[[dict[str, Any]], bool], seconds: float) -> dict[str, Any] | None:
        """Our call as soon as this is true of it; None where it is not in time."""
        deadline = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < deadline:
            call = await self._mine()
            if call is not None and true(call):
                return call
            await asyncio.sleep(0.05)
        return None

    def _free_name(self) -> str:
        """For a rule of ours: each name may be there once."""
        taken = {rule.name for rule in self.config.policy.rules}
        names = chain(("selftest",), (f"selftest-{n}" for n in count(2)))
        return next(name for name in names if name not in taken)

    def _endpoint(self) -> str:
        name = self.config.selftest.extension
        return (
            f"the PBX needs an endpoint of its own for this; pjsip.conf: [{name}] type = endpoint, "
            "context = (one that does not exist), disallow = all, allow = ulaw, direct_media = no; then "
            "`pjsip reload`. No registration, password or AOR: the PBX only calls it"
        )

    # -- what came of it ---------------------------------------------------------------------------------------

    async def _prove(self, story: kept.Kept, ends: tuple[End, End]) -> None:
        for step, look in proof.PROOFS.items():
            self.tell(step)
            self._add(step, await asyncio.to_thread(look, self.config, story, ends, self.paused_for))
        self.tell("check")
        self._add("check", await kept.checked(self.config, story))
        self.tell("swept")
        failed = any(finding.status is Status.FAIL for finding in self.findings)
        if self.keep or failed:
            why = "--keep" if self.keep else "a step failed: listen to it"
            self._add("swept", skipped(f"{story.folder} is left there ({why})"))
            return
        self._add("swept", await kept.sweep(self.config, story))


def _gates(waited: list[float | None]) -> Finding:
    """How long it took to pass the gate; the prompts are in it."""
    seconds = [one for one in waited if one is not None]
    if not seconds:
        return skipped(f"the dialplan has no context {GATE}: an announcement is made in the conversation, if at all")
    return ok(f"both ends passed it in {' and '.join(f'{one:.2f}' for one in seconds)} s", seconds=seconds)
