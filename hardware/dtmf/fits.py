"""Two steady tones fitted to every triple of blocks that may be a digit: how far off, how loud, how much is left."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hardware.dtmf.bank import AFTER, BEFORE, BLOCK, RATE, TONES, Bank, Indices

WINDOW = np.arange(-BEFORE, AFTER)
TRIPLE = slice(BEFORE, BEFORE + 3)
WHOLE = 0.68
"""A block filled so far counts as whole: less is an edge or a dropout, not noise."""
NOMINAL = 2 * np.pi / RATE * np.array(TONES)
HANN = np.hanning(3 * BLOCK + 2)[1:-1].astype(np.float32)
LINE_WIDTH_HZ = 117.0  # a Hann window of 30 ms keeps a tone within three and a half lines of 33 Hz
HUM_HZ = 60.0
Array = NDArray[np.float64]
Complexes = NDArray[np.complex128]


def _apart() -> NDArray[np.float32]:
    """(16, lines): per key, 1 for the lines of a triple's spectrum that are neither hum nor near its two tones."""
    lines = np.fft.rfftfreq(3 * BLOCK, 1 / RATE)
    near = np.abs(lines - np.array(TONES)[:, None]) < LINE_WIDTH_HZ
    kept = ~(near[:4, None] | near[None, 4:]) & (lines >= HUM_HZ)
    return np.asarray(kept.reshape(16, -1), np.float32)


APART = _apart()


@dataclass(frozen=True, slots=True)
class Fits:
    """One row per triple: what the two tones of `key` look like there. `block` is the triple's first block."""

    block: Indices
    stream: Indices
    key: Indices
    offset: Array
    """(rows, 2): percent off the nominal frequency, low tone and high tone."""
    power: Array
    """(rows, 2): mean square of each tone, in squared sample units."""
    unexplained: Array
    """Share of the energy that the two tones do not explain; noise can make it slightly negative."""
    coherence: Array
    """1 for tones that keep their frequency from block to block, lower for what wavers."""
    whole: NDArray[np.bool_]
    """(rows, 3): which blocks of the triple the tones fill, by and large. Only these count for all of the above."""
    evenness: Array
    """Weakest whole block over strongest, in amplitude, of the tone that keeps its amplitude worse."""

    def __len__(self) -> int:
        return len(self.block)

    def only(self, chosen: NDArray[np.bool_]) -> "Fits":
        return Fits(*(getattr(self, name)[chosen] for name in self.__slots__))


def fit(bank: Bank, slots: Indices, streams: Indices) -> Fits:
    """Fit triples that start at these slots; the bank must hold BEFORE blocks before and AFTER from there on."""
    summed = bank.power[:, slots[:, None] + np.arange(3), streams[:, None]].sum(axis=2)
    low, high = summed[:4].argmax(axis=0), summed[4:].argmax(axis=0) + 4
    pair = np.stack([low, high], axis=1)
    around = slots[:, None] + np.arange(3)
    seen = probed(bank, pair, around, streams)
    nominal = NOMINAL[pair]
    # Twice: the first offsets are a little wrong because each tone leaks into the other's probe.
    omega = nominal
    for _ in range(2):
        tones = separated(seen, nominal, omega)
        whole = filling(tones)
        omega, coherence = advance(tones * whole[:, None], nominal)
    tones = separated(seen, nominal, omega) * whole[:, None]
    energy = (bank.energy[around, streams[:, None]] * whole).sum(axis=1, dtype=np.float64)
    each = np.abs(tones)
    return Fits(
        block=slots + bank.first,
        stream=streams,
        key=4 * low + high - 4,
        offset=100 * (omega / nominal - 1),
        power=(each**2).sum(axis=2) / whole.sum(axis=1)[:, None] / 2,
        unexplained=1 - explained(tones, omega) / energy,
        coherence=coherence.min(axis=1),
        whole=whole,
        evenness=(np.where(whole[:, None], each, np.inf).min(axis=2) / each.max(axis=2)).min(axis=1),
    )


def filled(bank: Bank, fits: Fits) -> Array:
    """(rows, 9): amplitude in the blocks around each triple, the triple's strongest block being 1."""
    pair = np.stack([fits.key // 4, 4 + fits.key % 4], axis=1)
    around = (fits.block - bank.first)[:, None] + WINDOW
    nominal = NOMINAL[pair]
    tones = separated(probed(bank, pair, around, fits.stream), nominal, nominal * (1 + fits.offset / 100))
    amplitude = loudness(tones)
    return np.asarray(np.minimum(1.0, amplitude / amplitude[:, TRIPLE].max(axis=1)[:, None]))


def probed(bank: Bank, pair: Indices, slots: Indices, streams: Indices) -> Array:
    """(2, rows, 2, slots): what the cosines, then the sines, of each row's two probes saw in these slots."""
    probes = pair[:, :, None] + np.array([0, 8])[:, None, None, None]
    return np.asarray(bank.probed[probes, slots[:, None, :], streams[:, None, None]], np.float64)


def loudness(tones: Complexes) -> Array:
    """(rows, blocks): amplitude of both tones together."""
    return np.asarray(np.sqrt((np.abs(tones) ** 2).sum(axis=1)))


def filling(triple: Complexes) -> NDArray[np.bool_]:
    """Which blocks are nearly as loud as the loudest of the triple."""
    amplitude = loudness(triple)
    return np.asarray(amplitude > WHOLE * amplitude.max(axis=1)[:, None])


def products(left: Array, right: Array) -> Array:
    """(2, rows, 2, 2) inner products over one block: cosines with cosines, then sines with sines."""
    pairs = np.stack([left[:, :, None] - right[:, None, :], left[:, :, None] + right[:, None, :]])
    # Not 0, so that the quotient is finite, and right, where two tones are the same; 32 bits make sines cheap.
    half = (pairs / 2 + 1e-12).astype(np.float32)
    minus, plus = np.sin(BLOCK * half) / np.sin(half) / 2  # sums of cos(n * pair), n counted from the middle
    return np.stack([minus + plus, minus - plus])


def separated(seen: Array, probe: Array, omega: Array) -> Complexes:
    """(rows, 2, blocks) amplitudes of tones at `omega`, each freed from what the other puts into its probe.

    `seen`: (2, rows, 2, blocks), what the cosines and the sines of the two probes saw.
    """
    matrix = products(probe, omega)
    a, b, c, d = (matrix[:, :, i, j, None] for i in (0, 1) for j in (0, 1))
    low, high = seen[:, :, 0], seen[:, :, 1]
    # By hand: for 2 x 2 numpy's solver takes several times as long.
    real, imaginary = np.stack([d * low - b * high, a * high - c * low], axis=2) / (a * d - b * c)[:, :, None]
    return np.asarray(real + 1j * imaginary)


def advance(tones: Complexes, nominal: Array) -> tuple[Array, Array]:
    """Frequencies from how far the phase moves per block, and how well the steps agree; (rows, 2) each."""
    steps = tones[..., 1:] * tones[..., :-1].conj() * np.exp(-1j * BLOCK * nominal)[..., None]
    total, length = steps.sum(axis=2), np.abs(steps).sum(axis=2)
    return nominal + np.angle(total) / BLOCK, np.abs(total) / np.maximum(length, 1e-9)


def explained(tones: Complexes, omega: Array) -> Array:
    """Energy of the two fitted tones over the triple, their interference included."""
    parts = np.stack([tones.real, tones.imag])
    return np.asarray((parts * (products(omega, omega) @ parts)).sum(axis=(0, 2, 3)))


def third_lines(bank: Bank, fits: Fits) -> Array:
    """The strongest spectral line of each triple apart from its two tones, as a share of the triple's energy."""
    slots = (fits.block - bank.first)[:, None] + np.arange(3)
    heard = bank.samples[slots, fits.stream[:, None]].reshape(len(fits), 3 * BLOCK)
    spectrum = np.fft.rfft(heard * HANN, axis=1)
    lines = spectrum.real**2 + spectrum.imag**2
    strongest = (lines * APART[fits.key]).max(axis=1).astype(np.float64)
    # A sine of amplitude A shows as (A * 240 / 4) ** 2 behind a Hann window and has the energy A ** 2 / 2 * 240.
    energy = bank.energy[slots, fits.stream[:, None]].sum(axis=1, dtype=np.float64)
    return np.asarray(strongest * 8 / (3 * BLOCK) / energy)
