"""Talk-off material for the DTMF benchmark: speech, music and noise at 8 kHz, none of it holding a digit.

The recipe is here, the material is not: `pieces()` makes it from what Debian installs and from seeded numpy, and
keeps it under .lab/dtmf. What is not installed is left out, never replaced: the hours in the report tell.

    apt-get install asterisk-core-sounds-{en,es,fr,it,ru}-wav asterisk-moh-opsound-wav klettres-data \
        wesnoth-1.16-music espeak-ng flite festival festvox-{kallpc16k,kdlpc16k,us-slt-hts,italp16k,itapc16k} \
        festvox-{ru,czech-ph,czech-dita,ca-ona-hts,suopuhe-lj,suopuhe-mv}
"""

import subprocess
import tempfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

RATE = 8000
FULL_SCALE_DBM0 = 3.14  # a sine that just fills A-law; G.711
SPEECH_LEVELS_DBM0 = (-24.0, -12.0)
Samples = NDArray[np.int16]
Wave = NDArray[np.float64]

ENGLISH = """the a this your our every caller customer agent invoice order account number address payment delivery
contract ticket network printer router line office doctor appointment flight hotel window yes no please thank you
hello sorry one moment could would should can will has called paid sent moved cancelled confirmed repeated opened
closed waited and but because when before after about with without for from today tomorrow yesterday Monday Friday
again never always maybe really quite seven eleven forty hundred thousand"""
CONSONANTS = (*"bdfgklmnprstvz", "br", "dr", "kr", "tr", "st", "pl")
VOWELS = (*"aeiou", "ai", "ei", "au", "ia")
CYRILLIC = str.maketrans("abdefgiklmnoprstuvz", "абдефгиклмнопрстувз")

FLITE = ("kal", "awb", "kal16", "rms", "slt")
FESTIVAL = (
    "kal_diphone", "ked_diphone", "cmu_us_slt_arctic_hts", "lp_diphone", "pc_diphone", "msu_ru_nsh_clunits",
    "czech_ph", "czech_dita", "upc_ca_ona_hts", "suo_fi_lj_diphone", "hy_fi_mv_diphone",
)  # fmt: skip
ESPEAK_LANGUAGES = (
    "en-us", "en-gb", "de", "fr-fr", "es", "it", "pt-br", "nl", "pl", "cs", "sv", "da", "fi", "hu", "tr", "ro",
    "el", "ru", "uk", "ar", "hi", "cmn", "ja", "ko", "vi", "id", "sw", "ka",
)  # fmt: skip
ESPEAK_VARIANTS = (
    "f1", "f2", "f3", "f4", "f5", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "croak", "whisper", "klatt4",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Piece:
    """One file of talk-off material: int16 at 8 kHz, not mixed with any digit."""

    name: str
    kind: str
    samples: Samples

    @property
    def seconds(self) -> float:
        return len(self.samples) / RATE


def pieces(cache: Path, wanted: str = "", take: int = 0) -> Iterator[Piece]:
    """Every piece whose name holds `wanted`; makes the missing ones, and prints what could not be made.

    Another take has other words, pitches, melodies and levels, and plays real recordings faster or slower: material
    on which no limit was chosen.
    """
    cache = cache / str(take)
    cache.mkdir(parents=True, exist_ok=True)
    for name, make in recipes(take).items():
        if wanted not in name:
            continue
        kept = cache / f"{name.replace('/', '+')}.wav"
        if not kept.exists():
            try:
                made = make(np.random.default_rng(zlib.crc32(f"{name}{take or ''}".encode())))
            except (OSError, subprocess.CalledProcessError, ValueError) as why:
                print(f"left out: {name}: {why}")
                continue
            soundfile.write(kept.with_suffix(".part"), made, RATE, format="WAV", subtype="PCM_16")
            kept.with_suffix(".part").rename(kept)
        samples, _ = soundfile.read(kept, dtype="int16")
        yield Piece(name, name.split("/")[0], samples)


def recipes(take: int) -> dict[str, Callable[[np.random.Generator], Samples]]:
    """Name -> how to make it; the generator passed in is seeded by the name alone."""
    table: dict[str, Callable[[np.random.Generator], Samples]] = {}
    for folder in folders("/usr/share/asterisk/sounds", "*_*_*"):
        table[f"prompts/{folder.name}"] = partial(joined, sorted(folder.rglob("*.wav")), take)
    for folder in folders("/usr/share/klettres", "*"):
        if files := sorted(folder.rglob("*.ogg")):
            table[f"letters/{folder.name}"] = partial(joined, files, take)
    for voice in FLITE:
        for part in range(2):
            table[f"flite/{voice}-{part}"] = partial(flite, voice)
    for voice in FESTIVAL:
        table[f"festival/{voice}"] = partial(festival, voice)
    for index, language in enumerate(ESPEAK_LANGUAGES):
        for turn in range(3):
            voice = f"{language}+{ESPEAK_VARIANTS[(index * 3 + turn) % len(ESPEAK_VARIANTS)]}"
            table[f"espeak/{voice}"] = partial(espeak, voice)
    for home in ("/usr/share/asterisk/moh", "/usr/share/games/wesnoth/1.16/data/core/music"):
        for file in sorted(Path(home).glob("*.[wo][ag][vg]")):
            table[f"music/{file.stem}"] = partial(joined, [file], take)
    for style in NOTES:
        table[f"synth/{style}"] = partial(generated_music, style)
    for kind in NOISES:
        table[f"noise/{kind}"] = partial(noise, kind)
    return table


def folders(home: str, pattern: str) -> list[Path]:
    return sorted(path for path in Path(home).glob(pattern) if path.is_dir() and not path.is_symlink())


# ---- speech ------------------------------------------------------------------------------------------------------


def joined(files: list[Path], take: int, rng: np.random.Generator) -> Samples:
    """The files one after another at 8 kHz, each at a telephone level of its own, 0.2 s apart."""
    if not files:
        raise ValueError("no files")
    parts: list[Wave] = []
    for file in files:
        wave, rate = soundfile.read(file, dtype="float64", always_2d=True)
        if len(wave) > rate // 10:
            speed = rng.uniform(0.88, 1.14) if take else 1.0
            parts += [levelled(soxr.resample(wave.mean(axis=1), rate * speed, RATE), rng), np.zeros(RATE // 5)]
    return quantised(np.concatenate(parts))


def sentences(rng: np.random.Generator, count: int, english: bool, cyrillic: bool = False) -> str:
    """Made-up sentences: English call-centre words, or syllables and numbers that any language's voice can say."""
    lines = []
    for _ in range(count):
        words = [str(rng.choice(ENGLISH.split())) if english else invented(rng) for _ in range(rng.integers(5, 14))]
        words.insert(int(rng.integers(len(words))), str(rng.integers(10 ** rng.integers(1, 7))))
        lines.append(" ".join(words) + str(rng.choice([".", "?", "!"])))
    text = "\n".join(lines)
    return text.translate(CYRILLIC) if cyrillic else text


def invented(rng: np.random.Generator) -> str:
    return "".join(str(rng.choice(CONSONANTS)) + str(rng.choice(VOWELS)) for _ in range(rng.integers(1, 5)))


def spoken(command: list[str], text: str, encoding: str, rng: np.random.Generator) -> Samples:
    """Run a synthesiser that reads `{text}` and writes `{wav}`."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "text"), Path(folder, "out.wav")
        source.write_text(text, encoding=encoding, errors="ignore")
        filled = [part.format(text=source, wav=target) for part in command]
        subprocess.run(filled, check=True, capture_output=True, timeout=900)  # noqa: S603 - our own words
        wave, rate = soundfile.read(target, dtype="float64")
    return quantised(levelled(soxr.resample(wave, rate, RATE), rng))


def flite(voice: str, rng: np.random.Generator) -> Samples:
    command = ["flite", "-voice", voice, "-f", "{text}", "-o", "{wav}"]
    return spoken(command, sentences(rng, 110, english=True), "ascii", rng)


def festival(voice: str, rng: np.random.Generator) -> Samples:
    english = voice.startswith(("k", "cmu"))
    text = sentences(rng, 90, english, cyrillic="_ru_" in voice)
    encoding = "utf-8" if "_ru_" in voice else "iso-8859-1"
    return spoken(["text2wave", "-eval", f"(voice_{voice})", "{text}", "-o", "{wav}"], text, encoding, rng)


def espeak(voice: str, rng: np.random.Generator) -> Samples:
    pitch, speed = str(rng.integers(20, 90)), str(rng.integers(120, 210))
    text = sentences(rng, 45, english=voice.startswith("en"))
    return spoken(
        ["espeak-ng", "-v", voice, "-p", pitch, "-s", speed, "-f", "{text}", "-w", "{wav}"], text, "utf-8", rng
    )


# ---- music -------------------------------------------------------------------------------------------------------

SCALE = (0, 2, 4, 5, 7, 9, 11, 12)


def generated_music(style: str, rng: np.random.Generator, seconds: int = 600) -> Samples:
    """Random melodies over chords; every note has the overtones of its instrument, as every real one has."""
    track = np.zeros(seconds * RATE + 4 * RATE)
    at = 0.0
    while at < seconds:
        beat = float(rng.choice([0.15, 0.3, 0.6]))
        voices = 1 if style == "flute" else int(rng.integers(2, 5))
        for _ in range(voices):
            pitch = 196.0 * 2 ** ((rng.choice(SCALE) + 12 * rng.integers(0, 3)) / 12)
            note = NOTES[style](pitch * (1 + rng.normal(0, 0.001)), 3 * beat, rng)
            start = int(at * RATE)
            track[start : start + len(note)] += note
        if style == "band":
            drum = rng.normal(0, 1, RATE // 10) * np.exp(-np.arange(RATE // 10) / 120)
            track[int(at * RATE) : int(at * RATE) + len(drum)] += drum
        at += beat
    return quantised(levelled(track, rng))


def plucked(pitch: float, seconds: float, rng: np.random.Generator) -> Wave:
    """Karplus-Strong: a burst of noise round a damped delay line."""
    period = max(2, round(RATE / pitch))
    turns = int(seconds * RATE / period) + 1
    line, out = rng.uniform(-1, 1, period), []
    for _ in range(turns):
        out.append(line)
        line = 0.996 * 0.5 * (line + np.roll(line, 1))
    return np.concatenate(out)


def additive(levels: tuple[float, ...], vibrato: float) -> Callable[[float, float, np.random.Generator], Wave]:
    def note(pitch: float, seconds: float, rng: np.random.Generator) -> Wave:
        t = np.arange(int(seconds * RATE)) / RATE
        phase = 2 * np.pi * pitch * t + vibrato * np.sin(2 * np.pi * 5.5 * t + rng.uniform(0, 6))
        wave = sum(
            level * np.sin((i + 1) * phase + rng.uniform(0, 6))
            for i, level in enumerate(levels)
            if (i + 1) * pitch < RATE / 2
        )
        return np.asarray(wave * np.minimum(1, t / 0.02) * np.exp(-t / seconds))

    return note


def bell(pitch: float, seconds: float, rng: np.random.Generator) -> Wave:
    """Frequency modulation with an odd ratio: inharmonic partials."""
    t = np.arange(int(seconds * RATE)) / RATE
    depth = rng.uniform(1, 4) * np.exp(-4 * t / seconds)
    return np.asarray(
        np.sin(2 * np.pi * pitch * t + depth * np.sin(2 * np.pi * 1.414 * pitch * t)) * np.exp(-3 * t / seconds)
    )


NOTES: dict[str, Callable[[float, float, np.random.Generator], Wave]] = {
    "strings": plucked,
    "organ": additive((1.0, 0.7, 0.5, 0.4, 0.2, 0.2), 0.0),
    "bells": bell,
    "flute": additive((1.0, 0.45, 0.2, 0.08), 2.0),
    "band": plucked,
}


# ---- noise -------------------------------------------------------------------------------------------------------


def noise(kind: str, rng: np.random.Generator, seconds: int = 600) -> Samples:
    count = seconds * RATE
    if kind in COLOURS:
        spectrum = np.fft.rfft(rng.normal(0, 1, count))
        return quantised(
            levelled(np.fft.irfft(spectrum / COLOURS[kind](np.fft.rfftfreq(count, 1 / RATE)), count), rng)
        )
    t = np.arange(count) / RATE
    if kind == "hum":
        wave = sum(rng.uniform(0, 1) / h * np.sin(2 * np.pi * 50 * h * t + rng.uniform(0, 6)) for h in range(1, 40))
    elif kind == "clicks":
        wave = np.where(rng.random(count) < 0.002, rng.normal(0, 1, count), 0.0)
    elif kind == "bands":
        wave = np.concatenate([narrow_noise(rng) for _ in range(seconds)])
    elif kind == "babble":
        voice = joined_voices(rng, count)
        wave = np.sum([np.roll(voice, rng.integers(count)) for _ in range(4)], axis=0)
    else:
        wave = np.concatenate([progress_tone(rng) for _ in range(seconds)])
    return quantised(levelled(np.asarray(wave), rng))


NOISES = ("white", "pink", "brown", "hum", "clicks", "bands", "babble", "progress")
COLOURS: dict[str, Callable[[Wave], Wave]] = {
    "white": lambda f: np.ones_like(f),
    "pink": lambda f: np.sqrt(np.maximum(f, 20)),
    "brown": lambda f: np.maximum(f, 20),
}


def joined_voices(rng: np.random.Generator, count: int) -> Wave:
    voice = espeak("en-gb", rng).astype(float)
    return np.resize(voice, count)


def narrow_noise(rng: np.random.Generator) -> Wave:
    """One second of two bands of noise, 30 to 300 Hz wide, lying where the two tone groups are."""
    spectrum, f = np.fft.rfft(rng.normal(0, 1, RATE)), np.fft.rfftfreq(RATE, 1 / RATE)
    mask = np.zeros_like(f)
    for low, high in ((650, 990), (1150, 1700)):
        centre, width = rng.uniform(low, high), rng.uniform(30, 300)
        mask += np.abs(f - centre) < width / 2
    return np.asarray(np.fft.irfft(spectrum * np.minimum(mask, 1), RATE))


# Dial, busy, ringing, SIT, R1 and R2 pairs, fax: none lies within 3.5 % of a DTMF pair.
PROGRESS = (
    (350, 440), (480, 620), (440, 480), (425,), (950,), (1400,), (1800,), (1100,), (2100,), (1000,), (900, 1100),
    (1100, 1300), (1300, 1500), (900, 1300), (1100, 1500), (1500, 1700), (1380, 1500), (1140, 1020), (540, 660),
    (780, 900), (660, 1140), (1980, 1860), (2600,), (1070, 1270), (2025, 2225),
)  # fmt: skip


def progress_tone(rng: np.random.Generator) -> Wave:
    t = np.arange(RATE) / RATE
    pair = PROGRESS[rng.integers(len(PROGRESS))]
    on = (t % rng.uniform(0.08, 0.9)) < rng.uniform(0.04, 0.6)
    return np.asarray(sum(np.sin(2 * np.pi * f * t + rng.uniform(0, 6)) for f in pair) * on)


# ---- levels ------------------------------------------------------------------------------------------------------


def levelled(wave: Wave, rng: np.random.Generator) -> Wave:
    """Scale so that the louder half of the 20 ms frames averages a random telephone level."""
    frames = wave[: len(wave) // 160 * 160].reshape(-1, 160)
    power = np.sort((frames**2).mean(axis=1))[len(frames) // 2 :]
    active = np.sqrt(power.mean()) if len(power) else 0.0
    if active <= 0:
        raise ValueError("silent")
    level = rng.uniform(*SPEECH_LEVELS_DBM0)
    return np.asarray(wave * (32768 / np.sqrt(2) * 10 ** ((level - FULL_SCALE_DBM0) / 20) / active))


def quantised(wave: Wave) -> Samples:
    return np.clip(np.rint(wave), -32768, 32767).astype(np.int16)
