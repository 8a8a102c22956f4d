"""The driver against a manager that misbehaves in ways no real Asterisk can be made to on demand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from controller.core.commands import CallId, LegId, Pause, RecordingId, Start, Stop
from controller.core.events import Done, Event, Failed, LegEnded, RecorderFound, RecorderLost
from controller.pbx.asterisk.driver import AsteriskDriver
from controller.pbx.asterisk.frames import Message
from controller.pbx.asterisk.settings import AsteriskSettings
from controller.pbx.driver import Driver
from tests.pbx.asterisk.scripted import Manager, Session, manager, response, silent, until

CALL, LEG = CallId("main/17.1"), LegId("main/17.1")
START = Start(CALL, RecordingId("rec"), 1, 1, LEG)
STOP = Stop(CALL, RecordingId("rec"), 1, 2, LEG)
PAUSE = Pause(CALL, RecordingId("rec"), 1, 3, LEG)
CHANNEL = "Channel: PJSIP/100-00000001\r\nUniqueid: 17.1\r\nLinkedid: 17.1\r\nChannelStateDesc: Up"


class Office:
    """A scripted manager, a driver connected to it, and a folder where recorders would write."""

    def __init__(self, pbx: Manager, spool: Path) -> None:
        self.pbx, self.spool = pbx, spool
        self.events: list[Event] = []
        self.links: list[tuple[bool, str]] = []
        self.settings = AsteriskSettings(
            name="main",
            host=pbx.access.host,
            ami_port=pbx.access.port,
            ami_user=pbx.access.username,
            ami_secret=pbx.access.secret,
            monitor_dir="/var/spool/asterisk/monitor",
            spool_dir=spool,
            action_seconds=0.3,
            proof_seconds=0.3,
        )
        self.driver = AsteriskDriver(self.settings, clock=lambda: 1000.0)

    @property
    def ear(self) -> Session:
        return [one for one in self.pbx.sessions if one.named("Filter")][-1]

    @property
    def hand(self) -> Session:
        return [one for one in self.pbx.sessions if one.named("Login") and not one.named("Filter")][-1]

    def write(self) -> None:
        for side in ("", "-r", "-t"):
            (self.spool / f"rec.1{side}.wav").touch()

    def record(self, session: Session, message: Message) -> None:
        """What Asterisk does for MixMonitor when all is well."""
        self.write()
        session.say(response(message, "Success", "MixMonitorID: 0x7f0001"))
        self.ear.say(f"Event: MixMonitorStart\r\n{CHANNEL}")

    def stop(self, session: Session, message: Message) -> None:
        session.say(response(message))
        self.ear.say(f"Event: MixMonitorStop\r\n{CHANNEL}")


@asynccontextmanager
async def opened(pbx: Manager, spool: Path) -> AsyncIterator[Office]:
    office = Office(pbx, spool)
    pbx.on.setdefault("MixMonitor", office.record)
    pbx.on.setdefault("StopMixMonitor", office.stop)
    task = asyncio.create_task(
        office.driver.run(office.events.append, lambda up, why: office.links.append((up, why)))
    )
    try:
        yield office
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with manager() as pbx, opened(pbx, tmp_path) as made:
        await until(lambda: (True, "") in made.links)
        yield made


def test_the_driver_is_what_the_engine_asks_for(tmp_path: Path) -> None:
    driver: Driver = Office(Manager(), tmp_path).driver
    assert driver.name == "main"


async def test_a_start_is_done_at_the_time_of_its_event(office: Office) -> None:
    assert await office.driver.do(START) == Done(CALL, 1000.0, START)


async def test_variable_and_recorder_leave_in_one_go_without_waiting_for_an_answer(office: Office) -> None:
    office.pbx.on["Setvar"] = silent
    answer = asyncio.create_task(office.driver.do(START))
    await until(lambda: office.hand.named("MixMonitor"))
    names = [message.get("Action") for message in office.hand.asked]
    assert names.index("MixMonitor") - names.index("Setvar") == 1
    assert (await answer) != Done(CALL, 1000.0, START)


async def test_no_start_ever_carries_a_command_or_an_option_that_harms(office: Office) -> None:
    await office.driver.do(START)
    (sent,) = office.hand.named("MixMonitor")
    assert {name for name, _ in sent.pairs} == {"Action", "ActionID", "Channel", "File", "Options"}
    folder = office.settings.monitor_dir
    assert sent.get("File") == f"{folder}/rec.1.wav"
    assert sent.get("Options") == f"i(ONRECORD_MIX)r({folder}/rec.1-r.wav)t({folder}/rec.1-t.wav)"


async def test_an_event_that_is_quicker_than_the_response_is_not_lost(office: Office) -> None:
    def hasty(session: Session, message: Message) -> None:
        office.write()
        office.ear.say(f"Event: MixMonitorStart\r\n{CHANNEL}")
        asyncio.get_running_loop().call_later(
            0.05, session.say, response(message, "Success", "MixMonitorID: 0x7f0001")
        )

    office.pbx.on["MixMonitor"] = hasty
    assert isinstance(await office.driver.do(START), Done)


async def test_success_without_an_id_is_no_success(office: Office) -> None:
    office.pbx.on["MixMonitor"] = lambda session, message: session.say(response(message))
    failed = await office.driver.do(START)
    assert isinstance(failed, Failed)
    assert "without an id" in failed.reason


async def test_a_start_whose_event_never_comes_is_stopped_by_its_id_and_failed(office: Office) -> None:
    def eventless(session: Session, message: Message) -> None:
        office.write()
        session.say(response(message, "Success", "MixMonitorID: 0x7f0001"))

    office.pbx.on["MixMonitor"] = eventless
    failed = await office.driver.do(START)
    assert isinstance(failed, Failed)
    assert "MixMonitorStart" in failed.reason
    assert [message.get("MixMonitorID") for message in office.hand.named("StopMixMonitor")] == ["0x7f0001"]


async def test_a_start_whose_file_never_comes_is_stopped_by_its_id_and_failed(office: Office) -> None:
    def fileless(session: Session, message: Message) -> None:
        session.say(response(message, "Success", "MixMonitorID: 0x7f0001"))
        office.ear.say(f"Event: MixMonitorStart\r\n{CHANNEL}")

    office.pbx.on["MixMonitor"] = fileless
    failed = await office.driver.do(START)
    assert isinstance(failed, Failed)
    assert "wrote no file (rec.1.wav, rec.1-r.wav, rec.1-t.wav)" in failed.reason
    assert office.hand.named("StopMixMonitor")
    assert isinstance(await office.driver.do(PAUSE), Failed)


async def test_a_recorder_that_cannot_be_noted_on_its_channel_is_stopped_again(office: Office) -> None:
    office.pbx.on["Setvar"] = lambda session, message: session.say(
        response(message, "Error", "Message: No permission")
    )
    failed = await office.driver.do(START)
    assert isinstance(failed, Failed)
    assert "No permission" in failed.reason
    assert office.hand.named("StopMixMonitor")


async def test_a_command_without_an_answer_fails_and_the_link_is_made_anew_to_learn_the_truth(office: Office) -> None:
    office.pbx.on["MixMonitor"] = silent
    failed = await office.driver.do(START)
    assert isinstance(failed, Failed)
    assert "no answer" in failed.reason
    await until(lambda: office.links == [(True, ""), (False, failed.reason), (True, "")])


async def test_a_recorder_that_started_unheard_is_found_by_the_next_snapshot(office: Office) -> None:
    def status(session: Session, message: Message) -> None:
        item = f"Event: Status\r\nActionID: {message.get('ActionID')}\r\n{CHANNEL}"
        said = "Variable: ONRECORD=rec.1\r\nVariable: ONRECORD_MIX=0x7f0001\r\nVariable: ONRECORD_ROOM=(null)"
        done = f"Event: StatusComplete\r\nActionID: {message.get('ActionID')}\r\nEventList: Complete"
        session.say(response(message, "Success", "EventList: start"), f"{item}\r\n{said}", done)

    def getvar(session: Session, message: Message) -> None:
        assert message.get("Variable") == "MIXMONITOR(0x7f0001,filename)"
        session.say(response(message, "Success", f"Value: {office.settings.monitor_dir}/rec.1.wav"))

    office.pbx.on |= {"MixMonitor": silent, "Status": status, "Getvar": getvar}
    await office.driver.do(START)
    await until(lambda: office.links.count((True, "")) == 2)
    assert RecorderFound(CALL, 1000.0, LEG, RecordingId("rec"), 1) in office.events
    assert isinstance(await office.driver.do(STOP), Done)


async def test_two_recorders_that_start_on_one_leg_at_once_are_both_confirmed(office: Office) -> None:
    other = replace(START, recording=RecordingId("other"))
    for side in ("", "-r", "-t"):
        asyncio.get_running_loop().call_later(0.02, (office.spool / f"other.1{side}.wav").touch)
    both = await asyncio.gather(office.driver.do(START), office.driver.do(other))
    assert [type(answer) for answer in both] == [Done, Done]


async def test_a_leg_that_hangs_up_before_its_recorder_began_is_told_as_gone(office: Office) -> None:
    def hung_up(session: Session, message: Message) -> None:
        office.ear.say(f"Event: Hangup\r\n{CHANNEL}")
        session.say(response(message, "Success", "MixMonitorID: 0x7f0001"))

    office.pbx.on["MixMonitor"] = hung_up
    failed = await office.driver.do(START)
    assert isinstance(failed, Failed)
    assert failed.leg_gone


async def test_what_a_very_short_call_wrote_is_kept_and_its_end_comes_behind_its_beginning(office: Office) -> None:
    def short(session: Session, message: Message) -> None:
        (office.spool / "rec.1.wav").touch()
        session.say(response(message, "Success", "MixMonitorID: 0x7f0001"))
        office.ear.say(f"Event: MixMonitorStart\r\n{CHANNEL}", f"Event: Hangup\r\n{CHANNEL}")

    office.pbx.on["MixMonitor"] = short
    office.ear.say(f"Event: Newchannel\r\n{CHANNEL}")
    office.events.append(await office.driver.do(START))
    await until(lambda: len(office.events) == 4)
    assert [type(event) for event in office.events[1:]] == [LegEnded, Done, RecorderLost]


async def test_a_stop_that_is_refused_while_the_recorder_runs_on_has_failed(office: Office) -> None:
    def refuse(session: Session, message: Message) -> None:
        session.say(response(message, "Error", "Message: Could not stop monitoring channel"))

    def running(session: Session, message: Message) -> None:
        session.say(response(message, "Success", f"Value: {office.settings.monitor_dir}/rec.1.wav"))

    await office.driver.do(START)
    office.pbx.on |= {"StopMixMonitor": refuse, "Getvar": running}
    failed = await office.driver.do(STOP)
    assert isinstance(failed, Failed)
    assert failed.reason == "Could not stop monitoring channel"
    office.pbx.on["Getvar"] = lambda session, message: session.say(response(message))
    assert isinstance(await office.driver.do(STOP), Done)


async def test_a_pause_without_its_event_is_not_believed(office: Office) -> None:
    await office.driver.do(START)
    failed = await office.driver.do(PAUSE)
    assert isinstance(failed, Failed)


async def test_a_pause_that_was_told_for_the_other_direction_is_not_believed(office: Office) -> None:
    def half(session: Session, message: Message) -> None:
        session.say(response(message))
        office.ear.say(f"Event: MixMonitorMute\r\n{CHANNEL}\r\nDirection: read\r\nState: 1")

    await office.driver.do(START)
    office.pbx.on["MixMonitorMute"] = half
    assert isinstance(await office.driver.do(PAUSE), Failed)


async def test_without_a_link_every_command_fails_at_once_and_says_why(tmp_path: Path) -> None:
    async with manager() as pbx:
        office = Office(pbx, tmp_path)
        failed = await office.driver.do(START)
        assert isinstance(failed, Failed)
        assert failed.reason == "no link to main: not connected yet"


async def test_a_pbx_that_gives_no_snapshot_is_not_up_and_its_reason_is_told(tmp_path: Path) -> None:
    async with manager() as pbx:
        pbx.on["Status"] = lambda session, message: session.say(
            response(message, "Error", "Message: Permission denied")
        )
        async with opened(pbx, tmp_path) as office:
            await until(lambda: office.links)
            assert office.links[0] == (False, "no snapshot: Permission denied")
            assert (True, "") not in office.links


async def test_what_is_heard_while_the_snapshot_is_taken_comes_behind_it_and_twice_is_once(tmp_path: Path) -> None:
    async with manager() as pbx:

        def busy(session: Session, message: Message) -> None:
            office.ear.say(f"Event: Newchannel\r\n{CHANNEL}", f"Event: Hangup\r\n{CHANNEL}")
            session.say(response(message))

        pbx.on["Status"] = busy
        async with opened(pbx, tmp_path) as office:
            await until(lambda: (True, "") in office.links)
            assert [type(event).__name__ for event in office.events] == ["LegAppeared", "LegEnded"]


async def test_an_older_asterisk_that_knows_no_match_criteria_gets_a_regular_expression(tmp_path: Path) -> None:
    async with manager() as pbx:

        def old(session: Session, message: Message) -> None:
            known = message.get("Filter") and "MatchCriteria" not in message
            session.say(response(message) if known else response(message, "Error", "Message: Filter not specified"))

        pbx.on["Filter"] = old
        async with opened(pbx, tmp_path) as office:
            await until(lambda: (True, "") in office.links)
            assert "Newchannel" in office.ear.named("Filter")[-1].get("Filter")


async def test_a_manager_user_who_may_not_filter_hears_too_much_and_works_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with manager() as pbx:
        pbx.on["Filter"] = lambda session, message: session.say(
            response(message, "Error", "Message: Permission denied")
        )
        async with opened(pbx, tmp_path) as office:
            await until(lambda: (True, "") in office.links)
            assert "write = system" in caplog.text
            office.ear.say("Event: RTCPSent\r\nSSRC: 1")
            assert isinstance(await office.driver.do(START), Done)
            assert office.driver.counters.odd == {"event RTCPSent": 1}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("monitor_dir", "/var/spool,x"),
        ("monitor_dir", "/var/spool)/x"),
        ("monitor_dir", "relative"),
        ("monitor_dir", "/var/../etc"),
        ("monitor_dir", "/var/${X}"),
        ("name", "a/b"),
        ("name", ""),
        ("format", "mp3"),
        ("format", "wav,touch x"),
        ("attributes", ("vip,SHELL(x)",)),
    ],
)
def test_a_setting_that_could_harm_is_refused_by_name(tmp_path: Path, field: str, value: object) -> None:
    good = Office(Manager(), tmp_path).settings
    with pytest.raises(ValueError, match=f"^{field}: "):
        replace(good, **{field: value})  # type: ignore[arg-type]


def test_no_secret_is_in_the_text_of_the_settings(tmp_path: Path) -> None:
    good = Office(Manager(), tmp_path).settings
    assert good.ami_secret not in repr(good)
