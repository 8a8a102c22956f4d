"""The transfer matrix: every way to hand a call over, under every rule, on real calls, by what was heard.

All cells are played on one PBX under one policy, many at the same time; each has phones, a DDI, queues and a room of
its own. docs/transfers.md is this table.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from controller import lab
from controller.app import App
from controller.catalogue.entries import CallEntry, CallStory, RecordingEntry, Status
from controller.catalogue.search import Query, list_calls, show
from controller.cli.talks import lines_of
from controller.core.finished import Part
from controller.lab import Asterisk, ears
from controller.pipeline.export import NotExported, export
from tests.live import transferring as plays
from tests.live.test_controller import running, sound
from tests.live.transferring import CUSTOMER, FIRST, HOUSE, SECOND, THIRD, Play, Stage, World, between, seconds

AT_ONCE = 12
SLACK = 0.1
"""Seconds by which a recording may miss the time that the parties talked, and each party's own."""
UNCERTAIN = 0.35

RULES = {
    "trunk": "the trunk is recorded",
    "ddi": "the company's own number is recorded",
    "follow": "the first extension is recorded, and its rule follows the call",
    "extension": "the first extension is recorded",
    "second": "the extension that the call is handed to is recorded",
    "queue": "the queue is recorded, the first extension is its agent",
    "conference": "the conference is recorded",
}
OWNER = {
    "trunk": f"trunk {plays.RECORDED_TRUNK}",
    "ddi": "ddi {stage.ddi}",
    "follow": "extension {stage.extension}",
    "extension": "extension {stage.extension}",
    "second": "extension {stage.second.user}",
    "queue": "queue {stage.queue}",
}
LINES = ("trunk", "ddi", "follow", "extension")
ALL = (*LINES, "queue")
HANDED = (*LINES, "second", "queue")


@dataclass(frozen=True, slots=True)
class Way:
    """One way for a call to go."""

    name: str
    play: Play
    rules: tuple[str, ...]
    stays: bool = False  # the first phone stays to the end
    unheard: float = 0.0
    """Seconds in which somebody who is connected is not heard: his telephone sends the digits of a code instead
    of his voice, and Asterisk passes none until it has put back who consulted, or its Local channels are gone."""
    consults: bool = False  # and talks to the second one meanwhile


WAYS = (
    Way("blind transfer (REFER)", plays.blind_refer, HANDED),
    Way("blind transfer twice (REFER)", plays.blind_refer_twice, HANDED),
    Way("attended transfer (REFER with Replaces)", plays.attended_refer, HANDED, consults=True),
    Way("blind transfer by feature code", plays.blind_feature, HANDED, unheard=0.5),
    Way("attended transfer by feature code", plays.attended_feature, HANDED, unheard=0.5, consults=True),
    Way("attended transfer, let go while it rings", plays.let_go_while_it_rings, HANDED, unheard=0.5),
    Way("AMI BlindTransfer", plays.ami_blind, HANDED),
    Way("AMI Atxfer", plays.ami_attended, HANDED, unheard=0.5, consults=True),
    Way("AMI Redirect", plays.ami_redirect, HANDED),
    Way("consultation refused", plays.consultation_refused, ALL, stays=True),
    Way("consultation given up", plays.consultation_given_up, ALL, stays=True, consults=True),
    Way("consultation by feature code refused", plays.feature_consultation_refused, ALL, stays=True, unheard=0.7),
    Way("parked and taken back elsewhere", plays.parked, HANDED),
    Way("picked up", plays.picked_up, LINES, stays=True),
    Way("forwarded by the phone (302)", plays.forwarded, LINES, stays=True),
    Way("queue tries its agent again", plays.queue_tries_again, ("trunk", "ddi", "queue"), stays=True),
    Way("from queue to queue", plays.queue_to_queue, ("trunk", "ddi", "queue"), stays=True),
    Way("agent behind a Local channel, transferred", plays.local_agent, ("trunk", "ddi", "queue")),
    Way("agent behind a Local channel that stays, transferred", plays.pinned_agent, ("trunk", "ddi", "queue")),
    Way("into a conference and out of it", plays.through_a_room, ("trunk", "ddi", "conference")),
    Way("called out, then transferred", plays.called_out, (*LINES, "second")),
    Way("click to call, then transferred", plays.click_to_call, (*LINES, "second")),
)


@dataclass(frozen=True, slots=True)
class Cell:
    way: Way
    rule: str

    def __str__(self) -> str:
        return f"{self.way.name} | {self.rule}"


CELLS = tuple(Cell(way, rule) for way in WAYS for rule in way.rules)


@dataclass(slots=True)
class Played:
    """One cell that was played, and what the controller made of it."""

    cell: Cell
    stage: Stage
    failed: str = ""
    entries: tuple[CallEntry, ...] = ()
    stories: tuple[CallStory, ...] = ()

    def recordings(self, part: Part) -> list[RecordingEntry]:
        """What was kept of this call."""
        kept = [one for call in self.entries for one in call.recordings if one.status is Status.KEPT]
        return [one for one in kept if one.part == part.value]

    @property
    def story(self) -> CallStory:
        """The customer's call; a conference that he was in is another one."""
        mine = [one for one in self.stories if _is_of(self.stage.number, one.call) and not one.call.room]
        (story,) = mine
        return story

    def told_wrong(self) -> Iterator[tuple[str, float]]:
        """Whose time of talk is told otherwise than the customer heard him, and by how many seconds."""
        assert self.stage.customer is not None
        heard = self.stage.customer.heard()
        endpoints = {party.leg: party.endpoint for party in self.story.call.parties}
        most = 2 * SLACK + unrest(self) + self.cell.way.unheard
        for phone, pitch in ((self.stage.first, FIRST), (self.stage.second, SECOND)):
            mine = [one for one in self.story.talks if endpoints.get(one.leg) == phone.user and one.doing == "talk"]
            told = sum((talk.until - talk.since).total_seconds() for talk in mine)
            off = told - seconds(heard, pitch)
            if not -2 * SLACK < off < most:
                yield phone.user, round(off, 3)


def _is_of(number: str, call: CallEntry) -> bool:
    return any(number in (party.number, party.dialled) and party.party == "external" for party in call.parties)


def rule_of(cell: Cell, extension: int) -> str:
    """The lines of the policy that this cell needs beside the trunk's."""
    subject = {
        "ddi": f'ddi = "0205550{extension}"',
        "follow": f'extension = "{extension}"\nfollow_transfer = true',
        "extension": f'extension = "{extension}"',
        "second": f'extension = "{extension + 1}"',
        "conference": f'conference = "880{extension}"',
    }.get(cell.rule)
    if cell.rule == "ddi":
        numbers = (f"0205550{extension}", f"0205550{extension + 1}", *(f"02055{n}{extension}" for n in range(71, 75)))
        return "".join(_rule(f"ddi {number}", f'ddi = "{number}"') for number in numbers)
    if cell.rule == "queue":
        names = (*(f"{kind}{extension}" for kind in "qrlp"), f"q{extension + 1}")
        return "".join(_rule(f"queue {name}", f'queue = "{name}"') for name in names)
    return _rule(f"{cell.rule} {extension}", subject) if subject else ""


def _rule(name: str, subject: str) -> str:
    return f'[[rule]]\nname = "{name}"\n{subject}\nmode = "always"\n'


POLICY = '[decide]\nqueue_isolation = "trunk_wins"\n' + _rule("trunk", f'trunk = "{plays.RECORDED_TRUNK}"')


class Office:
    """A PBX with phones for AT_ONCE calls, and a controller whose policy is changed with the calls."""

    def __init__(self, pbx: Asterisk, folder: Path) -> None:
        self.pbx, self.folder = pbx, folder
        self.played: dict[Cell, Played] = {}
        self.app: App | None = None

    async def play(self, cells: tuple[Cell, ...]) -> None:
        """Play so many cells at the same time."""
        slots = {cell: plays.FIRST_EXTENSION + 3 * n for n, cell in enumerate(cells)}
        rules = POLICY + "".join(rule_of(cell, extension) for cell, extension in slots.items())
        self.folder.mkdir(exist_ok=True)
        async with AsyncExitStack() as stack:
            self.app = app = await stack.enter_async_context(running(self.folder, rules, self.pbx))
            admin = await stack.enter_async_context(self.pbx.admin())
            world = await stack.enter_async_context(plays.world(self.pbx))
            staged = [await self._staged(cell, slot, admin, world, stack) for cell, slot in slots.items()]
            begun = time.time()
            await asyncio.gather(*(self._perform(one, n * 0.15) for n, one in enumerate(staged)))
            with contextlib.suppress(TimeoutError):  # calls that never end show in the cells
                await lab.until(lambda: not app.engine.sessions, 20)
            await app.line.idle()
            found = await list_calls(app.catalogue, Query(limit=1000))
            stories = {entry.call: (await show(app.catalogue, entry.call))[-1] for entry in found}
        for one in staged:
            mine = {str(one.stage.extension + n) for n in range(3)} | {one.stage.number}
            one.entries = tuple(
                entry
                for entry in found
                if entry.began_at.timestamp() >= begun - 1
                and any(party.endpoint in mine or party.number in mine for party in entry.parties)
            )
            one.stories = tuple(stories[entry.call] for entry in one.entries)
            self.played[one.cell] = one

    def is_uncertain(self, cell: Cell) -> bool:
        """Whether all is there and only times are off, by less than anything that was ever wrong: a busy machine cuts
        and stretches what goes through a PBX (jitter above 60 ms). Such a cell is played again, in less company."""
        played = self.played[cell]
        if cell.rule == "conference" or played.failed or len(played.recordings(Part.CONVERSATION)) != 1:
            return False
        found = [*self.differences(played), *played.told_wrong()]
        off = [abs(seconds_off) for _, seconds_off in found]
        return bool(off) and max(off) < UNCERTAIN

    def differences(self, played: Played) -> list[tuple[str, float]]:
        """What is off by more than SLACK, and by how much: begun late, too long, and too much of each pitch."""
        assert self.app is not None
        (recording,) = played.recordings(Part.CONVERSATION)
        samples, rate = sound(self.app, recording)
        want, slack = expected(played), SLACK + unrest(played)
        begun = recording.began_at.timestamp() - want.start
        found = [("begun", begun), ("length", len(samples) / rate - (want.end - want.start))]
        found += [
            (f"{pitch} Hz", seconds(samples[:, 1], pitch, rate) - want.pitches.get(pitch, 0)) for pitch in HOUSE
        ]
        return [(what, round(off, 3)) for what, off in found if abs(off) >= slack]

    async def _staged(
        self, cell: Cell, extension: int, admin: lab.Admin, world: World, stack: AsyncExitStack
    ) -> Played:
        phones = [await stack.enter_async_context(plays.phone(self.pbx, extension + n)) for n in range(3)]
        return Played(cell, Stage(self.pbx, admin, world, cell.rule, extension, *phones))

    async def _perform(self, played: Played, after: float) -> None:
        await asyncio.sleep(after)
        try:
            async with asyncio.timeout(40):
                await played.cell.way.play(played.stage)
        except Exception as error:  # one cell that goes wrong must not take the others with it
            played.failed = f"{type(error).__name__}: {error} at {error.__traceback__ and _last(error)}"
        for task in played.stage.tasks:
            task.cancel()


def _last(error: BaseException) -> str:
    trace = error.__traceback__
    lines = []
    while trace is not None:
        lines.append(f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}")
        trace = trace.tb_next
    return " ".join(line for line in lines if "transferring" in line)


def _batches(cells: tuple[Cell, ...], size: int = AT_ONCE) -> Iterator[tuple[Cell, ...]]:
    for at in range(0, len(cells), size):
        yield cells[at : at + size]


@pytest.fixture(scope="module")
async def office(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    """Everything that the chosen tests need has been played."""
    chosen = {item.callspec.params["cell"] for item in request.session.items if "cell" in _params(item)}
    cells = tuple(cell for cell in CELLS if cell in chosen)
    extensions = range(plays.FIRST_EXTENSION, plays.FIRST_EXTENSION + 3 * AT_ONCE)
    async with Asterisk.running(lab.install(), extra=plays.configuration(extensions)) as pbx:
        one = Office(pbx, tmp_path_factory.mktemp("matrix"))
        for batch in _batches(cells):
            await one.play(batch)
        for _ in range(2):
            for batch in _batches(tuple(cell for cell in cells if one.is_uncertain(cell)), 4):
                await one.play(batch)
        yield one


def _params(item: pytest.Item) -> dict[str, object]:
    spec = getattr(item, "callspec", None)
    return spec.params if spec is not None else {}


@dataclass(frozen=True, slots=True)
class Expected:
    """From when to when a recording has to run, and how long which pitch of the house is heard in it."""

    start: float
    end: float
    pitches: dict[int, float]


def expected(played: Played) -> Expected:
    """What the customer's own telephone heard is the measure."""
    stage, cell = played.stage, played.cell
    assert stage.customer is not None
    heard = stage.customer.heard()
    start, end = plays.first_heard(heard, HOUSE), stage.at["over"]
    if cell.rule == "second":
        start = stage.at.get("second in") or plays.first_heard(heard, (SECOND,))
        end = stage.at.get("second out", end)
    if cell.rule in ("extension", "queue") and not cell.way.stays:
        end = stage.at["first out"]
    window = between(heard, start, end)
    found = {pitch: seconds(window, pitch) for pitch in HOUSE}
    return Expected(start, end, {pitch: length for pitch, length in found.items() if length})


ON_CALLS = [cell for cell in CELLS if cell.rule != "conference"]


@pytest.mark.proves("V-3", "V-4", "V-5", "V-6", "Y-18", "W-36", "H-10", "F-083", "F-088", "F-094")
@pytest.mark.proves("F-072", "F-073", "F-074", "F-077", "B-03", "B-19")
@pytest.mark.parametrize("cell", ON_CALLS, ids=str)
async def test_one_call_handed_over_is_one_recording_of_the_right_span(office: Office, cell: Cell) -> None:
    played = office.played[cell]
    assert not played.failed
    found = played.recordings(Part.CONVERSATION)
    assert len(found) == 1, [(call.call, call.why) for call in played.entries]
    (recording,) = found
    owners = [OWNER[cell.rule].format(stage=played.stage)]
    if cell.way.play is plays.queue_to_queue and cell.rule == "queue":
        owners.append(f"queue q{played.stage.second.user}")
    assert list(recording.owners) == owners
    assert office.app is not None
    samples, rate = sound(office.app, recording)
    assert not office.differences(played), expected(played)
    assert {one.frequency for one in ears.tones(samples[:, 0], rate) if one.seconds >= 0.1} == {CUSTOMER}
    assert not seconds(samples[:, 1], CUSTOMER, rate)


def unrest(played: Played) -> float:
    """How far the telephones themselves were off the beat of 20 ms, because the machine was busy: a measure cannot
    be better than its yardstick."""
    assert played.stage.customer is not None
    return plays.unrest(played.stage.customer.sent())


CONSULTED = [cell for cell in CELLS if cell.way.consults and cell.rule in ("extension", "follow", "second")]


@pytest.mark.proves("F-076", "B-03", "B-19")
@pytest.mark.parametrize("cell", CONSULTED, ids=str)
async def test_a_consultation_is_a_part_of_its_own_for_few_ears(office: Office, cell: Cell, tmp_path: Path) -> None:
    played = office.played[cell]
    (recording,) = played.recordings(Part.CONSULTATION)
    assert office.app is not None
    samples, rate = sound(office.app, recording)
    for pitch in (FIRST, SECOND):
        assert any(abs(seconds(samples[:, n], pitch, rate) - plays.TALK) < SLACK + unrest(played) for n in (0, 1))
    assert not any(seconds(samples[:, n], CUSTOMER, rate) for n in (0, 1))
    with pytest.raises(NotExported, match="--consultations"):
        export(recording, office.app.config.store.folder, tmp_path)
    assert export(recording, office.app.config.store.folder, tmp_path, consultations=True).audio.exists()


@pytest.mark.proves("B-03", "B-19")
@pytest.mark.parametrize("cell", ON_CALLS, ids=str)
async def test_it_is_told_who_talked_to_the_customer_and_for_how_long(office: Office, cell: Cell) -> None:
    played = office.played[cell]
    assert not list(played.told_wrong())
    assert lines_of(played.story)


@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell.rule == "conference"], ids=str)
async def test_a_conference_holds_all_of_its_members_for_as_long_as_there_are_two(office: Office, cell: Cell) -> None:
    played = office.played[cell]
    assert not played.failed
    (recording,) = played.recordings(Part.CONVERSATION)
    assert list(recording.owners) == [f"conference {played.stage.room}"]
    assert office.app is not None
    samples, rate = sound(office.app, recording)
    assert samples.shape[1] == 1
    assert played.stage.customer is not None
    heard = seconds(played.stage.customer.heard(), THIRD)
    slack = SLACK + unrest(played)
    assert abs(len(samples) / rate - heard) < slack
    for pitch in (CUSTOMER, THIRD):
        assert abs(seconds(samples[:, 0], pitch, rate) - heard) < slack


# -- the page --------------------------------------------------------------------------------------------------------

PAGE = Path(__file__).parents[2] / "docs" / "transfers.md"
TITLE = """# Transfers

Whatever happens to a call, what its rule wants is one recording, and the customer is on its left side throughout.
Each `yes` is a cell that `tests/live/test_transfer_matrix.py` plays on a real Asterisk with tones and judges by what
the customer's own telephone heard: one recording, its owners, its span to 100 ms, each voice as long as it was
heard, and who talked when. This page is the table in that test, which fails where they differ.
"""
NOTES = """
- **extension**, **queue**: the recording ends when that extension, or the queue's agent, is out of the call.
  **the next extension**: it begins where that one meets the outside party.
  **extension, following** (`follow_transfer = true`), **trunk** and **DDI**: it lasts until the outside party leaves.
- A **consultation** (of people of the house, while the other side waits) is recorded where their own rules want it,
  as a part of its own: `onrecord show` marks it, and `onrecord export` leaves it out without `--consultations`.
- **On hold** the rule says what becomes of the music: `hold = "record"`, `"mute"` or `"skip"`.
- Trunks are played under `queue_isolation = "trunk_wins"`. Under `strict` queues and conferences decide alone.
- At each new party the recorder is renewed, because this Asterisk's can be deaf to him
  (`tests/live/test_transfer_deaf.py` provokes it): about 30 ms are missing there, and a mark `renew` says so.
  Our own beeps make way for it. Somebody else's recorder or spy on the same channel would keep it deaf:
  `onrecord doctor` tells of other recorders. Whoever goes deaf without any event (a carrier that numbers its packets
  anew) is known by the silence on his side of the file, within about ten seconds.
"""
HEADS = {"follow": "extension, following", "ddi": "DDI", "second": "the next extension"}


def page() -> str:
    """docs/transfers.md."""
    heads = "".join(f" {HEADS.get(rule, rule)} |" for rule in RULES)
    rows = "".join(
        f"| {way.name} |" + "".join(" yes |" if rule in way.rules else " |" for rule in RULES) + "\n" for way in WAYS
    )
    return f"{TITLE}\n| |{heads}\n|---|{'---|' * len(RULES)}\n{rows}{NOTES}"


def test_the_page_is_this_matrix() -> None:
    """Write it with `python -m tests.live.test_transfer_matrix`."""
    assert PAGE.read_text() == page()


if __name__ == "__main__":
    PAGE.write_text(page())
