"""The limits that a pair of tones must keep to be called a digit: ITU-T Q.24, with what we measured."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rules:
    """Each limit lies between what Q.24 says must be accepted and what must be refused; docs/dtmf.md has the reasons.

    `unexplained` is the share of the energy, 0 to 1, that two steady tones do not explain. Noise makes every measure
    blurred, and speech that looks like a digit always leaves a good share over, so some limits move with it.
    """

    level_dbm0: float = -42.0
    """Each tone must be at least this strong (a sine that fills A-law is +3.14 dBm0, G.711)."""
    offset_percent: float = 2.4
    """How far each tone may lie from its nominal frequency: accept 1.8, refuse 3.0."""
    offset_per_unexplained: float = 1.5
    """Taken off that limit per unit of unexplained energy: a phone far off in pitch is not noisy as well."""
    drift_percent: float = 1.3
    """How far the measured offset may wander during one digit. Voices glide; crystals do not."""
    twist_db: tuple[float, float] = (-9.0, 5.0)
    """High group over low group: accept -8 to +4, and half a decibel more each way."""
    unexplained: float = 0.32
    """The most that may be left over, averaged over the digit. White noise at 5 dB leaves 0.24."""
    clean: float = 0.12
    """Below this share a third tone does not matter: mains hum, or a rest of dial tone."""
    third: float = 0.17
    """Above it the third line may hold this share of what is unexplained: noise is flat, a voice has harmonics."""
    coherence: float = 0.98
    coherence_per_unexplained: float = 0.40
    """Taken off: noise makes the phase waver from block to block; narrow bands of noise waver and yet look clean."""
    evenness: float = 0.80
    evenness_per_unexplained: float = 1.80
    """Taken off: how much the weaker block of the worse tone may fall behind the stronger."""
    edge: float = 0.22
    edge_per_unexplained: float = 0.30
    """Added: how much may sound one block beyond either end. A key switches, a voice swells."""
    pure: float = 0.08
    pure_evenness: float = 0.90
    pure_drift_percent: float = 0.65
    """A digit as pure, even and still as this needs no such edge: what sounds beyond it may be more of it."""
    length_s: float = 0.0315
    """Shortest digit: accept 40 ms, refuse 23 ms."""
    dropout_s: float = 0.010
    """Longest dropout that Q.24 wants bridged."""
    pause_s: float = 0.020
    """Shortest pause between two digits of one key: between a dropout and the pause of 30 ms that must be one."""


Q24 = Rules()
