"""Each check as a test can see it fail: what is wrong on the PBX, what is said about it, and how it is mended."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from controller.doctor import examine
from controller.doctor import visit as visiting
from controller.doctor.checks import HERE, NAMES, OF_A_PBX, OF_THE_POLICY, Check
from controller.doctor.examine import Examination
from controller.doctor.finding import Finding, Status, fail, ok
from controller.doctor.prompts import wanted
from controller.doctor.visit import sample
from controller.init.rights import filters, reading
from controller.pbx.asterisk.frames import Message
from controller.pbx.driver import PbxGone, PbxRefused
from tests.doctor.paper import DENIED, RULES, Answer, account, allowed, configuration, endpoint, event, visit

OF_PBX = {check.name: check for check in OF_A_PBX}
UNTOLD = [line for line in filters() if "VarSet" not in line]
UNLOADED = PbxRefused("Module not loaded")


def deaf_to(klass: str) -> Answer:
    return account(f"read={','.join(one for one in reading() if one != klass)}")


def ping(apart: float) -> Answer:
    return lambda _headers: {"Timestamp": f"{time.time() + apart:.6f}"}


def modules_without(*names: str) -> Answer:
    return lambda headers: UNLOADED if headers["Module"] in names else {}


def endpoints(**changes: str) -> Answer:
    return lambda headers: [endpoint(str(headers["Endpoint"]), **(changes if headers["Endpoint"] == "100" else {}))]


def refuses_names(headers: Mapping[str, Any]) -> Any:
    return PbxRefused("Filter must be defined") if "MatchCriteria" in headers else {}


def queue_of(location: str) -> Answer:
    return [event("QueueParams", Queue="sales"), event("QueueMember", Queue="sales", Location=location)]


def recorded_into(file: str) -> Answer:
    return [Message([("Event", "Status"), ("Channel", "PJSIP/100-1"), ("Variable", f"MIXMONITOR_FILENAME={file}")])]


WRONG: list[tuple[str, dict[str, Answer], Status, str, str]] = [
    # check, what the PBX answers instead, how bad, in what is said, in the remedy
    ("version", {"CoreSettings": {"AsteriskVersion": "16.2.1"}}, Status.WARN, "older than", "upgrade"),
    ("version", {"CoreSettings": {"AsteriskVersion": "GIT-master"}}, Status.WARN, "cannot read", ""),
    ("clock", {"Ping": ping(120)}, Status.FAIL, "ahead of ours", "time server"),
    ("clock", {"Ping": ping(-3)}, Status.WARN, "behind ours", "time server"),
    ("writing", {"ListCommands": allowed(without=["MixMonitor"])}, Status.FAIL, "MixMonitor", "add system to"),
    ("writing", {"ListCommands": allowed(without=["Setvar"])}, Status.FAIL, "Setvar", "add call to its write"),
    ("excess", {"ListCommands": allowed("Command")}, Status.WARN, "class command", "take command"),
    ("excess", {"ListCommands": allowed("Originate")}, Status.WARN, "class originate", "take originate"),
    ("excess", {"ListCommands": allowed("UpdateConfig")}, Status.WARN, "class config", "take config"),
    ("hearing", {"GetConfig": deaf_to("call")}, Status.FAIL, "no call is", "add call"),
    ("hearing", {"GetConfig": deaf_to("agent")}, Status.FAIL, "queues", "add agent"),
    ("hearing", {"GetConfig": deaf_to("dtmf")}, Status.WARN, "codes", "add dtmf"),
    ("hearing", {"GetConfig": DENIED}, Status.SKIPPED, "may not be read", ""),
    ("filter", {"Filter": DENIED}, Status.WARN, "cannot be filtered", "add system"),
    ("filter", {"Filter": refuses_names}, Status.WARN, "regular expression", "18.24"),
    ("filter", {"GetConfig": account("eventfilter=Event: Newchannel")}, Status.FAIL, "BridgeEnter", "eventfilter"),
    ("filter", {"GetConfig": account("eventfilter=!Event: Hangup")}, Status.FAIL, "back what is needed: Hangup", ""),
    ("filter", {"GetConfig": account("eventfilter(name(Hangup))=")}, Status.FAIL, "Newchannel", "onrecord init"),
    ("filter", {"GetConfig": account("eventfilter(action(exclude),name(VarSet))=")}, Status.FAIL, "VarSet", ""),
    ("filter", {"GetConfig": account(*UNTOLD)}, Status.FAIL, "back what is needed: VarSet", ""),
    ("door", {"GetConfig": account("bindaddr=0.0.0.0")}, Status.WARN, "from everywhere", "permit"),
    ("door", {"GetConfig": DENIED}, Status.SKIPPED, "may not be read", ""),
    ("modules", {"ModuleCheck": modules_without("app_mixmonitor")}, Status.FAIL, "nothing can be recorded", "load ="),
    ("modules", {"ModuleCheck": modules_without("format_wav")}, Status.FAIL, "files of format wav", "format_wav.so"),
    ("modules", {"ModuleCheck": modules_without("func_devstate")}, Status.WARN, "lamps", "func_devstate.so"),
    ("direct-media", {"PJSIPShowEndpoint": endpoints(DirectMedia="true")}, Status.WARN, "endpoint 100 have", "= no"),
    ("codecs", {"PJSIPShowEndpoint": endpoints(Allow="(g722)")}, Status.WARN, "up to 4 kHz", "wav16"),
    ("record-keys", {"PJSIPShowEndpoint": endpoints(OneTouchRecording="true", RecordOnFeature="automixmon")},
     Status.WARN, "endpoint 100", "onrecord_on"),
    ("record-keys", {"PJSIPShowEndpoint": endpoints(SetVar="A=1,DYNAMIC_FEATURES=onrecord_on")},
     Status.WARN, "200", "set_var"),
    ("trunks", {"PJSIPShowEndpoints": [event("EndpointList", ObjectName="voip", OutboundAuths="v", Auths="v")]},
     Status.WARN, "voip", '[[trunk]] name = "voip"'),
    ("trunks", {"PJSIPShowEndpoints": [event("EndpointList", ObjectName="anonymous")]}, Status.WARN, "anonymous", ""),
    ("local", {"QueueStatus": queue_of("Local/100@agents/n")}, Status.WARN, "stay in the call", "optimised"),
    ("others", {"Status": recorded_into("/var/spool/asterisk/monitor/2026/q.wav")}, Status.WARN, "q.wav", "FreePBX"),
]  # fmt: skip


@pytest.mark.parametrize(("check", "answers", "status", "what", "remedy"), WRONG)
async def test_what_is_wrong_on_the_pbx_is_found_with_its_remedy(
    tmp_path: Path, check: str, answers: dict[str, Answer], status: Status, what: str, remedy: str
) -> None:
    config = configuration(tmp_path)
    well = await run(check, visit(config))
    assert {one.status for one in well} == {Status.OK}, well
    found = await run(check, visit(config, **answers))
    worst = next(one for one in found if one.status is status)
    assert what in worst.what
    assert remedy in worst.remedy


async def run(check: str, subject: Any) -> list[Finding]:
    found = OF_PBX[check].run(subject)
    return found if isinstance(found, list) else await found


async def test_a_codec_that_asterisk_cannot_decode_is_a_failure_unless_another_make_of_it_is_loaded(
    tmp_path: Path,
) -> None:
    config = configuration(tmp_path)
    g729 = endpoints(Allow="(g729|ulaw)")
    none = visit(
        config, PJSIPShowEndpoint=g729, ModuleCheck=modules_without("codec_g729", "codec_g729a", "codec_bcg729")
    )
    (found,) = await run("codecs", none)
    assert found.status is Status.FAIL
    assert found.measured == {"codec": "g729", "endpoints": ["100"]}
    other = visit(config, PJSIPShowEndpoint=g729, ModuleCheck=modules_without("codec_g729", "codec_g729a"))
    assert [one.status for one in await run("codecs", other)] == [Status.OK]


async def test_modules_of_queues_and_keys_matter_only_where_the_policy_has_some(tmp_path: Path) -> None:
    without = {"ModuleCheck": modules_without("app_queue", "app_confbridge", "res_pjsip_one_touch_record_info")}
    assert [one.status for one in await run("modules", visit(configuration(tmp_path), **without))] == [Status.OK]
    gate = {"ModuleCheck": modules_without("app_waitforcond", "app_controlplayback")}
    assert [one.status for one in await run("modules", visit(configuration(tmp_path), **gate))] == [Status.OK]
    told = configuration(tmp_path, RULES + 'announce_inbound = "opt-in"\n')
    assert [one.status for one in await run("modules", visit(told, **gate))] == [Status.FAIL] * 2
    for table, module in (
        ('[[rule]]\nname = "q"\nqueue = "sales"\nmode = "always"\n', "app_queue.so"),
        ('[[rule]]\nname = "c"\nconference = "800"\nmode = "always"\n', "app_confbridge.so"),
        ("[keys]\nrecord_key = true\n", "res_pjsip_one_touch_record_info.so"),
    ):
        (found,) = await run("modules", visit(configuration(tmp_path, RULES + table), **without))
        assert found.status is Status.FAIL
        assert module in found.what


async def test_phones_that_vanish_matter_where_recordings_have_no_longest_length(tmp_path: Path) -> None:
    endless = endpoints(RtpTimeout="0")
    bounded = await run("vanished", visit(configuration(tmp_path), PJSIPShowEndpoint=endless))
    assert [one.status for one in bounded] == [Status.OK]
    assert "4 h at most" in bounded[0].what
    unbounded = configuration(tmp_path, RULES.replace('mode = "always"', 'mode = "always"\nmax_length = 0'))
    (found,) = await run("vanished", visit(unbounded, PJSIPShowEndpoint=endless))
    assert found.status is Status.WARN
    assert "rule all" in found.what
    assert "rtp_timeout" in found.remedy
    assert [one.status for one in await run("vanished", visit(unbounded))] == [Status.OK]


async def test_a_slow_pbx_is_told_with_its_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter(range(1000))
    monkeypatch.setattr("controller.doctor.calls.time.perf_counter", lambda: next(ticks) * 0.05)
    (found,) = await run("lag", visit(configuration(tmp_path)))
    assert found.status is Status.WARN
    assert found.measured["middle_ms"] == 50.0


async def test_a_record_key_that_the_policy_promises_and_no_phone_has_is_told(tmp_path: Path) -> None:
    config = configuration(tmp_path, RULES + "[keys]\nrecord_key = true\n")
    (found,) = await run("record-keys", visit(config))
    assert found.status is Status.WARN
    assert "reach nobody" in found.what
    keyed = visit(config, PJSIPShowEndpoint=endpoints(OneTouchRecording="true", RecordOnFeature="onrecord_on"))
    assert [one.status for one in await run("record-keys", keyed)] == [Status.OK]


async def test_features_that_keys_and_codes_need_are_missed_only_where_these_are_used(tmp_path: Path) -> None:
    nothing = {"GetConfig": account()}
    (unused,) = await run("features", visit(configuration(tmp_path), **nothing))
    assert (unused.status, "no Record keys or codes" in unused.what) == (Status.OK, True)
    keyed = configuration(tmp_path, RULES + '[keys]\nrecord_key = true\ncodes = { record = "*1" }\n')
    found = await run("features", visit(keyed, **nothing))
    assert [(one.status, one.measured["missing"]) for one in found] == [
        (Status.FAIL, ["onrecord_on", "onrecord_off"]),
        (Status.WARN, ["onrecord_codes"]),
    ]
    there = account("onrecord_on=A,self,X", "onrecord_off=B,self,X", "onrecord_codes=*,self,X")
    assert [one.status for one in await run("features", visit(keyed, GetConfig=there))] == [Status.OK]
    gone = visit(keyed, GetConfig=PbxRefused("No such category"))
    assert [one.status for one in await run("features", gone)] == [Status.FAIL, Status.WARN]
    (closed,) = await run("features", visit(keyed, GetConfig=DENIED))
    assert closed.status is Status.SKIPPED


async def test_an_asterisk_that_does_not_say_that_it_has_started_is_a_failure(tmp_path: Path) -> None:
    seen = visit(configuration(tmp_path))
    assert [one.status for one in await run("booted", seen)] == [Status.FAIL]
    seen.booted = True
    assert [one.status for one in await run("booted", seen)] == [Status.OK]


async def test_an_announcement_without_its_gate_is_a_failure(tmp_path: Path) -> None:
    (nothing,) = await run("prompts", visit(configuration(tmp_path)))
    assert (nothing.status, "nothing is announced" in nothing.what) == (Status.OK, True)
    told = configuration(tmp_path, RULES + 'announce_inbound = "opt-in"\n')
    for none in ([], PbxRefused("Did not find context onrecord-gate")):
        gate, channel = await run("prompts", visit(told, ShowDialPlan=none))
        assert gate.status is Status.FAIL
        assert "onrecord_gate.conf" in gate.remedy
        assert channel.status is Status.SKIPPED
    routed = configuration(tmp_path, RULES + 'announce_inbound = "opt-in"\nafter_refusal = "flow,s,1"\n')

    def without_flow(headers: Mapping[str, Any]) -> list[Message]:
        return [] if headers.get("Context") == "flow" else [event("ListDialplan", Extension="s")]

    nowhere, _ = await run("prompts", visit(routed, ShowDialPlan=without_flow))
    assert (nowhere.status, "no s in flow" in nowhere.what) == (Status.FAIL, True)
    closed, _ = await run("prompts", visit(told, ShowDialPlan=DENIED))
    assert closed.status is Status.SKIPPED
    (only,) = await run("prompts", visit(told))
    assert only.status is Status.SKIPPED


@pytest.mark.parametrize(
    ("rules", "names"),
    [
        ("", []),
        ('announce_inbound = "none"\n', []),
        ('announce_inbound = "notify"\n', ["en/recorded"]),
        ('announce_outbound = "opt-out"\nlanguage = "de"\n', ["de/opt-out"]),
        ('announce_inbound = "opt-out"\nafter_refusal = "end"\n', ["en/opt-out", "en/refused"]),
        (
            'announce_inbound = "notify"\nprompt_inbound = "ours"\nannounce_fallback = "notify"\n',
            ["en/ours", "en/recorded"],
        ),
        ('announce_internal = "opt-in"\n[defaults]\nlanguage = "fr"\n', ["fr/opt-in"]),
    ],
)
def test_the_prompts_that_are_wanted_are_those_that_a_rule_can_ask_for(
    tmp_path: Path, rules: str, names: list[str]
) -> None:
    assert wanted(configuration(tmp_path, RULES + rules)) == names


async def test_the_password_in_manager_conf_is_never_kept(tmp_path: Path) -> None:
    seen = visit(configuration(tmp_path), GetConfig=account("Secret = hush", "read=all"))
    assert await seen.account() == {"read": ["all"]}
    assert "hush" not in repr(seen)


async def test_a_stranger_in_the_policy_is_not_told_while_one_pbx_could_not_be_asked(tmp_path: Path) -> None:
    config = configuration(tmp_path, RULES + '[[extension]]\nnumber = "777"\n[[queue]]\nname = "shop"\n')
    (check,) = OF_THE_POLICY
    known, deaf = visit(config), visit(config)
    deaf.pbx = deaf.pbx.model_copy(update={"name": "branch"})
    deaf.ami = None
    alone = check.run([known])
    assert not isinstance(alone, list)
    assert [one.measured["subject"] for one in await alone] == ["extension 777", "queue shop"]
    both = check.run([known, deaf])
    assert not isinstance(both, list)
    assert [one.status for one in await both] == [Status.OK]


async def test_a_check_whose_question_is_refused_is_skipped_and_one_that_is_cut_off_fails(tmp_path: Path) -> None:
    for error, status in ((DENIED, Status.SKIPPED), (PbxGone("connection lost"), Status.FAIL)):
        examination = Examination(configuration(tmp_path))
        subject = visit(examination.config, QueueStatus=error)
        await examination._guarded(OF_PBX["local"], subject, "main", set())
        assert [one.status for one in examination.findings] == [status]
        assert examination.findings[0].check == "local"


async def test_a_check_that_never_ends_is_cut_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examine, "CHECK_SECONDS", 0.05)

    async def forever(_subject: object) -> list[Finding]:
        await asyncio.Event().wait()
        return []

    examination = Examination(configuration(tmp_path))
    failed: set[str] = set()
    await examination._guarded(Check("slow", "", forever), None, "main", failed)
    assert [(one.status, one.what) for one in examination.findings] == [(Status.FAIL, "no result within 0.05 s")]
    assert failed == {"slow"}


async def test_an_answer_that_makes_no_sense_ends_no_examination(tmp_path: Path) -> None:
    examination = Examination(configuration(tmp_path))
    odd = visit(examination.config, PJSIPShowEndpoint=lambda headers: {}[headers["Endpoint"]])
    await examination._guarded(OF_PBX["direct-media"], odd, "main", set())
    assert [(one.status, "cannot be understood" in one.what) for one in examination.findings] == [(Status.WARN, True)]


async def test_a_folder_that_cannot_be_looked_at_is_a_failure(tmp_path: Path) -> None:
    def broken(_subject: object) -> list[Finding]:
        raise PermissionError(13, "Permission denied")

    examination = Examination(configuration(tmp_path))
    await examination._guarded(Check("closed", "", broken), None, "here", set())
    assert [one.status for one in examination.findings] == [Status.FAIL]
    assert "Permission denied" in examination.findings[0].what


async def test_one_failure_among_findings_fails_the_check_and_is_told_with_all_of_them(tmp_path: Path) -> None:
    def mixed(_subject: object) -> list[Finding]:
        return [ok("one"), fail("two", "mend"), ok("three")]

    examination = Examination(configuration(tmp_path), only=("another",))
    failed: set[str] = set()
    await examination._guarded(Check("mixed", "", mixed), None, "here", failed)
    assert failed == {"mixed"}
    assert [(one.what, one.check, one.where) for one in examination.findings] == [
        ("one", "mixed", "here"),
        ("two", "mixed", "here"),
        ("three", "mixed", "here"),
    ]


@pytest.mark.parametrize(
    ("only", "begun", "told"),
    [
        (("folders",), ["folders"], ["folders"]),
        (("probe",), ["ami", "ari", "probe"], ["ami", "probe"]),
        (("clock", "room"), ["ami", "clock", "room"], ["ami", "clock", "room"]),
        (("policy",), ["ami", "policy"], ["ami", "policy"]),
        (("ari",), ["ari"], ["ari"]),
    ],
)
async def test_only_what_is_wanted_is_done_with_what_it_needs(
    tmp_path: Path, only: tuple[str, ...], begun: list[str], told: list[str]
) -> None:
    seen: list[str] = []
    config = configuration(tmp_path, ami='port = 1, secret = "secret"')
    findings = await Examination(config, only, lambda check, _where: seen.append(check)).run()
    assert seen == begun
    assert list(dict.fromkeys(one.check for one in findings)) == told


@pytest.mark.parametrize("folder", ["/var/spool/asterisk/monitor/onrecord", "/run/onrecord-provisional"])
async def test_our_own_recorders_are_nobody_else_whether_they_write_to_a_disk_or_to_memory(
    tmp_path: Path, folder: str
) -> None:
    said = [
        ("Variable", f"MIXMONITOR_FILENAME={folder}/main-1-1.1.wav"),
        ("Variable", "ONRECORD=main-1-1.1"),
    ]
    ours = Message([("Event", "Status"), ("Channel", "PJSIP/100-1"), *said])
    (found,) = await run("others", visit(configuration(tmp_path), Status=[ours]))
    assert found.status is Status.OK, found


async def test_what_needs_a_failed_check_is_not_looked_at(tmp_path: Path) -> None:
    findings = await Examination(configuration(tmp_path, ami='port = 1, secret = "secret"')).run()
    by_name = {one.check: one for one in findings}
    assert by_name["ami"].status is Status.FAIL
    assert by_name["probe"].status is Status.SKIPPED
    assert "it needs ami" in by_name["probe"].what
    assert {one.check for one in findings} == set(NAMES)


def test_the_guide_has_a_heading_for_every_check_and_for_no_other() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "guides" / "doctor.md").read_text()
    assert sorted(line.removeprefix("### ") for line in guide.splitlines() if line.startswith("### ")) == sorted(
        NAMES
    )


def test_every_check_has_a_test_in_which_it_finds_something() -> None:
    here = Path(__file__)
    tests = "".join(
        path.read_text()
        for path in (
            here,
            here.with_name("test_places.py"),
            here.with_name("test_pace.py"),
            here.with_name("test_memory.py"),
            here.parents[1] / "live" / "test_doctor.py",
        )
    )
    assert [name for name in NAMES if f'"{name}"' not in tests] == []
    assert len(set(NAMES)) == len(OF_A_PBX) + len(OF_THE_POLICY) + len(HERE)


def test_of_many_endpoints_the_named_ones_and_numbers_from_all_over_the_list_are_looked_at() -> None:
    names = [str(number) for number in range(1000)] + ["carrier1", "carrier2"]
    chosen = sample(names, 12)
    assert chosen[:2] == ["carrier1", "carrier2"]
    assert [int(one) for one in chosen[2:]] == list(range(0, 1000, 100))
    assert sorted(sample(names[-7:], 12)) == sorted(names[-7:])
    assert sample(names, 1) == ["carrier1"]


async def test_how_many_endpoints_were_looked_at_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visiting, "MOST", 50)
    many: list[Message] = [event("EndpointList", ObjectName=str(number)) for number in range(400)]
    seen = visit(configuration(tmp_path), PJSIPShowEndpoints=many)
    (found,) = await run("direct-media", seen)
    assert found.what == "the media of the 50 of 400 endpoints looked at goes through Asterisk"
