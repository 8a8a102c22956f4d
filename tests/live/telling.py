"""An office whose prompts are tones, with gates in its dialplan: what tests of announcements and notices share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from controller import lab
from controller.lab import Asterisk, Call, ears, sounds
from tests.live.controlling import Controlling

CALLER, CALLED, OTHER = 450, 700, 850
"""What people say: each his tone."""
RECORDED, STARTED, OPT_OUT, STOPPED, PAUSED, OPT_IN = 1000, 1100, 1150, 1200, 1250, 1300
SIGNAL, REFUSED, RESUMED, GERMAN, OURS, FLOW = 1400, 1500, 1600, 1700, 1800, 1900
"""What they hear: a tone for each prompt. FLOW is what plays where whoever refused is sent."""
PROMPTS = {
    "en/recorded": RECORDED,
    "en/opt-out": OPT_OUT,
    "en/opt-in": OPT_IN,
    "en/refused": REFUSED,
    "en/started": STARTED,
    "en/stopped": STOPPED,
    "en/paused": PAUSED,
    "en/resumed": RESUMED,
    "de/recorded": GERMAN,
    "en/ours": OURS,
    "fr/ours": OURS,  # and no other French prompt
}
PROMPT_SECONDS = 0.6
NUMBER = "0205550123"
"""Reaches extension 101 without a gate."""
GATED = "0205550701"
"""Reaches it through both gates."""
BRANCHING = "0205550703"
"""The same, and the dialplan itself looks for refusals behind the gate."""
DOWN = "0205550702"
"""The same, and the global DOWN says what the dialplan does where nobody answers."""
DOWN_OUT = "0302234567"
"""To the world, likewise."""

DIALS = """
[ddi](+)
exten => 0205550701,1,Gosub(onrecord-gate,s,1(101))
 same => n,Dial(PJSIP/101,60,U(onrecord-callee))
 same => n,Hangup()
exten => 0205550702,1,Set(ONRECORD_DOWN=${DOWN})
 same => n,Set(ONRECORD_SPOOL=@spool@)
 same => n,Gosub(onrecord-gate,s,1(101))
 same => n,Dial(PJSIP/101,60,U(onrecord-callee))
 same => n,Hangup()
exten => 0205550703,1,Gosub(onrecord-gate,s,1(101))
 same => n,GotoIf($["${GOSUB_RETVAL}" = "refused"]?flow,s,1)
 same => n,Dial(PJSIP/101,60,U(onrecord-callee))
exten => 0205550801,1,Gosub(onrecord-gate,s,1(room:800))
 same => n,Goto(extensions,800,1)
[from-phones](+)
exten => _0301X.,1,Gosub(onrecord-gate,s,1(carrier1))
 same => n,Dial(PJSIP/${EXTEN}@carrier1,60,U(onrecord-callee))
 same => n,Hangup()
exten => _0049X.,1,Gosub(onrecord-gate,s,1(carrier1))
 same => n,Dial(PJSIP/${EXTEN}@carrier1,60,U(onrecord-callee))
 same => n,Hangup()
exten => _0302X.,1,Set(ONRECORD_DOWN=${DOWN})
 same => n,Set(ONRECORD_SPOOL=@spool@)
 same => n,Gosub(onrecord-gate,s,1(carrier1))
 same => n,Dial(PJSIP/${EXTEN}@carrier1,60,U(onrecord-callee))
 same => n,Hangup()
exten => 199,1,Goto(flow,s,1)
[flow]
exten => s,1,Answer()
 same => n,Playtones(1900)
 same => n,Wait(20)
"""


@asynccontextmanager
async def office() -> AsyncIterator[Asterisk]:
    """A PBX of one's own: there may be as many prompts on its disk as a test wants to spoil."""
    async with Asterisk.running(lab.install(), extra={"extensions.d/gate.conf": DIALS}) as pbx:
        dials = pbx.home / "etc" / "extensions.d" / "gate.conf"
        dials.write_text(dials.read_text().replace("@spool@", pbx.pbx_path(pbx.monitor_dir)))
        for name, pitch in PROMPTS.items():
            path = pbx.home / "prompts" / f"{name}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            sounds.write_wav(path, sounds.tone(pitch, PROMPT_SECONDS))
        await pbx.cli("dialplan reload")
        yield pbx


def rule(mode: str, *more: str, about: str = 'extension = "101"') -> str:
    return "\n".join(['[[rule]]\nname = "told"', about, f'mode = "{mode}"', *more]) + "\n"


def heard(call: Call, *pitches: int) -> list[int]:
    """The pitches that this phone heard, in order of their beginnings; only those named, where some are."""
    found = [one for one in ears.tones(call.line.heard().samples, 8000) if one.seconds >= (0.1 if pitches else 0.2)]
    return [one.frequency for one in found if not pitches or one.frequency in pitches]


def seconds(call: Call, pitch: int) -> float:
    return sum(tone.seconds for tone in ears.tones(call.line.heard().samples, 8000) if tone.frequency == pitch)


async def ready(control: Controlling) -> None:
    """Wait until ARI is connected as well: it comes a moment after the rest."""
    witness = control.driver.witness
    assert witness is not None
    async with asyncio.timeout(5):
        while not witness.link.counters.connects:
            await asyncio.sleep(0.01)


async def told(control: Controlling, count: int = 1) -> None:
    """Wait until the only live call's ledger has so many entries."""
    await control.until(lambda: control.engine.sessions and sum(map(len, control.session.consent.values())) >= count)


async def recorders(pbx: Asterisk) -> int:
    """How many the PBX runs now, on all channels."""
    text = await pbx.cli("core show channels concise")
    uniqueids = [line.split("!")[-1].strip() for line in text.splitlines() if line.count("!") > 10]
    lists = [await pbx.cli(f"mixmonitor list {one}") for one in uniqueids]
    return sum(text.count("0x") for text in lists)
