"""Visit: one PBX while it is examined: the two connections, and what was asked once and is used by several checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from controller.config.load import Config
from controller.config.machinery import Pbx
from controller.pbx.asterisk.ari import Ari
from controller.pbx.asterisk.ari import Event as AriEvent
from controller.pbx.asterisk.frames import Headers, Message
from controller.pbx.driver import PbxRefused

ANSWER_SECONDS = 5.0
LIST_SECONDS = 20.0
MOST = 2000
"""Endpoints that are looked at one by one: 0.2 ms each on an idle Asterisk 22.10.1, and most have one template."""


class Manager(Protocol):
    """What of an AMI session is used here. Raises PbxRefused and PbxGone, as Ami does."""

    async def ask(
        self, action: str, headers: Headers, timeout: float, is_list: bool = False
    ) -> tuple[Message, list[Message]]: ...

    async def close(self) -> None: ...


@dataclass(slots=True)
class Visit:
    """`ami` is None until somebody could log in, `ari` until the websocket is open."""

    config: Config
    pbx: Pbx
    ami: Manager | None = None
    ari: Ari | None = None
    told: list[AriEvent] = field(default_factory=list)
    booted: bool = False  # FullyBooted came after the login
    version: str = ""
    release: tuple[int, int] = (0, 0)  # the first two numbers of the version
    _actions: dict[str, frozenset[str]] | None = None
    _endpoints: dict[str, Message] | None = None
    _details: dict[str, Message] | None = None
    _settings: list[tuple[str, str]] | None = None

    async def act(self, action: str, **headers: str) -> Message:
        """One action over the manager interface. Raises PbxRefused, PbxGone; AssertionError before the login."""
        assert self.ami is not None, "a check that asks the manager must name 'ami' in its needs"  # noqa: S101
        said, _ = await self.ami.ask(action, dict(headers), ANSWER_SECONDS)
        return said

    async def items(self, action: str, **headers: str) -> list[Message]:
        """The events of one list action. Raises like `act`."""
        assert self.ami is not None, "a check that asks the manager must name 'ami' in its needs"  # noqa: S101
        _, found = await self.ami.ask(action, dict(headers), LIST_SECONDS, is_list=True)
        return found

    async def actions(self) -> Mapping[str, frozenset[str]]:
        """The actions that our manager user may use, each with the classes of which any one is enough."""
        if self._actions is None:
            said = await self.act("ListCommands")
            self._actions = {name: _classes(text) for name, text in said.pairs if "(Priv: " in text}
        return self._actions

    async def endpoints(self) -> Mapping[str, Message]:
        """PJSIP endpoints by name. Raises PbxRefused where there is no PJSIP, or class system is missing."""
        if self._endpoints is None:
            found = await self.items("PJSIPShowEndpoints")
            self._endpoints = {one.get("ObjectName"): one for one in found if one.event == "EndpointList"}
        return self._endpoints

    async def details(self) -> Mapping[str, Message]:
        """Every setting of PJSIP endpoints, by name: of all, or of many a sample. Raises PbxRefused."""
        if self._details is None:
            found: dict[str, Message] = {}
            for name in sample(list(await self.endpoints()), MOST):
                with suppress(PbxRefused):  # removed since it was listed
                    said = await self.items("PJSIPShowEndpoint", Endpoint=name)
                    found |= {one.get("ObjectName"): one for one in said if one.event == "EndpointDetail"}
            self._details = found
        return self._details

    async def extent(self) -> str:
        """How many endpoints `details` looked at, in words."""
        looked_at, there = len(await self.details()), len(await self.endpoints())
        return f"all {there} endpoints" if looked_at == there else f"the {looked_at} of {there} endpoints looked at"

    async def settings(self) -> Sequence[tuple[str, str]]:
        """Our own section of manager.conf: keys in small letters with their values, without the password.

        Raises PbxRefused where we may not look: class system or config is needed.
        """
        if self._settings is None:
            said = await self.act("GetConfig", Filename="manager.conf", Category=self.pbx.ami.user)
            lines = [_setting(line) for name, line in said.pairs if name.startswith("Line-")]
            self._settings = [(key, value) for key, value in lines if key != "secret"]
        return self._settings

    async def account(self) -> Mapping[str, list[str]]:
        """The same, by key."""
        found: dict[str, list[str]] = {}
        for key, value in await self.settings():
            found.setdefault(key, []).append(value)
        return found

    async def close(self) -> None:
        if self.ari is not None:
            await self.ari.close()
        if self.ami is not None:
            await self.ami.close()


def sample(names: Sequence[str], most: int) -> list[str]:
    """At most so many: first those with a name, which trunks have, then numbers from all over the list."""
    named, numbers = [one for one in names if not one.isdigit()], [one for one in names if one.isdigit()]
    room = min(max(most - len(named), 0), len(numbers))
    return named[:most] + [numbers[at * len(numbers) // room] for at in range(room)]


def _classes(text: str) -> frozenset[str]:
    """`… (Priv: system,call,all)` without "all", which is not a class of its own."""
    return frozenset(text.rpartition("(Priv: ")[2].rstrip(") ").split(",")) - {"all"}


def _setting(line: str) -> tuple[str, str]:
    key, _, value = line.partition("=")
    return ("".join(key.split()).lower() if not key.lower().startswith("eventfilter") else key.strip()), value.strip()
