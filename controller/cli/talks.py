"""Who talked when, and who was told what, as lines of text: with a bar over the time of the call, and in words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from controller.catalogue.entries import CallStory, PartyEntry, TalkEntry

WIDTH = 48
"""Characters of the bar."""
SHADES = {"talk": "█", "conference": "▓", "consultation": "▒", "hold": "░", "parked": "·"}


def lines_of(story: CallStory) -> list[str]:
    """A line for each party in order of appearance; none where nobody talked. Times are seconds since `began`."""
    if not story.talks:
        return []
    first, last = began(story), max(talk.until for talk in story.talks)
    span = max((last - first).total_seconds(), 0.001)
    parties = {party.leg: party for party in story.call.parties}
    legs = dict.fromkeys(talk.leg for talk in story.talks)
    names = {leg: name_of(parties.get(leg), leg, story.call.direction) for leg in legs}
    wide = max(len(name) for name in names.values())
    return [
        f"{names[leg]:{wide}}  {_bar(mine, first, span)}  {', '.join(_said(talk, first) for talk in mine)}"
        for leg in legs
        for mine in [[talk for talk in story.talks if talk.leg == leg]]
    ]


def began(story: CallStory) -> datetime:
    """What times are counted from: the first recording's first sound, where there is one, as in the file."""
    kept = [one.recording.began_at for one in story.recordings if one.recording.part == "conversation"]
    return min(kept or [talk.since for talk in story.talks])


def consents_of(story: CallStory) -> list[str]:
    """A line for each thing that a party was told about being recorded, or said."""
    parties = {party.leg: party for party in story.call.parties}
    said = [
        (one, name_of(parties.get(one.leg), one.leg, story.call.direction), [one.prompt, one.how])
        for one in story.consents
    ]
    return [
        f"{one.at.astimezone():%H:%M:%S} {who}: {one.standing} ({', '.join(filter(None, how))})"
        for one, who, how in said
    ]


def name_of(party: PartyEntry | None, leg: str, direction: str) -> str:
    """Who is meant, for a person: "extension 100", or an outside party's own number."""
    if party is None:
        return leg
    if party.party == "external":
        # What an outside caller dialled is our own number; on a leg that we dialled, that is his.
        numbers = (party.number, party.dialled) if direction == "inbound" else (party.dialled, party.number)
        return next(filter(None, numbers), party.endpoint)
    return party.subject or party.endpoint


def _bar(talks: Iterable[TalkEntry], first: datetime, span: float) -> str:
    cells = [" "] * WIDTH
    for talk in talks:
        since, until = ((at - first).total_seconds() / span * WIDTH for at in (talk.since, talk.until))
        begin = min(max(0, int(since)), WIDTH - 1)
        end = max(begin + 1, min(WIDTH, round(until)))
        cells[begin:end] = SHADES.get(talk.doing, "?") * (end - begin)
    return "".join(cells)


def _said(talk: TalkEntry, first: datetime) -> str:
    since, until = ((at - first).total_seconds() for at in (talk.since, talk.until))
    return f"{talk.doing} {max(since, 0.0):.1f}-{max(until, 0.0):.1f} s"
