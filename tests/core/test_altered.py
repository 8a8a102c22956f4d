"""The quick replace() does what the one of dataclasses does, and leaves records frozen."""

from __future__ import annotations

import dataclasses
import pickle
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.core.altered import quick, replace
from controller.core.calls import Call, Leg
from controller.core.commands import CallId, LegId
from controller.core.decision import Considered
from controller.core.recording import Recording
from controller.core.session import Session, begin
from controller.core.wishes import Wish

LEG = Leg(LegId("main/1.0"), "100", "100", "Alice", "101", True, "", 1.0)
RECORDS: tuple[Any, ...] = (begin(CallId("main/1"), 1.0), Call(CallId("main/2"), 2.0), LEG, Wish())


@dataclass(frozen=True, slots=True)
class Remembering:
    """Has a field of its own making, as Policy has."""

    name: str
    known: dict[str, int] = field(default_factory=dict, init=False, compare=False)


@dataclass(frozen=True, slots=True)
class Checked:
    number: int

    def __post_init__(self) -> None:
        if self.number < 0:
            raise ValueError("negative")


@dataclass(frozen=True, slots=True)
class Longer(Wish):
    """Inherits slots, so it cannot be drafted."""

    more: int = 0


@given(st.data())
def test_it_gives_what_dataclasses_gives_for_any_fields(data: st.DataObject) -> None:
    record = data.draw(st.sampled_from(RECORDS))
    names = [one.name for one in dataclasses.fields(record)]
    changes = dict.fromkeys(data.draw(st.sets(st.sampled_from(names))), "changed")
    altered = replace(record, **changes)
    assert altered == dataclasses.replace(record, **changes)
    assert type(altered) is type(record)
    assert hash(type(altered)) == hash(type(record))


def test_what_it_gives_is_frozen_and_a_record_like_any_other() -> None:
    wish = replace(Wish(), paused=True)
    with pytest.raises(dataclasses.FrozenInstanceError):
        wish.paused = False  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(wish)) == wish == Wish(paused=True)  # noqa: S301 our own
    assert hash(wish) == hash(Wish(paused=True))
    assert repr(wish) == repr(Wish(paused=True))


def test_the_record_itself_stays_as_it_is() -> None:
    session = begin(CallId("main/1"), 1.0)
    replace(session, delayed=True)
    assert session == begin(CallId("main/1"), 1.0)


@pytest.mark.parametrize("record", [Session(Call(CallId("a"), 1.0)), Wish(), Longer()])
def test_an_unknown_field_is_refused(record: Any) -> None:
    with pytest.raises(TypeError):
        replace(record, nothing=1)


def test_a_class_with_a_check_of_its_own_is_checked() -> None:
    with pytest.raises(ValueError, match="negative"):
        replace(Checked(1), number=-1)


def test_fields_that_are_not_given_to_the_class_are_made_anew() -> None:
    record = Remembering("a")
    record.known["a"] = 1
    assert replace(record, name="b").known == {}


def test_a_class_that_inherits_its_slots_is_copied_whole() -> None:
    assert replace(Longer(paused=True, more=2), by="alice") == Longer(paused=True, by="alice", more=2)


def test_copies_of_copies_keep_every_field() -> None:
    recording = Recording(CallId("main/1"), "main-1")  # type: ignore[arg-type]
    for number in range(5):
        recording = replace(recording, numbered=recording.numbered + 1, failures=number)
    assert recording == Recording(CallId("main/1"), "main-1", numbered=5, failures=4)  # type: ignore[arg-type]


@quick
@dataclass(frozen=True, slots=True)
class Quick:
    number: int
    kind: str = "a"
    many: dict[str, int] = field(default_factory=dict)


def test_a_quick_record_is_made_as_any_other() -> None:
    made = Quick(1, many={"a": 1})
    assert (made.number, made.kind, made.many) == (1, "a", {"a": 1})
    assert made == Quick(1, "a", {"a": 1}) != Quick(2)
    assert type(made) is Quick
    assert repr(made) == "Quick(number=1, kind='a', many={'a': 1})"
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.number = 2  # type: ignore[misc]


def test_quick_records_are_equal_where_all_their_fields_are() -> None:
    one = Quick(1)
    assert one == one
    assert one == Quick(1)
    assert [one == Quick(1, kind="b"), one == Quick(1, many={"a": 1}), one == 1, one == Wish()] == [False] * 4
    assert hash(Considered("a", None, "b", "c")) == hash(Considered("a", None, "b", "c"))


def test_each_quick_record_has_its_own_of_what_is_made_anew() -> None:
    assert Quick(1).many is not Quick(1).many


@pytest.mark.parametrize("given", [{}, {"number": 1, "nothing": 2}])
def test_a_quick_record_refuses_what_any_other_refuses(given: dict[str, int]) -> None:
    with pytest.raises(TypeError):
        Quick(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [Remembering, Longer, Checked])
def test_only_plain_records_can_be_quick(kind: type) -> None:
    with pytest.raises(TypeError):
        quick(kind)
