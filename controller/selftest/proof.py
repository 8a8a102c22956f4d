"""What the finished file proves, by listening to it; a function for each step. All block."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import soundfile

from controller.config.load import Config
from controller.core.announcing import IN_CALL
from controller.core.commands import Side
from controller.core.decision import Announce, Audience, NoticeForm, PauseForm, Untold
from controller.doctor.finding import Finding, fail, ok, skipped
from controller.pipeline.task import AUDIO_NAME, PICTURE_NAME
from controller.pipeline.verify import sha256
from controller.selftest import hear
from controller.selftest.kept import Kept
from controller.selftest.phone import RATE, End

MARKER, FIRST, SECOND = 950, 450, 700
"""Hz. The first end says the marker for MARKER_SECONDS from the joining on: what is missing of it tells how late."""
MARKER_SECONDS = 1.0
WHOLE = 0.9
"""Share of the frames outside of pauses in which a side must carry its tone."""
LEAK = 0.05
SHORTER = 0.3
"""A pause is proved in the file if it is at most so many seconds shorter than it was asked for."""
HEARD = 0.1
"""Seconds of something else than tones that are a prompt or a beep."""
LONGER = 0.6
"""Seconds: the two commands, and our own looking, are on top."""
_DEAF = "renew_recorders = true (docs/transfers.md); `onrecord doctor --only modules --only codecs`"

Ends = tuple[End, End]
Proof = Callable[[Config, Kept, Ends, float], Finding]


def hashed(_config: Config, kept: Kept, _ends: Ends, _paused: float) -> Finding:
    path = kept.folder / AUDIO_NAME
    try:
        found = sha256(path)
    except OSError as error:
        return fail(f"{path} cannot be read: {error.strerror}", "run this as the controller's user")
    if found != kept.entry.sha256:
        return fail(f"{path} is not what was stored: {found}", "see to the store's disk; `onrecord check --full`")
    return ok(f"SHA-256 as in the catalogue, {path.stat().st_size} bytes", bytes=path.stat().st_size)


def pictured(_config: Config, kept: Kept, _ends: Ends, _paused: float) -> Finding:
    path = kept.folder / PICTURE_NAME
    try:
        with path.open("rb") as file:
            if file.read(8) == b"\x89PNG\r\n\x1a\n":
                return ok(f"{path.name}, {path.stat().st_size} bytes")
    except OSError:
        pass
    return fail(f"there is no picture at {path}", "`onrecord doctor --only folders --only room`")


def started(config: Config, kept: Kept, _ends: Ends, _paused: float) -> Finding:
    sides, rate = _sound(kept)
    if kept.call.decision.options.untold is Untold.PAUSE and any(
        one.how.startswith(IN_CALL) for one in kept.call.consents
    ):
        return skipped("people are told in the conversation, and it is recorded from then on; behind a gate at once")
    heard = max(hear.longest(hear.present(side, rate, MARKER))[1] for side in sides)
    late = MARKER_SECONDS - heard - kept.call.decision.options.delay
    most = config.selftest.late
    text = f"{late * 1000:.0f} ms of the first sound are missing" if heard else "all of the first second is missing"
    if late <= most and heard:
        return ok(text, late_ms=round(late * 1000))
    remedy = '`onrecord doctor --only lag`; start = "answer" begins earlier; a gate in the dialplan loses nothing'
    return fail(f"{text}, more than {most * 1000:.0f}", remedy, late_ms=round(late * 1000))


def sided(_config: Config, kept: Kept, _ends: Ends, paused_for: float) -> Finding:
    sides, rate = _sound(kept)
    if len(sides) != 2:
        return fail("it has one channel, not two", "`onrecord show` says what was recorded")
    first_left = _first_is_left(kept)
    both = kept.call.decision.options.pause_side is Side.BOTH
    figures: dict[str, object] = {}
    for name, side, is_first in (("left", sides[0], first_left), ("right", sides[1], not first_left)):
        whose = f"{name} (the {'first' if is_first else 'second'} end's side)"
        own = (MARKER, FIRST) if is_first else (SECOND,)
        strange = (SECOND,) if is_first else (MARKER, FIRST)
        talks = _any(side, rate, own)
        paused = _pause(kept, sides if both else [side], rate, paused_for)
        share = float(talks[~paused].mean()) if (~paused).any() else 0.0
        leak = float(_any(side, rate, strange).mean())
        figures[f"{name}_own"] = round(share, 3)
        if share < WHOLE:
            if leak >= LEAK:
                return fail(f"{whose} has the other side's tone", "the sides are exchanged: report this", **figures)
            return fail(
                f"{whose}: its own tone is in {share:.0%} of it: the recorder is deaf there", _DEAF, **figures
            )
        if leak >= LEAK:
            return fail(f"{whose} has the other side's tone as well", "a side was made of the mix: `onrecord show`")
    return ok("each side has its own tone and nothing of the other's", **figures)


def silenced(_config: Config, kept: Kept, _ends: Ends, paused: float) -> Finding:
    if not paused:
        return skipped("there was no pause")
    sides, rate = _sound(kept)
    options = kept.call.decision.options
    if options.pause_form is PauseForm.CUT and options.pause_side is Side.BOTH:
        return ok("the rule cuts pauses out of the file; what is left is told by sides")
    both = np.logical_and.reduce([hear.silent(side, rate) for side in sides])
    any_ = np.logical_or.reduce([hear.silent(side, rate) for side in sides])
    quiet = both if options.pause_side is Side.BOTH else any_
    since, length = hear.longest(quiet)
    figures = {"silent_s": round(length, 2), "paused_s": paused}
    if length < paused - SHORTER:
        remedy = "pauses are not silent: press nothing secret; `onrecord doctor --only modules`, Asterisk's version"
        return fail(f"in a pause of {paused:g} s only {length:.2f} s are silent", remedy, **figures)
    rest = slice(round((since + length) / hear.FRAME_SECONDS), None)
    after = [_any(side, rate, (FIRST, SECOND))[rest].sum() * hear.FRAME_SECONDS for side in sides]
    if min(after) < 0.5:
        return fail("after the pause a side stays silent", "`onrecord alarms`", **figures)
    return ok(f"{length:.2f} s of digital silence, then both sides go on", **figures)


def prompted(_config: Config, kept: Kept, ends: Ends, _paused: float) -> Finding:
    options = kept.call.decision.options
    announced = options.announce_internal is not Announce.NONE and options.announce_to is not Audience.FAR
    noticed = options.notice_internal is not NoticeForm.NONE and options.notice_to is not Audience.FAR
    if not (announced or noticed):
        return skipped("no announcement or notice is configured that our own people hear on calls among themselves")
    seconds = [round(beside_tones(end.heard()), 2) for end in ends]
    entries = {entry.leg: entry for entry in kept.call.consents}
    figures = {"first_heard_s": seconds[0], "second_heard_s": seconds[1]}
    for name, leg, heard in zip(("first", "second"), kept.legs, seconds, strict=True):
        if heard < HEARD:
            remedy = "`onrecord doctor --only prompts`; `onrecord alarms`; `onrecord prompt check`"
            noted = f", though it is noted as {entries[leg].standing}" if leg in entries else ""
            return fail(f"the {name} end heard neither prompt nor beep{noted}", remedy, **figures)
        if announced and leg not in entries:
            return fail(f"that the {name} end was told is noted nowhere", "`onrecord show`; report this", **figures)
    said = "; ".join(sorted({f"{one.prompt} {one.how}" for one in entries.values()})) or "beep or notice"
    return ok(f"{seconds[0]:.1f} and {seconds[1]:.1f} s were heard beside the tones: {said}", **figures)


def beside_tones(heard: hear.Sound) -> float:
    """Seconds of what an end heard that are none of our tones."""
    return hear.others(heard, RATE, MARKER, FIRST, SECOND)


PROOFS: dict[str, Proof] = {
    "hash": hashed,
    "picture": pictured,
    "start": started,
    "sides": sided,
    "silence": silenced,
    "prompt": prompted,
}


def _sound(kept: Kept) -> tuple[list[hear.Sound], int]:
    samples, rate = soundfile.read(kept.folder / AUDIO_NAME, dtype="int16", always_2d=True)
    return [samples[:, n] for n in range(samples.shape[1])], int(rate)


def _any(side: hear.Sound, rate: int, pitches: tuple[int, ...]) -> hear.Frames:
    found: hear.Frames = np.logical_or.reduce([hear.present(side, rate, pitch) for pitch in pitches])
    return found


def _pause(kept: Kept, sides: list[hear.Sound], rate: int, paused_for: float) -> hear.Frames:
    """The frames that are silent because of the pause. No longer than it was: what is beyond it is a hole."""
    quiet: hear.Frames = np.logical_and.reduce([hear.silent(side, rate) for side in sides])
    found = np.zeros(len(quiet), bool)
    if paused_for and kept.call.decision.options.pause_form is not PauseForm.CUT:
        since, length = hear.longest(quiet)
        until = since + min(length, paused_for + LONGER)
        found[round(since / hear.FRAME_SECONDS) : round(until / hear.FRAME_SECONDS)] = True
    return found


def _first_is_left(kept: Kept) -> bool:
    """Left is the leg that was recorded, where it is who called or the outside party; else it is right."""
    segment = kept.story.segments[0]
    return (segment.leg == kept.legs[0]) is (segment.anchor_is == "customer")
