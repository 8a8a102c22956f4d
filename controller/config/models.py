"""The tables of the configuration file that make the policy; the reference page is made of the descriptions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StrictBool

from controller.config.fields import (
    Address,
    Endpoints,
    Macs,
    Name,
    Names,
    Patterns,
    Seconds,
    Table,
    Text,
    Zone,
    beep,
    beep_tone,
    language,
)
from controller.core.commands import Side
from controller.core.decision import (
    AfterRefusal,
    Announce,
    Audience,
    Grade,
    Grant,
    HoldRule,
    Mode,
    NoticeForm,
    OnFailure,
    PauseForm,
    StartPoint,
    Untold,
)
from controller.core.grades import ForceAgainstNever, TieBreak
from controller.core.policy import QueueIsolation

Language = Annotated[Name, AfterValidator(language)]
Beep = Annotated[Seconds, AfterValidator(beep)]
BeepTone = Annotated[Name, AfterValidator(beep_tone)]
PhoneFamily = Literal["", "yealink"]
Priority = Annotated[int, Field(strict=True, ge=0, le=100)]


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
    announce_inbound: Announce | None = Field(
        None,
        description="What is announced on recorded calls from outside: none; notify; opt-out (press 9 not to be "
        "recorded); opt-in (press 1 to agree, else nothing is recorded). Built in: none. See docs/guides/consent.md.",
    )
    announce_outbound: Announce | None = Field(None, description="The same for calls to the outside.")
    announce_internal: Announce | None = Field(None, description="The same for calls between our own phones.")
    announce_to: Audience | None = Field(
        None, description="Who is told: far (the other side of the house's door), near, or both. Built in: far."
    )
    language: Language | None = Field(None, description="The prompts' language, such as de. Built in: en.")
    after_refusal: AfterRefusal | None = Field(
        None,
        description="When a party refuses: go-on (unrecorded; the dialplan may route by GOSUB_RETVAL) or end (with a "
        "notice). Built in: go-on.",
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
        description="Seconds between beeps that both sides hear while recording, 10 to 1800; 0: none. Built in: 0.",
    )
    beep_tone: BeepTone | None = Field(
        None,
        description="The beep: Hz/milliseconds, such as 1400/500 or 480+620/500. Built in: 1400/500.",
    )
    beep_in_file: StrictBool | None = Field(
        None, description="Whether the beeps are heard in the recording too. Built in: false."
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


class Organisation(Table):
    """[organisation]: who this is, and by which clock its rules go."""

    name: Text = Field("", description="For people to read.")
    time_zone: Zone = Field("UTC", description="For time conditions, such as Europe/London. Sites may differ.")


class Numbers(Table):
    """[numbers]: how numbers are dialled here, and numbers that mean something whichever rule applies."""

    country: Name | None = Field(
        None,
        description="Two letters, such as GB. With it, +44 20 5550 123 and 0205550123 are the same number.",
    )
    international_prefix: Name | None = Field(
        None, description="Dialled for abroad. Built in: the country's, else 00."
    )
    national_prefix: Text | None = Field(None, description="Dialled before an area code. Built in: the country's.")
    outside_prefix: Text = Field("", description="What phones dial before an outside number, such as 9.")
    internal: Patterns = Field(
        (), description="Patterns of numbers that belong to the company, beside the extensions."
    )
    helplines: Patterns = Field(
        (),
        description="Numbers that are never recorded and never listed, on whichever side of the call. "
        "Beware: a caller can fake a number.",
    )
    exclude: Patterns = Field(
        (), description="Numbers that are not recorded whatever the rules say; such calls are listed."
    )
    include: Patterns = Field((), description="Exceptions: a call with one of these is not excluded.")
    paging: Patterns = Field((), description="What phones dial to page; so is ONRECORD_KIND=paging in the dialplan.")
    intercom: Patterns = Field((), description="What phones dial for intercom (ONRECORD_KIND=intercom).")
    voicemail: Patterns = Field((), description="What phones dial for voicemail (ONRECORD_KIND=voicemail).")


class Decide(Table):
    """[decide]: who wins where rules meet."""

    queue_isolation: QueueIsolation = Field(
        QueueIsolation.STRICT,
        description="strict: in a queue's or conference's call only its own rule counts. trunk_wins: a trunk or DDI "
        "whose rule says yes is recorded all the same.",
    )
    ring_group_isolation: StrictBool = Field(False, description="Whether ring groups decide alone, as queues do.")
    tie_break: TieBreak = Field(
        TieBreak.RECORD,
        description="yes against no of equal priority: record, skip, or the rule of the caller or callee.",
    )
    force_against_never: ForceAgainstNever = Field(
        ForceAgainstNever.NEVER, description="force against never: never, force, or the rule of the caller or callee."
    )


class Codes(Table):
    """What people type during a call to command its recording, each 1 to 8 of 0-9 * # A-D and at least one * or #."""

    record: Text = Field("", description="Starts a recording, or keeps one where the mode is on-demand-keep.")
    stop: Text = Field("", description="Stops it.")
    toggle: Text = Field("", description="Starts it, or stops it.")
    pause: Text = Field("", description="Pauses it.")
    resume: Text = Field("", description="Goes on after a pause.")
    agree: Text = Field("", description="The other side was asked and agrees: starts or keeps the recording.")
    refuse: Text = Field(
        "",
        description="The other side does not want to be recorded: stops, and nothing of this call is kept. Needs the "
        "grant to stop.",
    )


class Keys(Table):
    """[keys]: what desk phones may ask for with keys and codes, and what their lamps show."""

    record_key: StrictBool = Field(
        False,
        description="Phones have a Record key that sends SIP INFO. Each phone on a call is then told beforehand what "
        "its key may do, so that a press that no rule allows is answered 403. Needs onrecord_features.conf there.",
    )
    codes: Codes = Field(
        Codes(),
        description="What people type during a call: see below. Only people of ours can command. Cost: the PBX has "
        "to listen to every digit, so calls of these people are never bridged natively or with direct media.",
    )
    lamps: StrictBool | None = Field(
        None,
        description="Keep a device state Custom:rec-<extension> at the truth, for BLF keys. Left out: wherever "
        "another key of this table is used.",
    )
    url_secret_file: Path | None = Field(
        None,
        description="The secret (at least 16 bytes) of which the URLs for Yealink's URL Record key are made. "
        "Left out: no such URLs.",
    )
    hep: Address = Field(
        "",
        description="Where to listen for HEP copies of SIP messages, such as 127.0.0.1:9060: Record keys and "
        "frustrated transfers are then seen without any change to the dialplan. Left out: not at all.",
    )
    hep_secret_file: Path | None = Field(None, description="The password that each HEP packet must carry.")

    @property
    def lit(self) -> bool:
        """Whether there are lamps to keep."""
        used = (
            self.record_key or self.hep or self.url_secret_file is not None or any(self.codes.model_dump().values())
        )
        return bool(used) if self.lamps is None else self.lamps


class Site(Settings):
    """[[site]]: a place with a clock and defaults of its own."""

    name: Name = Field(description="Extensions, lines, trunks and so on name it as their site.")
    time_zone: Zone | None = Field(None, description="Left out: the organisation's.")
    codes: Codes | None = Field(None, description="What its people type. Left out: as in [keys].")


class Extension(Table):
    """[[extension]]: a person, or a room with a phone. Optional: any phone that is not listed is the extension whose
    number is its endpoint's name."""

    number: Name = Field(description="In quotes.")
    name: Text = Field("", description="The person's name; rules may use it instead of the number.")
    department: Text = Field("", description="One department.")
    groups: Names = Field((), description="Groups, as many as you like.")
    site: Text = Field("", description="The name of a [[site]].")
    endpoints: Endpoints = Field(
        (),
        description="The PBX's names of its phones (in Asterisk the PJSIP endpoints). Left out: the number. Write "
        "pbx/endpoint where two PBXs use one name for different phones.",
    )
    macs: Macs = Field((), description="MAC addresses of its phones, for the URL Record key.")
    phone: PhoneFamily = Field(
        "", description="yealink: its screen says what becomes of the recording, too (XML push). Left out: lamp only."
    )


class Line(Table):
    """[[line]]: a shared or virtual line with an identity of its own. It is recorded only where a rule names it."""

    name: Name = Field(description="Rules use it.")
    endpoints: Endpoints = Field(description="The PBX's names of the line's endpoints; they are no person's.")
    department: Text = Field("", description="One department.")
    groups: Names = Field((), description="Groups, as many as you like.")
    site: Text = Field("", description="The name of a [[site]].")


class Trunk(Table):
    """[[trunk]]: a way to the outside. List every one: a trunk that is not listed would be taken for an extension."""

    name: Name = Field(description="Rules use it.")
    endpoints: Endpoints = Field((), description="The PBX's names of its endpoints. Left out: the trunk's name.")
    site: Text = Field("", description="The name of a [[site]].")


class RingGroup(Table):
    """[[ring_group]]: known by the number that is dialled, or told by the dialplan: Set(ONRECORD_GROUP=600)."""

    number: Name = Field(description="In quotes.")
    name: Text = Field("", description="Rules may use it instead of the number.")
    site: Text = Field("", description="The name of a [[site]].")


class Queue(Table):
    """[[queue]]: optional; gives a queue its site, and lets misspelt queue names in rules be found."""

    name: Name = Field(description="As the PBX calls it.")
    site: Text = Field("", description="The name of a [[site]].")


class Conference(Table):
    """[[conference]]: optional; as [[queue]]."""

    name: Name = Field(description="As the PBX calls it.")
    site: Text = Field("", description="The name of a [[site]].")


class Ddi(Table):
    """[[ddi]]: optional; as [[queue]], for one of your own outside numbers."""

    number: Name = Field(description="In quotes.")
    site: Text = Field("", description="The name of a [[site]].")


class Rule(Settings):
    """[[rule]]: the first rule in the file that names a subject, and whose conditions hold, speaks for that subject.

    It names subjects by one or more of the nine keys from `extension` to `conference`, each one text or a list: a
    name or number, `*` for all, `sales*` for those that begin so, and for numbers `100-199`, `2..` or `03!`.
    """

    name: Name = Field(description="Shown wherever the rule decided something. Unique.")
    extension: Names = Field((), description="Extensions, by number or name.")
    group: Names = Field((), description="Extensions and lines by group.")
    department: Names = Field((), description="Extensions and lines by department.")
    line: Names = Field((), description="Lines.")
    trunk: Names = Field((), description="Trunks.")
    ddi: Names = Field((), description="Your own outside numbers: dialled by callers, or shown to those you call.")
    queue: Names = Field((), description="Queues.")
    ring_group: Names = Field((), description="Ring groups, by number or name.")
    conference: Names = Field((), description="Conference rooms.")
    when: dict[str, object] | None = Field(
        None, description="Conditions, all of which must hold: see below. Left out: for every call."
    )
    grade: Grade | None = Field(
        None,
        description="How strongly the rule speaks: force, yes, neutral (it changes nothing), no, never. never beats "
        "yes, force beats no. Left out: yes, or no where the mode is never.",
    )
    priority: Priority = Field(10, description="0 to 100: of a yes and a no, the higher one wins.")
