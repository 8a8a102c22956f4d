"""ARI without I/O: where it is, what came over the websocket, what a request looks like."""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.parse import quote, urlencode

from yarl import URL


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


JSON = json.JSONDecoder(parse_constant=_no_number)
"""One for all: json.loads with an option makes a decoder for every message."""
Query = Mapping[str, "str | int | bool"]


@dataclass(frozen=True, slots=True)
class AriAccess:
    """Where ARI is (`http://host:8088`, its `/ari` or not; https with `tls`), who we are, our application's name."""

    url: str
    username: str
    password: str = field(repr=False)
    app: str
    tls: ssl.SSLContext | bool = field(default=True, repr=False)

    def __post_init__(self) -> None:
        if "@" in URL(self.url).raw_authority:
            raise ValueError(
                "ARI url: it holds a user or password, and URLs end up in logs; use username and password"
            )

    def headers(self) -> dict[str, str]:
        """A header, and no api_key in the URL: URLs end in access logs."""
        proof = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        return {"Authorization": f"Basic {proof}"}

    def at(self, path_and_query: str) -> URL:
        base = self.url.rstrip("/").removesuffix("/ari")
        return URL(f"{base}/ari/{path_and_query}", encoded=True)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened; `body` is the whole JSON object, its `type` included."""

    type: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one request: `body` is decoded JSON, the text itself where it is none, or None."""

    request_id: str
    status: int
    reason: str
    body: Any


@dataclass(frozen=True, slots=True)
class Odd:
    """Anything else: counted, never fatal."""

    why: str


def decode(text: str) -> Event | Answer | Odd:
    """What one websocket message says. Raises nothing, whatever the text."""
    try:
        body = JSON.decode(text)
    except (ValueError, RecursionError) as error:  # RecursionError: brackets nested by the thousand
        return Odd(f"no JSON: {type(error).__name__}")
    if not isinstance(body, dict) or not isinstance(body.get("type"), str):
        return Odd("no object with a type")
    if body["type"] != "RESTResponse":
        return Event(body["type"], body)
    request_id, status = body.get("request_id"), body.get("status_code")
    if not isinstance(request_id, str) or type(status) is not int:
        return Odd("a RESTResponse without request_id or status_code")
    reason = body.get("reason_phrase")
    return Answer(request_id, status, reason if isinstance(reason, str) else "", loosely(body.get("message_body")))


def loosely(body: Any) -> Any:
    """JSON decoded, the text where it is no JSON, None where it is empty: an odd body still ends its request."""
    if not isinstance(body, str):
        return body
    try:
        return JSON.decode(body) if body else None
    except (ValueError, RecursionError):
        return body


def refusal(answer: Answer) -> str:
    """Why, in Asterisk's words: `message` of the body, `error` of older parts, or the HTTP reason."""
    body = answer.body if isinstance(answer.body, dict) else {}
    return str(body.get("message") or body.get("error") or answer.reason or "refused without a reason")


def target(segments: tuple[str, ...], query: Query | None = None) -> str:
    """The path and query of a request: each segment is one step, whatever letters it holds.

    Raises ValueError for a segment that would mean another resource: none, `.`, `..`, or with a NUL (Asterisk would
    read the text up to it).
    """
    for text in (*segments, *(str(value) for value in (query or {}).values())):
        if "\0" in text:
            raise ValueError("ARI request: NUL in a path or query")
    for segment in segments:
        if segment in ("", ".", ".."):
            raise ValueError(f"ARI request: {segment!r} is no path segment")
    path = "/".join(quote(segment, safe="", errors="surrogateescape") for segment in segments)
    if not query:
        return path
    values = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in query.items()}
    return f"{path}?{urlencode(values, quote_via=quote, safe='', errors='surrogateescape')}"


def request(request_id: str, method: str, uri: str, body: Any = None) -> str:
    """A RESTRequest for the websocket (Asterisk 20.14, 22.4 and later)."""
    envelope = {"type": "RESTRequest", "request_id": request_id, "method": method, "uri": uri}
    if body is not None:
        envelope |= {"content_type": "application/json", "message_body": json.dumps(body)}
    return json.dumps(envelope)
