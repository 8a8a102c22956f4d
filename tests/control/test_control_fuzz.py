"""The control socket and what anybody here may throw at it: every line gets a clear answer, and calls go on."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controller import control
from controller.control import MOST_BYTES, MOST_CLIENTS, ask
from controller.core.commands import Pause
from controller.core.recording import State
from tests.control.office import DEADLINE, Office


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    # A socket's path may be 108 bytes long, and pytest's folders are longer.
    with TemporaryDirectory(prefix="control-") as folder, Office(Path(folder)) as made:
        yield made


def wrong(answer: dict[str, Any]) -> bool:
    return answer["ok"] is False and isinstance(answer["why"], str) and 0 < len(answer["why"]) <= 1000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=10), inner, max_size=5),
    max_leaves=20,
)
HOSTILE = st.sampled_from(
    [
        "../../etc/passwd",
        "'; DROP TABLE calls; --",
        "\x1b[2J\x1b]0;owned\x07",
        "main/1.1\nAction: Originate",
        "$(touch /tmp/x)",
        "\ud800",
        "\x00",
        "[bold]x[/]",
        "9" * 5000,
        "\u202egnp.exe",
    ]
)
DO = st.sampled_from(["list", "status", "start", "stop", "pause", "resume", "erase", "", "LIST"]) | JSON | HOSTILE
# None of these requests names the call, so none of them may touch it.
REQUESTS = st.fixed_dictionaries(
    {}, optional={"do": DO, "call": HOSTILE | JSON.filter(lambda it: it not in ("1", "")), "by": JSON | HOSTILE}
).filter(lambda it: not (isinstance(it.get("call"), str) and it["call"] in "main/1.1 100 101"))
FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@FUZZ
@given(data=st.binary(min_size=1, max_size=2000))
def test_whatever_bytes_come_each_line_is_answered_and_counted(office: Office, data: bytes) -> None:
    lines = data.split(b"\n")
    lines = lines if lines[-1] else lines[:-1]
    before = office.server.tally.requests
    answers = office.answers(data)
    assert len(answers) == len(lines)
    assert all(wrong(answer) for answer in answers)
    assert office.server.tally.requests - before == len(lines)
    office.serves()


@FUZZ
@given(request=JSON | REQUESTS)
def test_whatever_is_asked_is_answered_and_no_call_is_touched(office: Office, request: Any) -> None:
    asked = len(office.desk.paper.asked)
    (answer,) = office.answers(json.dumps(request).encode() + b"\n")
    harmless = isinstance(request, dict) and request.get("do") in ("list", "status")
    assert answer["ok"] is True if harmless else wrong(answer)
    assert len(office.desk.paper.asked) == asked
    office.serves()


@FUZZ
@given(request=REQUESTS, cut=st.integers(0, 60))
def test_a_request_that_breaks_off_is_answered_or_forgotten(office: Office, request: Any, cut: int) -> None:
    whole = json.dumps(request).encode()
    answers = office.answers(whole[: min(cut, len(whole) - 1)])
    assert len(answers) <= 1
    assert all(wrong(answer) for answer in answers)
    with office.client() as link:
        link.sendall(whole[:cut])  # and hangs up without waiting
    office.serves()


@FUZZ
@given(name=HOSTILE | st.text(max_size=300))
def test_who_asks_is_kept_as_plain_text_on_one_line(office: Office, name: str) -> None:
    for do in ("pause", "resume"):
        (answer,) = office.answers(json.dumps({"do": do, "call": "100", "by": name}).encode() + b"\n")
        assert answer["ok"], answer
    (session,) = office.desk.engine.sessions.values()
    assert session.recording is not None
    by = session.recording.marks[-1].by
    assert by.isprintable()
    assert len(by) < 200
    assert by.encode()  # storable
    office.serves()


@pytest.mark.parametrize("size", [MOST_BYTES + 1, 3 * MOST_BYTES, 4_000_000])
def test_an_enormous_request_is_refused_with_the_limit(office: Office, size: int) -> None:
    before = office.server.tally.malformed
    answers = office.answers(b'{"do": "' + b"x" * size + b'"}\n')
    assert len(answers) == 1
    assert wrong(answers[0])
    assert str(MOST_BYTES) in answers[0]["why"]
    assert office.server.tally.malformed == before + 1
    office.serves()


def test_a_request_as_long_as_may_be_is_understood(office: Office) -> None:
    filler = "x" * (MOST_BYTES - 100)
    (answer,) = office.answers(json.dumps({"do": "list", "note": filler}).encode() + b"\n")
    assert answer["ok"]


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 30_000,
        b'{"do":' * 10_000 + b"1" + b"}" * 10_000,
        b'{"do": ' + b"9" * 60_000 + b"}",
        b'{"do": NaN}',
        b'{"do": "list"',
        b'{"do": {"$ne": ""}}',
        b'{"do": ["list"]}',
        b'["do", "list"]',
        b'"list"',
        b"\xff\xfe",
        b"\x00" * 1000,
        b"GET / HTTP/1.1\r",
    ],
)
def test_deep_and_strange_json_is_answered_plainly(office: Office, line: bytes) -> None:
    (answer,) = office.answers(line + b"\n")
    assert wrong(answer)
    office.serves()


def test_a_crowd_is_served_up_to_the_limit_and_the_rest_is_told_so(office: Office) -> None:
    turned = office.server.tally.turned_away
    crowd = [office.client() for _ in range(MOST_CLIENTS)]
    try:
        for link in crowd:
            link.sendall(b'{"do": "status"}\n')
        assert all(json.loads(link.makefile("rb").readline())["ok"] for link in crowd)
        answer = ask(office.path, {"do": "list"})
        assert wrong(answer)
        assert str(MOST_CLIENTS) in answer["why"]
        assert office.server.tally.turned_away == turned + 1
        assert office.states == [State.ON]
    finally:
        for link in crowd:
            link.close()
    _until(lambda: office.server._clients == 0)
    office.serves()


def test_a_client_that_sends_bytes_one_by_one_keeps_nobody_waiting(office: Office) -> None:
    with office.client() as slow:
        for byte in b'{"do": "status"}\n':
            slow.sendall(bytes([byte]))
            office.serves()
        assert json.loads(slow.makefile("rb").readline())["ok"]


def test_a_client_that_never_reads_is_let_go(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "READ_SECONDS", 0.3)
    broken = office.server.tally.broken
    with office.client() as deaf:
        deaf.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                deaf.send(b'{"do": "status"}\n' * 1000)
        office.serves()
        _until(lambda: office.server.tally.broken == broken + 1)
    office.serves()
    _until(lambda: office.server._clients == 0)


def test_a_client_that_is_silent_is_let_go(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "IDLE_SECONDS", 0.2)
    with office.client() as silent:
        silent.sendall(b'{"do": "li')
        assert silent.recv(100) == b""
    office.serves()


def test_a_flood_of_requests_by_one_client_holds_up_neither_others_nor_calls(office: Office) -> None:
    count = 7_000  # as many as fit into the server's buffer at once
    most, over = 0, threading.Event()

    async def look() -> None:
        """How many requests are answered while nothing else gets its turn."""
        nonlocal most
        while not over.is_set():
            before = office.server.tally.requests
            await asyncio.sleep(0)
            most = max(most, office.server.tally.requests - before)

    looking = asyncio.run_coroutine_threadsafe(look(), office.loop)
    with office.client() as eager, eager.makefile("rb") as lines:
        reader = threading.Thread(target=lambda: [lines.readline() for _ in range(count)])
        reader.start()
        eager.sendall(b'{"do": "status"}\n' * count)
        asked = len(office.desk.paper.asked)
        assert ask(office.path, {"do": "pause", "call": "100"})["state"] == "paused"
        assert isinstance(office.desk.paper.asked[asked], Pause)
        assert ask(office.path, {"do": "resume", "call": "100"})["ok"]
        reader.join(DEADLINE)
        assert not reader.is_alive()
    over.set()
    looking.result(DEADLINE)
    assert most <= 3
    office.serves()


def test_what_was_answered_is_told_by_status(office: Office) -> None:
    before = ask(office.path, {"do": "status"})["control"]
    office.answers(b"nonsense\n")
    office.answers(b'{"do": "stop", "call": "100"}\n')
    after = ask(office.path, {"do": "status"})["control"]
    assert {name: after[name] - before[name] for name in after} == {
        "requests": 3,
        "malformed": 1,
        "refused": 1,
        "turned_away": 0,
        "broken": 0,
    }
    office.serves()


def _until(true: Any) -> None:
    deadline = threading.Event()
    for _ in range(1500):
        if true():
            return
        deadline.wait(0.01)
    raise TimeoutError
