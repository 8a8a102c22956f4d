"""A PBX on paper for the doctor: it answers each action as a test says, well if the test says nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from controller.config.load import Config, parse
from controller.doctor.visit import Visit
from controller.init.rights import ASKED, filters, reading
from controller.lab.home import HOME
from controller.pbx.asterisk.ari import Event as AriEvent
from controller.pbx.asterisk.frames import Headers, Message, Value
from controller.pbx.driver import PbxRefused

Answer = Mapping[str, str] | Sequence[tuple[str, str]] | list[Message] | Exception | Callable[[Headers], Any]

RULES = """
[[trunk]]
name = "carrier1"
[[rule]]
name = "all"
extension = "*"
mode = "always"
"""


def configuration(folder: Path, rules: str = RULES, pbx: str = "", ami: str = 'secret = "secret"') -> Config:
    """A configuration with one PBX, and all folders below `folder`; relative paths start there."""
    text = f"""{rules}
[[pbx]]
name = "main"
monitor_dir = "/var/spool/asterisk/monitor/onrecord"
spool_dir = "monitor"
ami = {{ {ami} }}
{pbx}
{HOME}"""
    return parse(text, folder / "onrecord.toml")


def event(name: str, **headers: str) -> Message:
    return Message([("Event", name), *headers.items()])


def endpoint(name: str, **changes: str) -> Message:
    settings = {"DirectMedia": "false", "Allow": "(ulaw|alaw)", "RtpTimeout": "60", "OneTouchRecording": "false"}
    return event("EndpointDetail", ObjectName=name, **(settings | changes))


def allowed(*more: str, without: Sequence[str] = ()) -> dict[str, str]:
    """What ListCommands answers."""
    return {name: "… (Priv: system,all)" for name in (*ASKED, *more) if name not in without}


def account(*lines: str) -> list[tuple[str, str]]:
    """What GetConfig answers."""
    return [("Category-000000", "onrecord"), *((f"Line-000000-{n:06}", line) for n, line in enumerate(lines))]


WELL: dict[str, Answer] = {
    "ListCommands": allowed(),
    "CoreSettings": {"AsteriskVersion": "22.10.1"},
    "CoreStatus": {"CoreStartupDate": "2026-11-21", "CoreStartupTime": "07:00:00"},
    "Ping": lambda _headers: {"Timestamp": f"{time.time():.6f}"},
    "GetConfig": account(
        "secret=open-sesame",
        f"read={','.join(reading())}",
        "permit=127.0.0.1",
        *(f"{one}" for one in filters()),
    ),
    "PJSIPShowEndpoints": [
        event("EndpointList", ObjectName="100", Auths="100"),
        event("EndpointList", ObjectName="carrier1"),
    ],
    "PJSIPShowEndpoint": lambda headers: [endpoint(str(headers["Endpoint"]))],
    "QueueStatus": [
        event("QueueParams", Queue="sales"),
        event("QueueMember", Queue="sales", Location="PJSIP/100"),
    ],
    "Status": [
        Message([("Event", "Status"), ("Channel", "PJSIP/100-1"), ("Variable", "MIXMONITOR_FILENAME=(null)")])
    ],
    "ShowDialPlan": [event("ListDialplan", Extension="600")],
}


class Paper:
    """As much of an AMI session as the doctor uses. `asked` are the actions, in their order."""

    def __init__(self, **answers: Answer) -> None:
        self.answers = WELL | answers
        self.asked: list[tuple[str, dict[str, Value]]] = []

    async def ask(
        self, action: str, headers: Headers, _timeout: float, is_list: bool = False
    ) -> tuple[Message, list[Message]]:
        self.asked.append((action, dict(headers)))
        answer = self.answers.get(action, {})
        if callable(answer):
            answer = answer(headers)
        if isinstance(answer, Exception):
            raise answer
        if is_list:
            return Message([("Response", "Success")]), list(answer)  # type: ignore[arg-type]
        pairs = answer.items() if isinstance(answer, Mapping) else answer
        return Message([("Response", "Success"), *pairs]), []  # type: ignore[misc]

    async def close(self) -> None:
        """There is nothing to close."""


def visit(config: Config, **answers: Answer) -> Visit:
    return Visit(config, config.pbxs[0], ami=Paper(**answers))


DENIED = PbxRefused("Permission denied")


class PaperAri:
    """As much of ARI as the probe uses. `plays`: how the playback of a file ends."""

    over_websocket = True

    def __init__(self, told: list[AriEvent], plays: str = "failed") -> None:
        self.told, self.plays = told, plays
        self.asked: list[tuple[str, ...]] = []

    async def request(self, method: str, *path: str, **_content: object) -> dict[str, str]:
        self.asked.append((method, *path))
        if path[-1] == "play":
            self.told.append(AriEvent("PlaybackFinished", {"playback": {"id": "p1", "state": self.plays}}))
            return {"id": "p1"}
        return {"id": f"{path[0]}-1"}

    async def close(self) -> None:
        """There is nothing to close."""
