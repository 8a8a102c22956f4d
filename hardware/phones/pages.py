"""Writes a phone family as a page of documentation, so that docs/phones and the data never differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hardware.phones import PLACES, AfterFailure, Display, Family, Mark, PhoneKey, Signal, Way

WARNING = (
    "<!-- Made from hardware/phones/{id}.toml by `python -m hardware.phones docs/phones`: edit that instead. -->"
)
MARKS = {
    Mark.RUN: "seen on the real thing",
    Mark.SRC: "read in source or templates",
    Mark.DOC: "documented",
    Mark.MEM: "from memory, not checked",
    Mark.UNPROVEN: "unproven on the wire",
}
SIGNALS = {
    Signal.SIP_INFO: "a SIP INFO inside the call",
    Signal.HTTP_GET: "an HTTP GET to OnRecord",
    Signal.DTMF: "a code as DTMF",
    Signal.DIAL: "a call of its own",
    Signal.TRANSFER: "a blind transfer to a code, which the PBX refuses",
    Signal.SIPREC: "its audio, by SIPREC",
    Signal.LOCAL: "nothing: the phone records by itself",
}
WAYS = {
    Way.BLF: "a BLF lamp on a device state",
    Way.XML_NOTIFY: "XML by SIP NOTIFY",
    Way.XML_ANSWER: "XML in the answer to the key",
    Way.OWN_GUESS: "the phone's own sign",
}
FAILED = {
    AfterFailure.RETURNS: "The talk goes on when a blind transfer fails: codes by transfer can be used.",
    AfterFailure.DROPS: "The call is lost when a blind transfer fails: do **not** use codes by transfer.",
    AfterFailure.DEPENDS: "Whether the talk goes on when a blind transfer fails depends on settings and PBX.",
    AfterFailure.UNKNOWN: "Whether the talk goes on when a blind transfer fails is not known: try it first.",
}


def page(family: Family) -> str:
    """The page of one family, in Markdown."""
    lines = [WARNING.format(id=family.id), "", f"# {family.name}", "", f"Models: {family.models}", ""]
    if begins := ", ".join(f"`{begin}`" for begin in family.user_agent.begins):
        mark, source = MARKS[family.user_agent.mark], family.user_agent.source
        lines += [f"Recognised by a User-Agent that begins with {begins} *({mark}: {source})*.", ""]
    lines += ["## Keys", ""]
    for key in family.keys:
        lines += _key(key, family.language)
    lines += ["## Lamp and screen", ""]
    for display in family.displays:
        lines += _display(display, family.language)
    transfer = family.transfer
    lines += ["## Codes by blind transfer", "", FAILED[transfer.after_failure], ""]
    lines += _rest(transfer.setup, transfer.note, transfer.mark, transfer.source, family.language)
    if family.caveats:
        lines += ["## Mind", ""]
        lines += [f"- {one.text} *({MARKS[one.mark]}: {one.source})*" for one in family.caveats] + [""]
    lines += _places("\n".join(lines))
    return "\n".join(lines).rstrip() + "\n"


def index(families: Mapping[str, Family]) -> str:
    """The list of all pages."""
    lines = [
        WARNING.format(id="*"),
        "",
        "# Phones",
        "",
        "What each family's keys send, and what shows the truth on it.",
    ]
    lines += ["", "| family | keys send | truthful displays | after a failed transfer |", "|---|---|---|---|"]
    for family in families.values():
        sends = ", ".join(dict.fromkeys(key.sends.value for key in family.keys))
        shows = ", ".join(display.way.value for display in family.displays if display.truthful)
        lines.append(
            f"| [{family.name}]({family.id}.md) | {sends} | {shows} | {family.transfer.after_failure.value} |"
        )
    return "\n".join(lines) + "\n"


def _key(key: PhoneKey, language: str) -> list[str]:
    lines = [f"### {key.name}", "", f"Sends {SIGNALS[key.sends]}."]
    if key.start:
        lines[-1] += f" Start: `{key.start}`" + (f", stop: `{key.stop}`." if key.stop else ".")
    return [*lines, "", *_rest(key.setup, key.note, key.mark, key.source, language)]


def _display(display: Display, language: str) -> list[str]:
    truth = "Shows what OnRecord knows" if display.truthful else "Shows what the phone believes, which may be wrong"
    lines = [f"### {display.name}", "", f"{truth}: {WAYS[display.way]}.", ""]
    return [*lines, *_rest(display.setup, display.note, display.mark, display.source, language)]


def _rest(setup: Iterable[str], note: str, mark: Mark, source: str, language: str) -> list[str]:
    lines = [f"```{language}", *setup, "```", ""] if setup else []
    lines += [note, ""] if note else []
    return [*lines, f"*{MARKS[mark].capitalize()}: {source}*", ""]


def _places(text: str) -> list[str]:
    used = [f"- `{{{place}}}`: {meaning}" for place, meaning in PLACES.items() if f"{{{place}}}" in text]
    return ["## Places to fill in", "", *used, ""] if used else []
