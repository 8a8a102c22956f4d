"""What is told to phones through Asterisk: which keys it may take from them, and what their lamps say.

On 22.10.1 one_touch_record_info looks DYNAMIC_FEATURES up at the very press, and answers 403 where the feature is not
in it (hardware.md B.5, B.6). The names are those of dialplan/asterisk/onrecord_features.conf.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable

from controller.core.commands import Allow, LegId, Open
from controller.core.lamps import Glow
from controller.pbx.asterisk.frames import Headers, Message
from controller.pbx.asterisk.hand import uniqueid_of
from hardware.keys import Key
from hardware.push import ami_variables
from hardware.sequences import CodeBook

FEATURES = "DYNAMIC_FEATURES"
ON, OFF, CODES = "onrecord_on", "onrecord_off", "onrecord_codes"
PRESSED = {"A": Key.RECORD, "B": Key.STOP}
"""The one-letter codes of those features. From an INFO they end without having begun; a tone from a keypad begins."""

GATE, PROMPT = "ONRECORD_GATE", "ONRECORD_PROMPT"
"""What dialplan/asterisk/onrecord_gate.conf waits for, and what it plays then."""
STATES = {Glow.OFF: "NOT_INUSE", Glow.IDLE: "ONHOLD", Glow.ON: "INUSE", Glow.FAILED: "RINGING"}
"""Device states, by which a BLF key is dark, shows hold, is lit, or flashes."""
EXTENSION = re.compile(r"[A-Za-z0-9_.+-]{1,40}")


NAME = re.compile(r"[A-Za-z0-9_.+@;:-]{1,40}/[A-Za-z0-9_.+@;:-]{1,100}")
"""A channel's name that may stand in an AMI header: it came with a packet from the network."""
PLACE = re.compile(r"[A-Za-z0-9_-]{1,79},[A-Za-z0-9*#+_-]{1,79},[1-9][0-9]{0,4}")
ENDPOINT = re.compile(r"[A-Za-z0-9_.+-]{1,60}")

Ask = Callable[[str, Headers], Awaitable[Message | None]]


class Telephones:
    """Tells and asks the PBX what concerns phones. Nothing here may fail a call: what goes wrong is counted."""

    def __init__(self, ask: Ask, count: Callable[[str], None]) -> None:
        self._ask, self._count = ask, count

    async def allow(self, command: Allow) -> None:
        await self._ask(
            "Setvar", {"Channel": uniqueid_of(command.leg), "Variable": FEATURES, "Value": features(command)}
        )

    async def show(self, extension: str, glow: Glow, which: str) -> None:
        variable = lamp(extension, which)
        if variable:
            await self._ask("Setvar", {"Variable": variable, "Value": STATES[glow]})
        else:
            self._count("an extension that cannot have a lamp")

    async def open(self, command: Open, prompts: str) -> None:
        """The prompt first: the gate goes on at the word."""
        leg = uniqueid_of(command.leg)
        if command.prompt:
            path = f"{prompts.rstrip('/')}/{command.language}/{command.prompt}"
            await self._ask("Setvar", {"Channel": leg, "Variable": PROMPT, "Value": path})
        await self._ask("Setvar", {"Channel": leg, "Variable": GATE, "Value": command.word})

    async def divert(self, leg: LegId, context: str, extension: str, priority: int) -> bool:
        """Whether it went. Redirect itself would send it nowhere, which is a hangup."""
        channel, place = uniqueid_of(leg), f"{context},{extension},{priority}"
        if not PLACE.fullmatch(place):
            self._count("a place in the dialplan that is none")
            return False
        there = await self._ask("Getvar", {"Channel": channel, "Variable": f"DIALPLAN_EXISTS({place})"})
        if there is None or there.get("Value") != "1":
            self._count("a place that is not in the dialplan")
            return False
        where = {"Context": context, "Exten": extension, "Priority": str(priority)}
        return await self._ask("Redirect", {"Channel": channel, **where}) is not None

    async def answer(self, leg: LegId, name: str, value: str) -> None:
        await self._ask("Setvar", {"Channel": uniqueid_of(leg), "Variable": name, "Value": value})

    async def push(self, endpoint: str, body: str) -> None:
        if ENDPOINT.fullmatch(endpoint):
            await self._ask("PJSIPNotify", {"Endpoint": endpoint, "Variable": ami_variables(body)})
        else:
            self._count("an endpoint that cannot be notified")

    async def uniqueid(self, channel: str) -> str:
        """Of a live channel; "" where there is none of this name."""
        if not NAME.fullmatch(channel):
            self._count("a channel's name that is none")
            return ""
        said = await self._ask("Getvar", {"Channel": channel, "Variable": "UNIQUEID"})
        return said.get("Value") if said is not None else ""

    async def by_sip_call(self, sip_call: str, legs: Iterable[LegId]) -> LegId | None:
        """The one of these legs whose SIP dialog has this Call-ID."""
        for leg in legs:
            said = await self._ask("Getvar", {"Channel": uniqueid_of(leg), "Variable": "CHANNEL(pjsip,call-id)"})
            if said is not None and said.get("Value") == sip_call:
                return leg
        return None


def features(command: Allow) -> str:
    """The value of DYNAMIC_FEATURES: names with # between them. With none, every press is answered 403."""
    names = [name for name, key in ((ON, Key.RECORD), (OFF, Key.STOP)) if key in command.keys]
    return "#".join([*names, *([CODES] if command.codes else [])])


def lamp(extension: str, which: str = "rec") -> str:
    """The function that sets an extension's lamp; "" for a number that could not be in a device's name."""
    return f"DEVICE_STATE(Custom:{which}-{extension})" if EXTENSION.fullmatch(extension) else ""


def codes_file(books: Iterable[CodeBook]) -> str:
    """onrecord_codes.conf for these codes: with it the PBX keeps a code from the other side of the call.

    Whoever typed it, and what for, the controller knows from the digits themselves: the features do nothing.
    """
    codes = sorted({code.digits for book in books for code in book.codes})
    lines = [
        "; Made from the codes in onrecord.toml by `onrecord keys codes`: make it anew when they change, then",
        "; `module reload features`.",
        "[applicationmap](+)",
        *(f"onrecord_code{number} => {digits},self,NoOp(OnRecord)" for number, digits in enumerate(codes, 1)),
        "",
        f"[{CODES}]",
        *(f"onrecord_code{number} =>" for number in range(1, len(codes) + 1)),
    ]
    return "\n".join(lines) + "\n"
