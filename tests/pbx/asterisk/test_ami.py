"""One manager session against a scripted server on a real socket."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from controller.pbx.asterisk.ami import Ami, connect
from controller.pbx.asterisk.frames import Message
from controller.pbx.asterisk.link import LinkCounters
from controller.pbx.driver import PbxGone, PbxRefused
from tests.pbx.asterisk.scripted import BOOTED, SECRET, Manager, Session, manager, response, silent, until


def ignore(message: Message) -> None:
    """Hear nothing."""


@asynccontextmanager
async def session(
    server: Manager,
    on_event: Callable[[Message], None] = ignore,
    *,
    ping_every: float = 60,
    counters: LinkCounters | None = None,
) -> AsyncIterator[Ami]:
    ami = await connect(server.access, on_event, ping_every=ping_every, counters=counters)
    ami.listen()
    try:
        yield ami
    finally:
        await ami.close()


async def test_the_secret_is_proved_by_a_challenge_and_does_not_cross_the_wire() -> None:
    async with manager() as server, session(server) as ami:
        login = server.session.named("Login")[0]
        assert login.get("Key") == hashlib.md5(b"137305161" + SECRET.encode()).hexdigest()  # noqa: S324
        assert not any(SECRET in value for message in server.session.asked for _, value in message.pairs)
        assert ami.booted is not None
        assert ami.booted.get("Uptime") == "7"


async def test_a_server_without_challenges_gets_the_secret_in_plain() -> None:
    async with manager() as server:
        server.on["Challenge"] = lambda s, m: s.say(response(m, "Error", "Message: Must specify AuthType"))
        async with session(server):
            assert server.session.named("Login")[0].get("Secret") == SECRET


async def test_a_wrong_secret_is_refused_once_with_the_servers_words_and_never_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    async with manager() as server:
        server.on["Login"] = lambda s, m: s.say(response(m, "Error", "Message: Authentication failed"))
        with pytest.raises(PbxRefused, match="'onrecord': Authentication failed") as refused:
            await connect(server.access, ignore)
        assert len(server.session.named("Login")) == 1  # a second try in plain would hand it to an impostor
        await until(lambda: not server.session.open)
    told = f"{refused.value!r} {server.access!r} {caplog.text}"
    assert SECRET not in told


async def test_connecting_waits_until_asterisk_has_started() -> None:
    async with manager() as server:
        server.on["Login"] = lambda s, m: s.say(response(m))
        connecting = asyncio.create_task(connect(server.access, ignore))
        await until(lambda: server.sessions and server.session.named("Login"))
        assert not connecting.done()
        server.session.say(BOOTED)
        await (await connecting).close()


async def test_an_asterisk_that_never_says_it_started_is_gone_with_a_hint() -> None:
    async with manager() as server:
        server.on["Login"] = lambda s, m: s.say(response(m))
        with pytest.raises(PbxGone, match="lacks read = system"):
            await connect(server.access, ignore, timeout=0.2)
        await until(lambda: not server.session.open)


async def test_a_session_without_events_does_not_wait_for_the_start() -> None:
    async with manager() as server:
        server.on["Login"] = lambda s, m: s.say(response(m))
        ami = await connect(server.access, ignore, events="off")
        assert server.session.named("Login")[0].get("Events") == "off"
        await ami.close()


async def test_a_pbx_that_cannot_be_reached_is_gone() -> None:
    async with manager() as server:
        nowhere = replace(server.access, port=1)
    with pytest.raises(PbxGone, match=r"127\.0\.0\.1:1: "):
        await connect(nowhere, ignore)


async def test_a_peer_that_is_no_manager_is_gone() -> None:
    async def chatter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n\x00\xff\r\n\r\n" * 10)
        await reader.read()
        writer.close()

    server = await asyncio.start_server(chatter, "127.0.0.1", 0)
    async with manager() as it:
        access = replace(it.access, port=server.sockets[0].getsockname()[1])
    with pytest.raises(PbxGone, match="no answer to the login"):
        await connect(access, ignore, timeout=0.2)
    server.close()


async def test_answers_that_come_in_another_order_reach_their_own_actions() -> None:
    async with manager() as server, session(server) as ami:
        server.on["Getvar"] = silent
        asking = [asyncio.create_task(ami.action("Getvar", Variable=f"V{n}")) for n in range(20)]
        await until(lambda: len(server.session.named("Getvar")) == 20)
        for message in reversed(server.session.named("Getvar")):
            server.session.say(response(message, "Success", f"Value: of {message.get('Variable')}"))
        answers = await asyncio.gather(*asking)
    assert [answer.get("Value") for answer in answers] == [f"of V{n}" for n in range(20)]


async def test_an_error_is_raised_with_the_words_of_the_pbx() -> None:
    async with manager() as server, session(server) as ami:
        server.on["MixMonitor"] = lambda s, m: s.say(response(m, "Error", "Message: No such channel"))
        with pytest.raises(PbxRefused, match="No such channel"):
            await ami.action("MixMonitor", Channel="PJSIP/100-1", File="a.wav")


async def test_one_deadline_ends_an_action_and_its_late_answer_is_counted_as_unknown() -> None:
    counters = LinkCounters()
    async with manager() as server, session(server, counters=counters) as ami:
        server.on["MixMonitor"] = silent
        with pytest.raises(PbxGone, match=r"no answer to MixMonitor within 0\.05 s"):
            await ami.action("MixMonitor", timeout=0.05, Channel="x", File="a.wav")
        server.session.say(response(server.session.named("MixMonitor")[0]))
        await until(lambda: counters.unknown == 1)
        assert (await ami.action("Ping")).response == "Success"


async def test_the_deadline_of_a_list_is_for_the_whole_list() -> None:
    async with manager() as server, session(server) as ami:
        server.on["Status"] = lambda s, m: s.say(
            response(m, "Success", "EventList: start"), f"Event: Status\r\nActionID: {m.get('ActionID')}"
        )
        with pytest.raises(PbxGone, match="no answer to Status"):
            await ami.list("Status", timeout=0.05)


async def test_answers_to_nothing_that_was_asked_are_counted_and_harmless() -> None:
    counters = LinkCounters()
    async with manager() as server, session(server, counters=counters) as ami:
        server.session.say(
            "Response: Success\r\nActionID: stranger-1", "Response: Error\r\nMessage: none", "Odd: frame"
        )
        assert (await ami.action("Ping")).response == "Success"
        assert (counters.unknown, counters.malformed) == (2, 1)


async def test_the_same_answer_twice_is_taken_once() -> None:
    counters = LinkCounters()
    async with manager() as server, session(server, counters=counters) as ami:
        server.on["Getvar"] = lambda s, m: s.say(response(m, "Success", "Value: 1"), response(m, "Error"))
        assert (await ami.action("Getvar", Variable="X")).get("Value") == "1"
        await until(lambda: counters.unknown == 1)


async def test_a_cancelled_action_leaves_nothing_behind() -> None:
    async with manager() as server, session(server) as ami:
        server.on["Originate"] = silent
        asking = asyncio.create_task(ami.action("Originate", Channel="x"))
        await until(lambda: server.session.named("Originate"))
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        assert ami._asked == {}


async def test_a_list_is_collected_while_events_go_their_own_way() -> None:
    heard: list[str] = []
    async with manager() as server, session(server, lambda m: heard.append(m.event)) as ami:

        def status(peer: Session, message: Message) -> None:
            same = f"ActionID: {message.get('ActionID')}"
            peer.say(
                response(message, "Success", "EventList: start"),
                f"Event: Status\r\nChannel: a\r\n{same}",
                "Event: Hangup\r\nChannel: z",
                f"Event: Status\r\nChannel: b\r\n{same}",
                f"Event: StatusComplete\r\n{same}\r\nEventList: Complete\r\nItems: 2",
            )

        server.on["Status"] = status
        answer, items = await ami.list("Status")
        assert answer.response == "Success"
        assert [item.get("Channel") for item in items] == ["a", "b"]
        assert heard == ["Hangup"]


async def test_a_list_action_that_has_no_list_answers_with_none() -> None:
    async with manager() as server, session(server) as ami:
        assert (await ami.list("ConfbridgeList", Conference="800"))[1] == []


async def test_an_event_about_an_action_of_ours_is_delivered_when_it_is_no_list() -> None:
    heard: list[Message] = []
    async with manager() as server, session(server, heard.append) as ami:
        server.on["Originate"] = lambda s, m: s.say(
            response(m), f"Event: OriginateResponse\r\nActionID: {m.get('ActionID')}\r\nReason: 4"
        )
        await ami.action("Originate", Channel="x", Async="true")
        await until(lambda: [message.event for message in heard] == ["OriginateResponse"])


async def test_a_caller_cannot_answer_an_action_by_an_event_with_its_id() -> None:
    heard: list[Message] = []
    async with manager() as server, session(server, heard.append) as ami:
        server.on["MixMonitor"] = lambda s, m: s.say(
            f"Event: UserEvent\r\nResponse: Success\r\nActionID: {m.get('ActionID')}\r\nMixMonitorID: 0xbad"
        )
        with pytest.raises(PbxGone):
            await ami.action("MixMonitor", timeout=0.1, Channel="x", File="a.wav")
        assert [message.event for message in heard] == ["UserEvent"]


async def test_a_lost_link_fails_everything_that_waits_and_everything_after() -> None:
    async with manager() as server, session(server) as ami:
        server.on["MixMonitor"] = server.on["Status"] = silent
        waiting = [
            asyncio.create_task(ami.action("MixMonitor", Channel="x", File="a.wav")),
            asyncio.create_task(ami.list("Status")),
        ]
        await until(lambda: server.session.named("Status"))
        server.session.hang_up()
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(result) for result in results] == [PbxGone, PbxGone]
        assert "connection" in await ami.lost()
        with pytest.raises(PbxGone):
            await ami.action("Ping")


async def test_a_header_that_would_inject_is_refused_before_anything_is_sent() -> None:
    async with manager() as server, session(server) as ami:
        before = len(server.session.asked)
        with pytest.raises(ValueError, match="AMI header File"):
            await ami.action("MixMonitor", Channel="x", File="a.wav\r\nCommand: touch /tmp/p")
        await ami.action("Ping")
        assert [message.get("Action") for message in server.session.asked[before:]] == ["Ping"]


async def test_a_flood_comes_through_in_order_and_an_action_is_answered_amid_it() -> None:
    heard: list[int] = []
    counters = LinkCounters()
    async with (
        manager() as server,
        session(server, lambda m: heard.append(int(m.get("N"))), counters=counters) as ami,
    ):
        flood = [f"Event: VarSet\r\nN: {n}\r\nVariable: SOMETHING\r\nValue: {'v' * 50}" for n in range(20_000)]
        server.session.say(*flood)
        assert (await ami.action("Ping")).response == "Success"
        await until(lambda: len(heard) == 20_000)
        assert heard == list(range(20_000))
        assert counters == LinkCounters(delivered=20_000)


async def test_a_handler_that_fails_loses_its_event_only_and_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[str] = []
    counters = LinkCounters()

    def hear(message: Message) -> None:
        if message.event == "Bad":
            raise RuntimeError("a fault of ours")
        heard.append(message.event)

    async with manager() as server, session(server, hear, counters=counters):
        server.session.say("Event: Bad", "Event: Good", "Event: Bad", "Event: Good")
        await until(lambda: heard == ["Good", "Good"])
    assert (counters.failed, counters.delivered) == (2, 2)
    assert caplog.text.count("our handler failed") == 1


async def test_a_frame_that_is_too_large_costs_only_itself() -> None:
    heard: list[str] = []
    counters = LinkCounters()
    async with manager() as server, session(server, lambda m: heard.append(m.event), counters=counters):
        server.session.say("Event: Before", f"Event: Huge\r\nX: {'x' * 5_000_000}", "Event: After")
        await until(lambda: heard == ["Before", "After"])
    assert counters.oversized == 1


async def test_a_link_that_is_up_but_silent_is_found() -> None:
    async with manager() as server, session(server, ping_every=0.05) as ami:
        server.on["Ping"] = silent
        async with asyncio.timeout(5):
            assert (await ami.lost()).startswith("silent for")
        await until(lambda: not server.session.open)


async def test_a_peer_that_drips_bytes_but_says_nothing_is_found() -> None:
    async with manager() as server, session(server, ping_every=0.05) as ami:
        server.on["Ping"] = silent

        async def drip() -> None:
            while server.session.open:
                server.session.drip(b"x")
                await asyncio.sleep(0.01)

        dripping = asyncio.create_task(drip())
        async with asyncio.timeout(5):
            assert (await ami.lost()).startswith("silent for")
        await dripping


async def test_a_quiet_link_that_answers_pings_stays() -> None:
    async with manager() as server, session(server, ping_every=0.02) as ami:
        await until(lambda: len(server.session.named("Ping")) >= 5)
        assert (await ami.action("CoreStatus")).response == "Success"


async def test_a_pbx_that_does_not_read_gets_no_more_than_a_bounded_backlog() -> None:
    held = asyncio.Event()

    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server = Manager()
        task = asyncio.create_task(server.serve(reader, writer))
        await until(lambda: server.sessions and server.session.named("Login"))
        writer.transport.pause_reading()
        await held.wait()
        writer.transport.abort()
        await asyncio.gather(task, return_exceptions=True)

    listening = await asyncio.start_server(deaf, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    async with manager() as it:
        ami = await connect(replace(it.access, port=port), ignore, ping_every=60)
    asking = [
        asyncio.create_task(ami.action("Setvar", timeout=0.5, Variable="X", Value="v" * 1000)) for _ in range(20_000)
    ]
    results = await asyncio.gather(*asking, return_exceptions=True)
    assert {type(result) for result in results} == {PbxGone}
    assert any("does not read" in str(result) for result in results)
    assert ami._transport is not None
    assert ami._transport.get_write_buffer_size() < 2 * 1024 * 1024
    held.set()
    await ami.close()
    listening.close()


async def test_filters_are_sent_as_given_one_action_each() -> None:
    async with manager() as server, session(server) as ami:
        await ami.filter(
            [("name(Hangup)", ""), ("name(VarSet),header(Variable),method(starts_with)", "X"), ("", "^Event: A")]
        )
        assert [message.pairs[2:] for message in server.session.named("Filter")] == [
            [("Operation", "Add"), ("MatchCriteria", "name(Hangup)")],
            [
                ("Operation", "Add"),
                ("MatchCriteria", "name(VarSet),header(Variable),method(starts_with)"),
                ("Filter", "X"),
            ],
            [("Operation", "Add"), ("Filter", "^Event: A")],
        ]
