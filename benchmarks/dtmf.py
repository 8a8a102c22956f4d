"""Our DTMF detector beside libspandsp and multimon-ng: speed, limits and talk-off, in one run, on one core.

    python -m benchmarks.dtmf                     everything; makes the talk-off material first (3 min), then 5 min
    python -m benchmarks.dtmf speed limits        parts of it
    python -m benchmarks.dtmf talkoff --take 3    other words, pitches, melodies and speeds

Needs `apt-get install libspandsp2 multimon-ng` and what benchmarks/dtmf_material.py names.
"""

import argparse
import collections
import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from benchmarks.dtmf_material import pieces
from benchmarks.dtmf_rivals import Heard, Multimon, Samples, Spandsp, common
from hardware.dtmf import g711
from hardware.dtmf.tones import Detector, digits
from tests.hardware.dtmf.signals import RATE, Sent, random_keys, row

MATERIAL = Path(".lab/dtmf")
REPORT = Path("build/dtmf.json")
TICK = 160
TICK_S = TICK / RATE
LIVE = 1000
Table = list[dict[str, object]]

SPANDSP, MULTIMON = Spandsp(), Multimon()


def ours(samples: Samples) -> list[Heard]:
    return [Heard(digit.start, digit.key) for digit in digits(samples)]


def race(works: dict[str, Callable[[], object]], rounds: int = 6) -> dict[str, float]:
    """The shortest time of each, in seconds. They take turns, so that what else the machine does hits all alike."""
    best = dict.fromkeys(works, float("inf"))
    for _ in range(rounds):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            best[name] = min(best[name], time.perf_counter() - start)
    return best


# ---- speed -------------------------------------------------------------------------------------------------------


def speed() -> Table:
    speech = np.concatenate([piece.samples for piece in pieces(MATERIAL, "prompts/")])[: 3600 * RATE]
    mixed = speech.copy()
    keys = random_keys(len(speech) // (10 * RATE), 1)
    for at, key in enumerate(keys):
        tones, _ = row(key, Sent(length=0.1), at)
        mixed[at * 10 * RATE : at * 10 * RATE + len(tones)] = tones
    nothing_else, _ = row(random_keys(6000, 2), Sent(), 3)
    everything = [piece.samples for piece in pieces(MATERIAL)]
    return [
        file_speed("an hour of speech", [speech]),
        file_speed("speech, a digit every 10 s", [mixed]),
        file_speed("digits of 50 ms without end", [nothing_else]),
        file_speed("all talk-off material, file by file", everything),
        live_speed(speech),
    ]


def file_speed(what: str, files: list[Samples]) -> dict[str, object]:
    """Times real time. spandsp is called with half a second at once, so that ctypes costs it nothing."""
    few = files if len(files) < 3 else files[::8]
    fewer = [MULTIMON.resampled(file) for file in few[:4]]
    best = race(
        {
            "ours": lambda: [digits(file) for file in files],
            "spandsp": lambda: [SPANDSP.digits(file, 4000) for file in few],
            "multimon": lambda: [MULTIMON.keys_at_its_rate(file) for file in fewer],
        }
    )
    lengths = {"ours": files, "spandsp": few, "multimon": few[:4]}
    speeds = {name: sum(map(len, lengths[name])) / RATE / took for name, took in best.items()}
    return {"what": what, **speeds, "ratio": speeds["ours"] / speeds["spandsp"]}


def live_speed(speech: Samples) -> dict[str, object]:
    """Streams that one core serves with a packet of 20 ms each, every 20 ms."""
    rng = np.random.default_rng(4)
    ticks = np.empty((100, LIVE, TICK), np.int16)
    for stream, at in enumerate(rng.integers(0, len(speech) - 100 * TICK, LIVE)):
        ticks[:, stream] = speech[at : at + 100 * TICK].reshape(100, TICK)
    coded = g711.encode(ticks, g711.Law.A)
    detector = Detector(LIVE)
    states = [SPANDSP.library.dtmf_rx_init(None, None, None) for _ in range(LIVE)]

    def run_spandsp() -> None:
        for tick in ticks:
            address = tick.ctypes.data
            for stream, state in enumerate(states):
                SPANDSP.library.dtmf_rx(state, address + 2 * TICK * stream, TICK)
                SPANDSP.drain(state)

    best = race(
        {
            "ours": lambda: [detector.feed(tick) for tick in ticks],
            "ours from A-law": lambda: [detector.feed(g711.decode(tick, g711.Law.A)) for tick in coded],
            "spandsp by ctypes": run_spandsp,
        }
    )
    speeds = {name: LIVE * len(ticks) * TICK_S / took for name, took in best.items()}
    what = f"live streams per core, {LIVE} at once"
    return {"what": what, **speeds, "ratio": speeds["ours"] / speeds["spandsp by ctypes"]}


# ---- limits ------------------------------------------------------------------------------------------------------


def limits() -> Table:
    return [compared(what, sent, count) for what, sent, count in cases()]


def cases() -> Iterable[tuple[str, Sent, int]]:
    for percent in (0.0, 1.0, 1.5, 1.8, 2.0, 2.2, 2.4, 2.6, 3.0, 3.5, 4.0, 5.0, 6.0):
        yield f"both tones {percent} % off, 40 ms", Sent(0.040, offset=percent / 100), 1600
    for percent in (1.5, 1.8, 2.4, 3.0, 3.5):
        yield f"one tone {percent} % off, 40 ms", Sent(0.040, offset=percent / 100, one_tone=True), 1600
    for length in (0.050, 0.040):
        for snr in (12, 10, 8, 6, 5, 4, 3):
            yield f"white noise, SNR {snr} dB, {1000 * length:.0f} ms", Sent(length, snr_db=snr), 4000
    for ms in (10, 20, 23, 26, 28, 30, 32, 34, 36, 40, 50):
        yield f"length {ms} ms", Sent(ms / 1000), 1600
    for ms in (50, 60, 70, 80, 100, 200):
        yield f"dropout of 10 ms in {ms} ms", Sent(ms / 1000, hole=0.010), 1600
    for snr in (20, 15, 10):
        yield f"dropout of 10 ms in 100 ms, SNR {snr} dB", Sent(0.100, hole=0.010, snr_db=snr), 1600
    for ms in (15, 20, 25, 30, 40):
        yield f"pause {ms} ms, one key", Sent(0.060, pause=ms / 1000), -1600
    for twist in (-12, -10, -9.5, -9, -8.5, -8, -6, 0, 3, 4, 4.5, 5, 5.5, 6, 8):
        yield f"twist {twist:+} dB", Sent(0.040, twist_db=(twist, twist)), 800
    for level in (0, -25, -36, -41, -42, -43, -45, -55):
        yield f"{level} dBm0 per tone", Sent(level_dbm0=level), 800
    for snr in (20, 10, 6):
        everything = Sent(0.040, 0.040, offset=0.015, twist_db=(-8, 4), snr_db=snr)
        yield f"40/40 ms, 1.5 % off, any twist, SNR {snr} dB", everything, 1600


def compared(what: str, sent: Sent, count: int) -> dict[str, object]:
    """Share of the digits heard rightly and once; for ours and spandsp also of those heard twice or wrongly.

    multimon tells no times, so that its share is what came through in order, doubled or not.
    """
    keys = random_keys(count, 5) if count > 0 else "5" * -count
    samples, starts = row(keys, sent, 6)
    line: dict[str, object] = {"what": what, "digits": len(keys)}
    for name, heard in (("ours", ours(samples)), ("spandsp", SPANDSP.digits(samples))):
        line[name], line[f"{name}_twice"], line[f"{name}_wrong"] = score(keys, starts, heard)
    theirs = MULTIMON.keys(samples)
    line["multimon"], line["multimon_count"] = common(keys, theirs) / len(keys), len(theirs) / len(keys)
    return line


def score(keys: str, starts: list[float], heard: list[Heard]) -> tuple[float, float, float]:
    counts: collections.Counter[str] = collections.Counter()
    times = np.array([digit.at for digit in heard])
    first = np.searchsorted(times, np.array(starts) - 0.015)
    last = np.append(first[1:], len(times))
    for key, start, stop in zip(keys, first, last, strict=True):
        found = [digit.key for digit in heard[start:stop]]
        counts[
            "right" if found == [key] else "none" if not found else "twice" if set(found) == {key} else "wrong"
        ] += 1
    return counts["right"] / len(keys), counts["twice"] / len(keys), counts["wrong"] / len(keys)


def lines_and_cuts() -> Table:
    """The same digits and near-digits through both laws, and at all 80 places within a block."""
    table: Table = []
    sents = (Sent(0.040, offset=0.018), Sent(0.040, snr_db=8), Sent(0.023), Sent(offset=0.03), Sent(level_dbm0=-40))
    for sent in sents:
        samples, _ = row(random_keys(400, 7), sent, 8)
        expected = [digit.key for digit in ours(samples)]
        changed = 0
        for law in g711.Law:
            through = g711.decode(g711.encode(samples, law), law)
            changed += [digit.key for digit in ours(through)] != expected
        for shift in range(1, 80):
            shifted = np.concatenate([np.zeros(shift, np.int16), samples])
            changed += [digit.key for digit in ours(shifted)] != expected
        what = ", ".join(
            f"{name} {getattr(sent, name)}" for name in sent.__slots__ if getattr(sent, name) != getattr(Sent(), name)
        )
        table.append({"what": what, "heard": len(expected), "of": 400, "verdicts changed": changed, "in": 81})
    return table


# ---- talk-off ----------------------------------------------------------------------------------------------------


def talkoff(take: int) -> Table:
    """False digits per kind of material, all three detectors on the same samples."""
    totals: dict[str, dict[str, object]] = {}
    for piece in pieces(MATERIAL, take=take):
        kind = piece.name if piece.name == "noise/bands" else piece.kind
        line = totals.setdefault(kind, {"what": kind, "hours": 0.0, "ours": 0, "spandsp": 0, "multimon": 0})
        found = ours(piece.samples)
        for digit in found:
            print(f"    ours: {piece.name} {digit.at:.2f} s {digit.key}")
        add(line, hours=piece.seconds / 3600, ours=len(found))
        add(line, spandsp=len(SPANDSP.digits(piece.samples)), multimon=len(MULTIMON.keys(piece.samples)))
    whole: dict[str, object] = {"what": "all"}
    for line in totals.values():
        add(whole, **{name: value for name, value in line.items() if name != "what"})
    return [*totals.values(), whole]


def add(line: dict[str, object], **values: object) -> None:
    for name, value in values.items():
        line[name] = line.get(name, 0) + value  # type: ignore[operator]


# ---- report ------------------------------------------------------------------------------------------------------


def shown(title: str, table: Table) -> None:
    print(f"\n{title}")
    for line in table:
        cells = [f"{name} {number(value)}" for name, value in line.items() if name != "what"]
        print(f"  {line['what']!s:42} " + "  ".join(cells), flush=True)


def number(value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def main() -> None:
    parts = {"speed": speed, "limits": limits, "cuts": lines_and_cuts}
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("parts", nargs="*", choices=[*parts, "talkoff", []], help="all, if none is named")
    reader.add_argument("--take", type=int, default=[0], nargs="*", help="which takes of the talk-off material")
    asked = reader.parse_args()
    report: dict[str, Table] = {}
    for part, measure in parts.items():
        if not asked.parts or part in asked.parts:
            report[part] = measure()
            shown(part, report[part])
    for take in asked.take if not asked.parts or "talkoff" in asked.parts else []:
        report[f"talkoff {take}"] = talkoff(take)
        shown(f"talkoff, take {take}", report[f"talkoff {take}"])
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=1))


def on_one_core() -> None:
    """Start over with BLAS held to one thread, which it must be told before numpy is loaded."""
    limits = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    if any(os.environ.get(name) != value for name, value in limits.items()):
        again = [sys.executable, "-m", "benchmarks.dtmf", *sys.argv[1:]]
        os.execve(sys.executable, again, {**os.environ, **limits})  # noqa: S606 - ourselves


if __name__ == "__main__":
    on_one_core()
    main()
