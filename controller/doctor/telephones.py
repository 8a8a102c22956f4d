"""Checks of PJSIP endpoints: media that goes past Asterisk, codecs it cannot decode, calls that never end."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from controller.core.rules import BUILT_IN
from controller.doctor.finding import Finding, fail, ok, warn
from controller.doctor.modules import loaded
from controller.doctor.visit import Visit
from controller.pbx.asterisk.frames import Message
from controller.pbx.asterisk.telephones import FEATURES, OFF, ON

DECODERS = {
    "ulaw": "codec_ulaw",
    "alaw": "codec_alaw",
    "gsm": "codec_gsm",
    "g722": "codec_g722",
    "g726": "codec_g726",
    "g726aal2": "codec_g726",
    "adpcm": "codec_adpcm",
    "ilbc": "codec_ilbc",
    "speex": "codec_speex",
    "speex16": "codec_speex",
    "lpc10": "codec_lpc10",
    "opus": "codec_opus",
    "g729": "codec_g729",
    "g723": "codec_g723",
    "silk8": "codec_silk",
    "siren7": "codec_siren7",
    "siren14": "codec_siren14",
    "codec2": "codec_codec2",
}
"""Codec -> the module that turns it into samples; those that are not here need none, or are no speech."""
OTHER_MAKES = {"codec_opus": ("codec_opus_open_source",), "codec_g729": ("codec_g729a", "codec_bcg729")}
AUTOMIXMON = {"automixmon"}
WIDE = frozenset({"g722", "opus", "slin16", "speex16", "silk16", "siren7", "siren14"})


async def direct_media(visit: Visit) -> list[Finding]:
    """Whether media may flow between the phones, past Asterisk, where no recorder can hear it."""
    found = await visit.details()
    direct = [name for name, said in found.items() if _yes(said.get("DirectMedia"))]
    if not direct:
        return [ok(f"the media of {await visit.extent()} goes through Asterisk", endpoints=len(found))]
    return [
        warn(
            f"{_some(direct)} have direct_media = yes: their speech goes past Asterisk until the recorder calls it "
            "back by a re-INVITE; the time that takes is missing, and all of it where a phone or a firewall refuses",
            "pjsip.conf, in each of them or in their template: direct_media = no (FreePBX: extension, Advanced, "
            "Direct Media: No), then `module reload res_pjsip.so`",
            endpoints=direct,
        )
    ]


async def codecs(visit: Visit) -> list[Finding]:
    """Whether Asterisk can decode every codec that an endpoint may choose; and what wideband speech becomes."""
    users: dict[str, list[str]] = {}
    for name, said in (await visit.details()).items():
        for codec in re.findall(r"[a-z0-9_]+", said.get("Allow").lower()):
            users.setdefault(codec, []).append(name)
    out = []
    for codec, names in sorted(users.items()):
        module = DECODERS.get(codec)
        if module is None or any([await loaded(visit, one) for one in (module, *OTHER_MAKES.get(module, ()))]):
            continue
        out.append(
            fail(
                f"{_some(names)} may talk in {codec}, which this Asterisk cannot decode: such a call is recorded as "
                "silence, though both parties hear each other",
                f"load {module}.so (some are sold or packaged apart), or take {codec} out of their allow lines",
                codec=codec,
                endpoints=names,
            )
        )
    wide = sorted(WIDE & users.keys())
    if wide and not visit.pbx.format.endswith("16") and not out:
        return [
            warn(
                f"{', '.join(wide)} may be talked in, and format = {visit.pbx.format} keeps speech up to 4 kHz only",
                f'format = "{"sln16" if visit.pbx.format.startswith("sln") else "wav16"}" keeps all of it, at twice '
                "the disk space and a third more of Asterisk's time",
            )
        ]
    return out or [ok(f"all codecs that endpoints may use can be decoded: {', '.join(sorted(users))}")]


async def vanished(visit: Visit) -> list[Finding]:
    """Whether a phone that loses its network ends its call, or leaves a recording that never ends."""
    found = await visit.details()
    endless = [name for name, said in found.items() if said.get("RtpTimeout") in ("", "0")]
    limits = _limits(visit)
    without = [name for name, seconds in limits.items() if seconds == 0]
    if not endless:
        return [ok(f"{await visit.extent()} have an rtp_timeout")]
    if not without:
        hours = max(limits.values(), default=BUILT_IN.max_length or 0) / 3600
        return [
            ok(
                f"{_some(endless)} have no rtp_timeout: the recording of a phone that vanished goes on until its "
                f"max_length, {hours:g} h at most",
                endpoints=len(endless),
            )
        ]
    return [
        warn(
            f"{_some(endless)} have no rtp_timeout, and max_length is off in {', '.join(without)}: when a phone "
            "loses its network, its recording never ends",
            "pjsip.conf: rtp_timeout = 60 and rtp_timeout_hold = 3600 in each of them or in their template; or "
            "give the rule a max_length",
            endpoints=endless,
        )
    ]


def _limits(visit: Visit) -> Mapping[str, float]:
    """max_length in seconds by the name of what sets it; 0 is no limit."""
    policy = visit.config.policy
    sites = {f"site {name}": site.settings for name, site in policy.sites.items()}
    rules = {f"rule {rule.name}": rule.settings for rule in policy.rules}
    named = {"[defaults]": policy.organisation.settings, **sites, **rules}
    return {name: one.max_length for name, one in named.items() if one.max_length is not None}


async def record_keys(visit: Visit) -> list[Finding]:
    """Whether a press of a Record key reaches us, starts nothing else, and is refused where no rule allows it."""
    found = await visit.details()
    ours = [name for name, said in found.items() if said.get("RecordOnFeature") == ON]
    keyed = [name for name, said in found.items() if _yes(said.get("OneTouchRecording")) and AUTOMIXMON & _keys(said)]
    armed = [name for name, said in found.items() if any(FEATURES in text for text in said.all("SetVar"))]
    out = []
    if visit.config.policy.record_key and not ours:
        out.append(
            warn(
                f"[keys] record_key is on, and no endpoint has record_on_feature = {ON}: Record keys reach nobody",
                f"pjsip.conf, in the phones' template: one_touch_recording = yes, record_on_feature = {ON}, "
                f"record_off_feature = {OFF}; `onrecord init` shows the rest",
            )
        )
    if keyed:
        out.append(
            warn(
                f"the Record keys of {_some(keyed)} start Asterisk's own automixmon, past policy and pause",
                f"pjsip.conf: record_on_feature = {ON} and record_off_feature = {OFF} (both: what is left out is "
                "automixmon), with the features of dialplan/asterisk; or one_touch_recording = no",
                endpoints=keyed,
            )
        )
    if armed:
        out.append(
            warn(
                f"{_some(armed)} set {FEATURES} themselves: a press is answered 200 even where no rule allows it "
                "and while no controller runs",
                f"pjsip.conf: take {FEATURES} out of their set_var: the controller tells each channel what it may",
                endpoints=armed,
            )
        )
    return out or [ok("no Record key starts a recorder beside ours, or promises what no rule allows")]


def _keys(endpoint: Message) -> set[str]:
    return {endpoint.get("RecordOnFeature"), endpoint.get("RecordOffFeature")}


def _yes(text: str) -> bool:
    return text.lower() in ("true", "yes", "1")


def _some(names: Iterable[str], most: int = 5) -> str:
    """`endpoint 100`, or `endpoints 100, 101 and 3 more`."""
    listed = list(names)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return f"endpoint{'s' if len(listed) > 1 else ''} {', '.join(listed[:most])}{more}"
