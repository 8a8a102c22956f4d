"""The settings that a rule, a site and [defaults] share: how a call is recorded, and what people are told of it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StrictBool

from controller.config.by_region import Announced, Beep, BeepTone, Heard
from controller.config.fields import Name, Seconds, Table, after_refusal, language, prompt
from controller.core.commands import Side
from controller.core.decision import (
    Announce,
    Audience,
    Destination,
    Grant,
    HoldRule,
    Mode,
    NoticeForm,
    OnFailure,
    PauseForm,
    StartPoint,
    Untold,
)

Language = Annotated[Name, AfterValidator(language)]
Prompt = Annotated[Name, AfterValidator(prompt)]
Refusal = Annotated[Literal["go-on", "end"] | Destination, BeforeValidator(after_refusal)]


class Settings(Table):
    """What a rule sets; what it leaves out comes from the subject's site, then from [defaults], then is built in."""

    mode: Mode | None = Field(
        None,
        description="never; on-demand (people start, stop and pause it); on-demand-keep (from the first second, and "
        "deleted at the end unless somebody pressed Record); always (nobody can stop or pause it); "
        "always-with-pause. Built in: never.",
    )
    grants: tuple[Grant, ...] | None = Field(
        None,
        description="Which of start, stop and pause people may ask for, within what the mode allows. "
        "Left out: all that the mode allows. An empty list: none.",
    )
    start: StartPoint | None = Field(
        None,
        description="From when on: ring, answer (also menus and waiting music), or bridge (two people talk). "
        "Built in: bridge.",
    )
    delay: Seconds | None = Field(None, description="Seconds to wait after that point. Built in: 0.")
    min_length: Seconds | None = Field(None, description="Shorter recordings are dropped. Built in: 0.")
    max_length: Seconds | None = Field(
        None, description="A recording is stopped at this length; 0 is no limit. Built in: 4 h."
    )
    keep_unanswered: StrictBool | None = Field(
        None, description="Keep a recording in which nobody ever talked to anybody. Built in: false."
    )
    pause_form: PauseForm | None = Field(
        None,
        description="What becomes of a pause: silence (as long as the pause was) or cut (taken out). "
        "Built in: silence.",
    )
    pause_side: Side | None = Field(
        None,
        description="Whose voice a pause leaves out: both, anchor (the recorded leg's own, on an outside call the "
        "outside party's) or others. Built in: both.",
    )
    hold: HoldRule | None = Field(
        None,
        description="What becomes of the time in which the recorded party is on hold: record (music and all), mute "
        "(silence of the same length) or skip (taken out). Built in: record.",
    )
    dtmf_guard: StrictBool | None = Field(
        None,
        description="Silence the recording while somebody outside types digits, which may be a card number. "
        "Built in: true.",
    )
    auto_resume: Seconds | None = Field(
        None, description="A pause ends by itself after this time; 0: never. Built in: 0."
    )
    long_pause: Seconds | None = Field(
        None, description="A pause that lasts so long raises an alarm; 0: never. Built in: 10 min."
    )
    on_failure: OnFailure | None = Field(
        None,
        description="When a call is to be recorded and cannot be: continue (an alarm tells), notice (its people are "
        "told, too) or end (they are told, and the call is hung up). Built in: continue.",
    )
    announce_inbound: Announced | None = Field(
        None,
        description="What is announced on recorded calls from outside: none; notify; opt-out (press 9 not to be "
        "recorded); opt-in (press 1 to agree, else nothing is recorded); region (the strictest that the regions of "
        "all parties ask for, docs/regions.md). Built in: none. See docs/guides/consent.md.",
    )
    announce_outbound: Announced | None = Field(None, description="The same for calls to the outside.")
    announce_internal: Announced | None = Field(None, description="The same for calls between our own phones.")
    announce_to: Heard | None = Field(
        None,
        description="Who is told: far (the other side of the house's door), near, both, or region (as the parties' "
        "regions ask). Built in: far; where an announcement is left to the region: region.",
    )
    language: Language | None = Field(None, description="The prompts' language, such as de. Built in: en.")
    announce_fallback: Announce | None = Field(
        None,
        description="What is announced on calls from outside where announce_inbound is none, or could not be played: "
        "for a rule to have its own. Built in: none.",
    )
    prompt_inbound: Prompt | None = Field(
        None,
        description="Which prompt announces calls from outside, for one of your own: its name in prompts_dir, "
        "without language and ending. Left out: recorded, opt-out or opt-in, as announce_inbound says.",
    )
    prompt_outbound: Prompt | None = Field(None, description="The same for calls to the outside.")
    prompt_internal: Prompt | None = Field(None, description="The same for calls between our own phones.")
    prompt_fallback: Prompt | None = Field(None, description="The same for announce_fallback.")
    after_refusal: Refusal | None = Field(
        None,
        description="When a party refuses or withdraws: go-on (unrecorded), end (with a notice), or the place in the "
        'dialplan that it is sent to: "context,extension,priority", or an extension, which is meant in the `context` '
        "of [[pbx]]. Built in: go-on.",
    )
    announce_delay: Seconds | None = Field(
        None,
        description="On calls to the outside the announcement is made so many seconds after the talk began, in the "
        "conversation. Built in: 0.",
    )
    untold: Untold | None = Field(
        None,
        description="While somebody in a conversation is to be told and has not been, also who joins later: pause "
        "(nothing is recorded until he has heard the prompt), record (it goes on while he hears it) or beep (it goes "
        "on, and he hears a beep instead). Who is asked to agree is never recorded before he has. Built in: pause.",
    )
    notice_outside: NoticeForm | None = Field(
        None,
        description="How it is told that a recording starts or stops, on outside calls: none, beep or spoken. "
        "Those of the house hear none where the announcement was made. Built in: none.",
    )
    notice_internal: NoticeForm | None = Field(None, description="The same on calls between our own phones.")
    notice_pause: NoticeForm | None = Field(None, description="The same for pause and resume, on all calls.")
    notice_to: Audience | None = Field(
        None, description="Who hears these notices: near (those of the house), far, or both. Built in: near."
    )
    beep: Beep | None = Field(
        None,
        description="Seconds from beep to beep while recording, 10 to 1800; 0: none; region: as often as the regions "
        "of the parties ask for. Built in: 0.",
    )
    beep_tone: BeepTone | None = Field(
        None,
        description="The beep: Hz/milliseconds, such as 1400/500 or 480+620/500; or region. Built in: 1400/500; "
        "where beep is left to the region: region.",
    )
    beep_in_file: StrictBool | None = Field(
        None, description="Whether the beeps are heard in the recording too. Built in: false."
    )
    beep_to: Audience | None = Field(
        None,
        description="Who hears the beeps: far (the other side of the house's door), near (those of the house) or "
        "both. What only those of the house hear is in no file. Built in: both.",
    )
    follow_transfer: StrictBool | None = Field(
        None,
        description="Keep recording after the extension has transferred the call away. Built in: false. "
        "Rules about trunks and DDIs always follow the outside party.",
    )
    record_paging: StrictBool | None = Field(
        None, description="Record paging and intercom calls too. Built in: false."
    )
    record_voicemail: StrictBool | None = Field(None, description="Record voicemail calls too. Built in: false.")
