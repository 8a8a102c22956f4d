"""Every real trace gives the events that were reviewed once, and leaves nothing behind."""

from __future__ import annotations

import pytest

from controller.core.events import LegAppeared, LegEnded
from controller.pbx.asterisk.translate import Translation
from tests.pbx.asterisk.traces import NAMES, heard, load, story, told


@pytest.mark.parametrize("name", NAMES)
def test_a_real_trace_gives_the_reviewed_events(name: str) -> None:
    """Review a change with `python -m tests.pbx.asterisk.traces` and a look at the differences."""
    assert story(name) == told(name).read_text()


@pytest.mark.parametrize("name", NAMES)
def test_every_leg_that_appears_in_a_trace_ends_in_it_once_per_call(name: str) -> None:
    events = heard(load(name))
    appeared = [event.leg for event in events if isinstance(event, LegAppeared)]
    ended = [event.leg for event in events if isinstance(event, LegEnded)]
    assert sorted(appeared) == sorted(ended)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_a_call_is_remembered_after_it(name: str) -> None:
    translation = Translation("main")
    messages = load(name)
    heard(messages, translation)
    assert not any(translation.knows(message.get("Uniqueid")) for message in messages)
    memory = translation._memory
    assert (memory.channels, memory._groups, memory._talks, memory._rooms) == ({}, {}, {}, {})


@pytest.mark.parametrize("name", NAMES)
def test_every_message_of_a_real_trace_is_understood(name: str) -> None:
    translation = Translation("main")
    heard(load(name), translation)
    assert translation.odd == {}
