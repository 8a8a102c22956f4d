"""Check of announcements: the gate is in the dialplan, and the PBX can play every prompt that the policy asks for."""

from __future__ import annotations

from collections.abc import Iterator

from controller.config.load import Config
from controller.core.consent import REFUSED, statements
from controller.core.decision import AfterRefusal, Announce, Mode, Options
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
    policy = config.policy
    organisation = policy.organisation.settings
    above = [(organisation,), *((site.settings, organisation) for site in policy.sites.values())]
    terms = [terms_of(rule, over) for over in above for rule in (None, *policy.rules)]
    found = {one for each in terms if each.mode is not Mode.NEVER for one in _said(each.options)}
    return sorted(found)


def _said(options: Options) -> Iterator[str]:
    said = [one for way in WAYS for one in statements(options, way)]
    asked = any(one.announce is not Announce.NOTIFY for one in said)
    ends = (REFUSED,) if asked and options.after_refusal is AfterRefusal.END else ()
    for prompt in (*(one.prompt for one in said), *ends):
        yield f"{options.language}/{prompt}"


async def prompts(visit: Visit) -> list[Finding]:
    """Whether people who are to be told can be told."""
    names = wanted(visit.config)
    if not names:
        return [ok("nothing is announced, so no prompts are needed")]
    found = [*await _gate(visit)]
    try:
        missing = await _missing(visit, names)
    except NoChannel as error:
        return [*found, skipped(f"no channel to play on: {error}", WAY)]
    folder = visit.pbx.prompts_dir.rstrip("/")
    if missing:
        found.append(
            fail(
                f"the PBX cannot play {', '.join(missing)} of {folder}: people are recorded and nobody tells them",
                f"copy our prompts there, on the PBX: cp -r prompts/sounds/* {folder}/ (readable by "
                "Asterisk); prompts_dir under [[pbx]] is the folder as the PBX calls it",
                missing=missing,
            )
        )
    return found or [ok(f"the gate is in the dialplan, and the PBX plays {', '.join(names)}")]


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
