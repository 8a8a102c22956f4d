"""The tables of the configuration file that make the policy; the reference page is made of the descriptions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StrictBool

from controller.config.fields import (
    Address,
    Endpoints,
    Macs,
    Name,
    Names,
    Patterns,
    Table,
    Text,
    Zone,
)
from controller.config.settings import Settings as Settings
from controller.core.decision import Grade
from controller.core.grades import ForceAgainstNever, TieBreak
from controller.core.policy import QueueIsolation

PhoneFamily = Literal["", "yealink"]
Priority = Annotated[int, Field(strict=True, ge=0, le=100)]


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
    codes_cost_known: StrictBool = Field(
        False,
        description="You know what codes cost (docs/guides/record-keys.md). Without it every start and every "
        "`onrecord doctor` warn of it, where there are codes.",
    )
    lamps: StrictBool | None = Field(
        None,
        description="Keep the device states Custom:rec-<extension> and Custom:pause-<extension> at the truth, for "
        "BLF keys: what is recorded, and what the pause key would do. Left out: wherever "
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
