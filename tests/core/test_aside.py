"""A consultation within one call is a call apart: its own decision, its own recording, nothing in the other's."""

from __future__ import annotations

from dataclasses import dataclass, field

from controller.core import session as sessions
from controller.core.commands import CallId, Command, HandOver, RecorderCommand, Start
from controller.core.events import CallsMerged, Done, Event
from controller.core.finished import Finished, Part
from controller.core.finishing import finish
from controller.core.merging import merge
from controller.core.policy import Policy
from controller.core.session import Session
from controller.core.talks import Doing
from controller.pbx.asterisk.translate import Translation
from tests.core.test_session import policy
from tests.pbx.asterisk.traces import load


@dataclass
class Play:
    """Whole calls from a trace of a real Asterisk, on a PBX that confirms everything at once."""

    rules: Policy
    sessions: dict[CallId, Session] = field(default_factory=dict)
    homes: dict[CallId, CallId] = field(default_factory=dict)
    commands: list[Command] = field(default_factory=list)
    finished: list[Finished] = field(default_factory=list)

    def hear(self, event: Event) -> None:
        home = self.homes.get(event.call, event.call)
        if isinstance(event, CallsMerged):
            other = self.sessions.pop(event.other)
            self.homes[event.other] = home
            self.sessions[home] = merge(self.sessions[home], other, self.rules)
        session = self.sessions.get(home) or sessions.begin(home, event.at)
        self.sessions[home], commands = sessions.step(session, event, self.rules)
        self.commands.extend(commands)
        for command in commands:
            if isinstance(command, RecorderCommand):
                self.hear(Done(command.call, event.at + 0.002, command))
            elif isinstance(command, HandOver):
                self.finished.append(finish(self.sessions[home], command, self.rules.roster, lambda _: ("", "", "")))


def played(name: str, extension: str) -> Play:
    play = Play(policy(f'[[rule]]\nname = "it"\nextension = "{extension}"\nmode = "always"\n'))
    translation, at = Translation("main"), 0.0
    for message in load(name):
        at = float(message.get("Timestamp") or at)
        for event in translation.hear(message, at):
            play.hear(event)
    return play


def parts(play: Play) -> dict[Part, Finished]:
    found = {one.part: one for one in play.finished if one.recording is not None}
    assert len(found) == len([one for one in play.finished if one.recording is not None])
    return found


def test_who_transfers_by_feature_code_is_recorded_with_the_customer_and_apart_from_him_with_the_target() -> None:
    found = parts(played("attended_by_feature", "101"))
    conversation, consultation = found[Part.CONVERSATION], found[Part.CONSULTATION]
    (one,), (other,) = conversation.segments, consultation.segments
    assert one.started_at < other.started_at < other.ended_at <= one.ended_at + 0.01
    assert [str(owner) for owner in consultation.owners] == ["extension 101"]
    assert other.label.startswith("consultation: ")


def test_who_is_consulted_is_recorded_with_the_customer_only_once_they_meet() -> None:
    found = parts(played("attended_by_feature", "102"))
    conversation, consultation = found[Part.CONVERSATION], found[Part.CONSULTATION]
    assert consultation.segments[0].started_at < conversation.segments[0].started_at
    assert consultation.segments[-1].ended_at <= conversation.segments[0].started_at
    doings = [talk.doing for talk in conversation.talks]
    assert Doing.CONSULTS in doings
    assert Doing.TALKS in doings


def test_a_consultation_that_no_rule_wants_leaves_nothing() -> None:
    play = played("attended_by_feature", "109")
    assert not [command for command in play.commands if isinstance(command, Start)]
    assert [one.recording for one in play.finished] == [None]


def test_a_consultation_by_a_second_call_is_a_part_of_its_own_too() -> None:
    found = parts(played("attended", "101"))
    assert set(found) == {Part.CONVERSATION, Part.CONSULTATION}
