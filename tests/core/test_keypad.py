"""Codes, digits and keys in the core: whose count, what is blanked, what phones are told, what their lamps say."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.config.load import parse
from controller.core.commands import Allow, HandOver, LegId, Pause, Press, Refuse, Resume, Start
from controller.core.consent import Standing
from controller.core.events import DigitPressed, PolicyChanged, TimerFired
from controller.core.lamps import Glow, glows
from controller.core.listening import QUIET
from controller.core.merging import merge
from controller.core.policy import Policy
from controller.core.recording import State
from controller.core.session import step
from hardware.keys import Key
from tests.playbook import Playbook, Scene

CODES = 'record = "*1", stop = "*2", pause = "*3", resume = "*4", agree = "*6", refuse = "*9"'
KEYS = f"[keys]\nrecord_key = true\ncodes = {{ {CODES} }}\n"
TRUNK = '[[trunk]]\nname = "carrier1"\n'


def rules(mode: str, *more: str, subject: str = "extension", name: str = "100") -> Policy:
    rule = ['[[rule]]\nname = "it"', f'{subject} = "{name}"', f'mode = "{mode}"', *more]
    return parse(KEYS + TRUNK + "\n".join(rule) + "\n", Path("onrecord.toml")).policy


class Talk(Playbook):
    """The outside caller, leg `w`, talks to 100, leg `a`; recorders do what they are told at once."""

    def __init__(self, policy: Policy) -> None:
        super().__init__(policy, confirming=True)
        self.scene = scene = Scene()
        for event in (
            scene.appears("w", "carrier1", number="0201234567", dialled="0205550100"),
            scene.appears("a", "100", originating=False),
            scene.answers("a"),
            scene.joins("w"),
            scene.joins("a"),
        ):
            self._hear(event)

    def types(self, leg: str, digits: str, gap: float = 0.2) -> None:
        for digit in digits:
            self._hear(DigitPressed(self.scene.call, self.scene.at(gap), self.scene.leg(leg), digit, 0.1))
            for press in [each for each in self._open if isinstance(each, Press)]:
                self._open.remove(press)
                self._hear(self.scene.presses(leg, press.key))

    def quiet(self) -> None:
        """Time passes until the guard's timer fires."""
        self._hear(TimerFired(self.scene.call, self.scene.at(self.timers.pop(QUIET)), QUIET))

    @property
    def state(self) -> State:
        return self.session.recording.state if self.session.recording else State.OFF

    def allowed(self) -> dict[LegId, frozenset[Key]]:
        """What each leg's phone was told last."""
        return {each.leg: each.keys for each in self.asked if isinstance(each, Allow)}

    def glow(self) -> Glow | None:
        return glows(self.session, self.policy).get("100")


def test_codes_of_our_own_people_command() -> None:
    talk = Talk(rules("on-demand"))
    for digits, state in (("*1", State.ON), ("*3", State.PAUSED), ("*4", State.ON), ("*2", State.OFF)):
        talk.types("a", digits)
        assert talk.state is state


def test_codes_of_the_other_party_are_digits_and_nothing_else() -> None:
    talk = Talk(rules("on-demand", "dtmf_guard = false"))
    talk.types("w", "*1*1*1")
    assert talk.state is State.OFF
    assert not [each for each in talk.asked if isinstance(each, Press)]


def test_a_code_that_the_rule_does_not_grant_is_refused_with_the_reason() -> None:
    talk = Talk(rules("always"))
    talk.types("a", "*2")
    (refused,) = [each for each in talk.asked if isinstance(each, Refuse)]
    assert "rule 'it'" in refused.why
    assert talk.state is State.ON


def test_digits_that_come_too_slowly_are_no_code() -> None:
    talk = Talk(rules("on-demand"))
    talk.types("a", "*1", gap=2.5)
    assert talk.state is State.OFF


def test_a_burst_of_the_other_party_pauses_until_it_has_been_quiet() -> None:
    talk = Talk(rules("always"))
    talk.types("w", "49")
    assert talk.state is State.ON
    talk.types("w", "2")
    assert talk.state is State.PAUSED
    talk.types("w", "9")
    talk.quiet()
    assert talk.state is State.ON
    assert talk.session.recording is not None
    marks = [mark for mark in talk.session.recording.marks if mark.kind in ("blank", "unblank")]
    assert [mark.kind for mark in marks] == ["blank", "unblank"]
    assert marks[1].at - marks[0].at > 0.8


def test_nobody_can_open_a_recording_that_digits_have_closed() -> None:
    talk = Talk(rules("always-with-pause"))
    talk.types("w", "492")
    talk.types("a", "*4")
    assert talk.state is State.PAUSED


def test_a_pause_of_somebody_outlasts_the_guards() -> None:
    talk = Talk(rules("always-with-pause"))
    talk.types("a", "*3")
    talk.types("w", "492")
    talk.quiet()
    assert talk.state is State.PAUSED
    talk.types("a", "*4")
    assert talk.state is State.ON


def test_a_call_that_ends_while_digits_are_typed_says_until_when_they_were() -> None:
    talk = Talk(rules("always"))
    talk.types("w", "4929")
    for leg in ("a", "w"):
        talk._hear(talk.scene.ends(leg))
    (over,) = [each for each in talk.asked if isinstance(each, HandOver)]
    assert over.recording is not None
    assert talk.session.recording is not None
    assert [mark.kind for mark in talk.session.recording.marks if "blank" in mark.kind] == ["blank", "unblank"]


@given(st.lists(st.tuples(st.sampled_from("aw"), st.sampled_from("01234578*#"), st.floats(0, 6)), max_size=40))
def test_whatever_is_typed_only_our_own_codes_command_and_blanks_always_end(
    typed: list[tuple[str, str, float]],
) -> None:
    talk = Talk(rules("on-demand"))
    for leg, digit, gap in typed:
        talk.types(leg, digit, gap)
    presses = [each for each in talk.asked if isinstance(each, Press)]
    assert {press.leg for press in presses} <= {talk.scene.leg("a")}
    while QUIET in talk.timers:
        talk.quiet()
    assert not talk.session.keypad.blanking
    last = [press.key for press in presses if press.key in (Key.RECORD, Key.STOP)][-1:]
    assert (talk.state is State.OFF) is (last != [Key.RECORD])


@pytest.mark.parametrize(
    ("mode", "keys"),
    [
        ("never", set()),
        ("always", {Key.RECORD}),
        ("always-with-pause", {Key.RECORD}),
        ("on-demand", {Key.RECORD, Key.STOP}),
        ("on-demand-keep", {Key.RECORD, Key.STOP}),
    ],
)
def test_phones_are_told_beforehand_what_their_key_may_do(mode: str, keys: set[Key]) -> None:
    talk = Talk(rules(mode))
    assert talk.allowed().get(talk.scene.leg("a"), frozenset()) == keys
    assert talk.scene.leg("w") not in talk.allowed()


def test_what_a_trunk_or_queue_brings_belongs_to_everybody_of_ours_on_the_call() -> None:
    talk = Talk(rules("on-demand", subject="trunk", name="carrier1"))
    assert talk.allowed() == {talk.scene.leg("a"): {Key.RECORD, Key.STOP}}
    talk.types("a", "*1")
    assert talk.state is State.ON


def test_the_recording_of_one_person_cannot_be_switched_by_another() -> None:
    policy = rules("on-demand", name="101")
    talk = Playbook(policy, confirming=True)
    scene = Scene()
    for event in (
        scene.appears("a", "100", dialled="101"),
        scene.appears("b", "101", originating=False),
        scene.joins("a"),
        scene.joins("b"),
        scene.presses("a", Key.RECORD),
    ):
        talk._hear(event)
    assert talk.session.recording is None
    assert "extension 101" in talk.last(Refuse).why  # type: ignore[union-attr]
    talk._hear(scene.presses("b", Key.RECORD))
    assert isinstance(talk.last(Start), Start)


def test_keep_on_demand_records_at_once_and_is_discarded_unless_somebody_presses() -> None:
    for pressed in (True, False):
        talk = Talk(rules("on-demand-keep"))
        assert (talk.state, talk.glow()) == (State.ON, Glow.IDLE)
        if pressed:
            talk._hear(talk.scene.presses("a", Key.RECORD))
            assert talk.glow() is Glow.ON
        for leg in ("a", "w"):
            talk._hear(talk.scene.ends(leg))
        over = talk.last(HandOver)
        assert isinstance(over, HandOver)
        assert bool(over.discard) is not pressed


def test_the_lamp_is_lit_only_by_what_was_confirmed() -> None:
    talk = Playbook(rules("always"))
    scene = Scene()
    for event in (scene.appears("w", "carrier1", dialled="0205550100"), scene.appears("a", "100", originating=False)):
        talk._hear(event)
    talk._hear(scene.joins("w"))
    talk._hear(scene.joins("a"))
    start = talk.last(Start)
    assert isinstance(start, Start)
    assert glows(talk.session, talk.policy) == {"100": Glow.OFF}
    talk._hear(scene.confirms(start))
    assert glows(talk.session, talk.policy) == {"100": Glow.ON}
    talk._hear(scene.ends("w"))
    talk._hear(scene.ends("a"))
    assert glows(talk.session, talk.policy) == {}


def test_a_recorder_that_will_not_start_makes_the_lamp_flash() -> None:
    talk = Playbook(rules("always"))
    scene = Scene()
    for event in (
        scene.appears("w", "carrier1", dialled="0205550100"),
        scene.appears("a", "100", originating=False),
        scene.joins("w"),
        scene.joins("a"),
    ):
        talk._hear(event)
    for _ in range(20):
        starts = [each for each in talk._open if isinstance(each, Start)]
        talk._open.clear()
        for start in starts:
            talk._hear(scene.refuses(start))
        for timer in list(talk.timers):
            talk.timers.pop(timer)
            talk._hear(TimerFired(scene.call, scene.at(5), timer))
    assert glows(talk.session, talk.policy) == {"100": Glow.FAILED}


def test_pauses_and_resumes_are_asked_of_the_recorder_once_each() -> None:
    talk = Talk(rules("always"))
    talk.types("w", "4929")
    talk.quiet()
    kinds = [type(each) for each in talk.asked if isinstance(each, Pause | Resume)]
    assert kinds == [Pause, Resume]


@pytest.mark.parametrize("then", ["", "*1", "*6"])
def test_after_a_refusal_nothing_is_kept_unless_the_other_side_agrees_after_all(then: str) -> None:
    talk = Talk(rules("on-demand"))
    talk.types("a", "*1")
    talk.types("a", "*9")
    assert talk.state is State.OFF
    talk.types("a", then)
    assert talk.state is (State.ON if then == "*6" else State.OFF)
    for leg in ("a", "w"):
        talk._hear(talk.scene.ends(leg))
    over = talk.last(HandOver)
    assert isinstance(over, HandOver)
    assert over.discard == ("" if then == "*6" else "a party refused to be recorded")


def test_where_nobody_may_stop_nobody_can_end_a_recording_by_claiming_a_refusal() -> None:
    talk = Talk(rules("always"))
    talk.types("a", "*9")
    assert talk.state is State.ON
    assert "refusal" in talk.last(Refuse).why  # type: ignore[union-attr]


def test_what_the_other_side_told_our_people_is_kept_as_evidence() -> None:
    talk = Talk(rules("on-demand"))
    talk.types("a", "*6")
    talk.types("a", "*9")
    entries = talk.session.consent[talk.scene.leg("w")]
    assert [entry.standing for entry in entries] == [Standing.AGREED, Standing.WITHDRAWN]
    assert all(entry.how == "told to extension 100 (leg a)" for entry in entries)
    assert talk.scene.leg("a") not in talk.session.consent
    assert talk.state is State.OFF


def test_where_consent_is_needed_nothing_is_recorded_until_somebody_of_ours_says_that_it_was_given() -> None:
    talk = Talk(rules("always", 'announce_inbound = "opt-in"'))
    assert talk.state is State.OFF
    talk.types("a", "*6")
    assert talk.state is State.ON


def test_a_blank_goes_on_when_its_call_becomes_part_of_another_and_ends_there() -> None:
    talk, other = Talk(rules("always")), Talk(rules("always"))
    other.types("w", "492")
    assert other.state is State.PAUSED
    joined = merge(talk.session, other.session, talk.policy)
    assert joined.keypad.blanking
    quiet = TimerFired(talk.scene.call, other.scene.at(60), QUIET)
    after, _ = step(joined, quiet, talk.policy)
    assert not after.keypad.blanking
    assert after.recording is not None
    assert "unblank" in {mark.kind for mark in after.recording.marks}


def test_phones_are_told_anew_when_the_link_is_back_or_the_policy_is_another() -> None:
    talk = Talk(rules("on-demand"))
    talk.asked.clear()
    talk._hear(PolicyChanged(talk.scene.call, talk.scene.at()))
    assert talk.allowed() == {talk.scene.leg("a"): {Key.RECORD, Key.STOP}}
    talk.policy = rules("never")
    talk._hear(PolicyChanged(talk.scene.call, talk.scene.at()))
    assert talk.allowed() == {talk.scene.leg("a"): frozenset()}
