"""How long a pause lasts: one that was forgotten ends by itself, or is told, as the rule says. Pure (B-04)."""

from __future__ import annotations

from controller.core.altered import replace
from controller.core.commands import Alarm, CallId, CancelTimer, Command, SetTimer
from controller.core.decision import Options
from controller.core.events import Event, TimerFired
from controller.core.wishes import Wish

AUTO_RESUME = "auto-resume"
LONG_PAUSE = "long-pause"
TIMERS = (AUTO_RESUME, LONG_PAUSE)


def step(
    call: CallId, before: Wish, wish: Wish, options: Options, event: Event
) -> tuple[Wish, tuple[Command, ...], str]:
    """The wish and the timers after an event that changed `before` to `wish`; and a note where it ended a pause."""
    if wish.paused and not before.paused:
        return wish, _begun(call, options), ""
    if before.paused and not wish.paused:
        return wish, tuple(CancelTimer(call, name) for name in TIMERS), ""
    if not wish.paused or not isinstance(event, TimerFired):
        return wish, (), ""
    if event.timer == AUTO_RESUME:
        note = f"the pause ended by itself after {options.auto_resume:g} s"
        return replace(wish, paused=False, by=AUTO_RESUME), (CancelTimer(call, LONG_PAUSE),), note
    if event.timer == LONG_PAUSE:
        alarm = Alarm(
            call,
            f"a recording has been paused for {options.long_pause:g} s or more",
            f"ask whoever paused it ({wish.by}), and resume it: `onrecord call resume`",
        )
        return wish, (alarm, SetTimer(call, LONG_PAUSE, options.long_pause)), ""
    return wish, (), ""


def _begun(call: CallId, options: Options) -> tuple[Command, ...]:
    lengths = ((AUTO_RESUME, options.auto_resume), (LONG_PAUSE, options.long_pause))
    return tuple(SetTimer(call, name, seconds) for name, seconds in lengths if seconds > 0)
