"""Check of announcements: the gate is in the dialplan, and the PBX can play every prompt that the policy asks for."""

from __future__ import annotations

from collections.abc import Iterator

from controller.config.load import Config
from controller.core.consent import PROMPTS, REFUSED, statements
from controller.core.decision import AfterRefusal, Announce, Mode, NoticeForm, Options
from controller.core.reminding import WORDS
from controller.core.rules import terms_of
from controller.doctor.finding import Finding, fail, ok, skipped
from controller.doctor.probe import WAY, NoChannel, playback_on, spare_channel, until
from controller.doctor.visit import Visit
from controller.pbx.driver import PbxRefused

CONTEXT = "onrecord-gate"
"""Of dialplan/asterisk/onrecord_gate.conf."""
WAYS = ("inbound", "outbound", "internal")
MISSING_SECONDS = 0.4
"""A file that is not there fails at once; what has played for so long is there."""


def wanted(config: Config) -> list[str]:
    """Each prompt that somebody may hear, as `<language>/<prompt>`."""
    return sorted({one for options in _everywhere(config) for one in _said(options)})


def _everywhere(config: Config) -> Iterator[Options]:
    """How it is recorded wherever it may be."""
    policy = config.policy
    organisation = policy.organisation.settings
    above = [(organisation,), *((site.settings, organisation) for site in policy.sites.values())]
    terms = [terms_of(rule, over) for over in above for rule in (None, *policy.rules)]
    return (each.options for each in terms if each.mode is not Mode.NEVER)


def _said(options: Options) -> Iterator[str]:
    said = [one for way in WAYS for one in statements(options, way)]
    prompts = {one.prompt for one in said}
    if any(name.startswith("announce_") for name in options.by_region):
        prompts |= {*PROMPTS.values()}
    asked = any(one.announce is not Announce.NOTIFY for one in said)
    if asked and options.after_refusal is AfterRefusal.END:
        prompts.add(REFUSED)
    return (f"{options.language}/{prompt}" for prompt in (*prompts, *_noticed(options)))


def _noticed(options: Options) -> Iterator[str]:
    """The words of notices that are spoken."""
    if NoticeForm.SPOKEN in (options.notice_outside, options.notice_internal):
        yield from (WORDS["start"], WORDS["stop"])
    if options.notice_pause is NoticeForm.SPOKEN:
        yield from (WORDS["pause"], WORDS["resume"])


async def prompts(visit: Visit) -> list[Finding]:
    """Whether people who are to be told can be told."""
    names = wanted(visit.config)
    if not names:
        return [ok("nothing is announced and no notice spoken, so no prompts are needed")]
    noticed = {*WORDS.values()}
    announced = any(name.partition("/")[2] not in noticed for name in names)
    found = [*await _gate(visit), *await _nowhere(visit)] if announced else []
    try:
        missing = await _missing(visit, names)
    except NoChannel as error:
        return [*found, skipped(f"no channel to play on: {error}", WAY)]
    folder = visit.pbx.prompts_dir.rstrip("/")
    if missing:
        found.append(
            fail(
                f"the PBX cannot play {', '.join(missing)} of {folder}: people are recorded and nobody tells them",
                f"on the PBX: onrecord prompt place {folder} (yours and ours; for a PBX elsewhere place them in any "
                "folder and copy it there); prompts_dir under [[pbx]] is the folder as the PBX calls it",
                missing=missing,
            )
        )
    where = "the gate is in the dialplan, and " if announced else ""
    return found or [ok(f"{where}the PBX plays {', '.join(names)}")]


async def _gate(visit: Visit) -> list[Finding]:
    try:
        if await visit.items("ShowDialPlan", Context=CONTEXT):
            return []
    except PbxRefused as error:
        if "permission" in str(error).lower():
            return [skipped(f"the dialplan may not be seen ({error})", "class reporting in the user's write line")]
    return [
        fail(
            f"the dialplan has no context {CONTEXT}: what is to be announced never is",
            'extensions.conf, at its end: #include "onrecord_gate.conf" (of dialplan/asterisk), a Gosub to it where '
            "callers come in, then `dialplan reload`",
        )
    ]


async def _nowhere(visit: Visit) -> list[Finding]:
    """Where whoever refuses is sent, and the dialplan has no such place."""
    found = []
    for to in sorted({each.refusal_to for each in _everywhere(visit.config) if each.refusal_to is not None}, key=str):
        context = to.context or visit.pbx.context
        try:
            there = await visit.items("ShowDialPlan", Context=context, Extension=to.extension)
        except PbxRefused as error:
            if "permission" in str(error).lower():
                return []  # told for the gate already
            there = []
        if not there:
            what = f"the dialplan has no {to.extension} in {context}: who refuses is not sent there, and talks on"
            found.append(fail(what, "after_refusal in the policy, or an extension there; then `dialplan reload`"))
    return found


async def _missing(visit: Visit, names: list[str]) -> list[str]:
    """Those that fail when they are played on a channel of our own. Raises NoChannel."""
    missing = []
    async with spare_channel(visit) as (ari, channel):
        for name in names:
            async with playback_on(visit, ari, channel, f"{visit.pbx.prompts_dir.rstrip('/')}/{name}") as ended:
                await until(ended, MISSING_SECONDS)
                if ended() not in ("", "done"):
                    missing.append(name)
    return missing
