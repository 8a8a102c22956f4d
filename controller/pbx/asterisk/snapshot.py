"""Everything as it is now, after a (re)connect: live channels, bridges, and which recorders of ours still run."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from controller.core.consent import Standing
from controller.core.events import ConsentKnown, Event, RecorderLost
from controller.pbx.asterisk import mixmonitor
from controller.pbx.asterisk.frames import Message
from controller.pbx.asterisk.hand import Hand
from controller.pbx.asterisk.mixmonitor import Claim
from controller.pbx.asterisk.recorders import Recorder, Recorders
from controller.pbx.asterisk.session import Ami
from controller.pbx.asterisk.translate import Translation

AT_ONCE = 50
"""Questions under way at a time."""
LIST_SECONDS = 15.0
"""A PBX with thousands of channels takes a while to list them."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What the PBX said. `running` holds (uniqueid, id) pairs with the file that each writes."""

    statuses: list[Message]
    bridges: list[Message]
    running: dict[tuple[str, str], str]


async def take(ami: Ami, hand: Hand, recorders: Recorders, attributes: Iterable[str]) -> Picture:
    """Ask the PBX. Two lists and one question per recorder that is believed, or claimed by a variable, to run."""
    (_, statuses), (_, bridges) = await asyncio.gather(
        ami.list("Status", timeout=LIST_SECONDS, Variables=mixmonitor.variables(attributes)),
        ami.list("BridgeList", timeout=LIST_SECONDS),
    )
    asked = {(recorder.uniqueid, recorder.id) for recorder in recorders}
    for status in statuses:
        asked |= {(status.get("Uniqueid"), claim.id) for claim in mixmonitor.claims(status)}
    running: dict[tuple[str, str], str] = {}
    gate = asyncio.Semaphore(AT_ONCE)

    async def look(uniqueid: str, mixmonitor_id: str) -> None:
        async with gate:
            running[uniqueid, mixmonitor_id] = await hand.file_of(uniqueid, mixmonitor_id)

    await asyncio.gather(*(look(*one) for one in asked))
    return Picture(statuses, bridges, running)


def apply(
    picture: Picture,
    translation: Translation,
    recorders: Recorders,
    folders: Mapping[str, bool],
    extension: str,
    at: float,
) -> list[Event]:
    """The events that bring the core up to date: lost recorders first, then the calls, then the found recorders.

    `folders`: where ours write, as the PBX calls them, and whether that is what nobody has asked to keep yet."""
    out: list[Event] = []
    alive = {status.get("Uniqueid") for status in picture.statuses}
    for recorder in recorders:
        if picture.running.get((recorder.uniqueid, recorder.id)) == recorder.file:
            continue
        recorders.remove(recorder)
        gone = recorder.uniqueid not in alive
        reason = "its leg hung up while the link was down" if gone else "it was gone after the link came back"
        out.append(RecorderLost(recorder.call, at, recorder.recording, recorder.segment, reason, gone))
    out.extend(translation.snapshot(picture.statuses, picture.bridges, at))
    for status in picture.statuses:
        out.extend(_refused(status, translation, at))
        for claim in mixmonitor.claims(status):
            _adopt(status, claim, picture, translation, recorders, folders, extension)
    for recorder in recorders:
        recorder.proven = True
        out.append(recorder.found(at))
    return out


def _refused(status: Message, translation: Translation, at: float) -> list[Event]:
    """What somebody said in the gate while nobody was there to hear it."""
    uniqueid = status.get("Uniqueid")
    call = translation.call_of(uniqueid)
    if call is None or mixmonitor.told(status).get(mixmonitor.PASSED) != "refused":
        return []
    how = "at the gate, while no controller answered"
    return [ConsentKnown(call, at, translation.leg_of(uniqueid), Standing.REFUSED.value, at, how=how)]


def _adopt(
    status: Message,
    claim: Claim,
    picture: Picture,
    translation: Translation,
    recorders: Recorders,
    folders: Mapping[str, bool],
    extension: str,
) -> None:
    """Take over a recorder that an earlier life of ours started, if its id still writes the file that we would."""
    uniqueid = status.get("Uniqueid")
    file, stem = picture.running.get((uniqueid, claim.id), ""), mixmonitor.stem(claim.recording, claim.segment)
    ours = {f"{folder.rstrip('/')}/{stem}.{extension}": provisional for folder, provisional in folders.items()}
    leg = translation.leg_of(uniqueid)
    call = translation.call_of(uniqueid, claim.room)
    if call is None or file not in ours:
        return
    if recorders.get(claim.recording, claim.segment) is None:
        recorders.add(Recorder(call, claim.recording, claim.segment, leg, uniqueid, claim.id, file, ours[file]))
