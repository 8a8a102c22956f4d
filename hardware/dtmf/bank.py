"""Eight pairs of probes over 10 ms blocks of many streams, and the cheap test that nearly all sound fails."""

import numpy as np
from numpy.typing import NDArray

RATE = 8000
BLOCK = 80
"""Samples in a block: 10 ms, so that a 40 ms digit always fills three, and a 20 ms packet always makes two."""
TONES = (697.0, 770.0, 852.0, 941.0, 1209.0, 1336.0, 1477.0, 1633.0)
KEYS = "123A456B789C*0#D"
"""Key of low tone i and high tone j: KEYS[4 * i + j]."""
BEFORE = 3
AFTER = 6
"""Blocks looked at before and after the first block of a triple: the triple itself and three on each side."""

HELD = 30
"""Blocks kept when room is made for new ones: as far back as a press that is judged can reach, and around it."""
PASS = 2048
"""Blocks handled in one go: few enough for the arrays to stay in a core's second-level cache."""
GATE_SHARE = 0.60
GATE_TWIST = 16.0

Samples = NDArray[np.int16]
Floats = NDArray[np.float32]
Indices = NDArray[np.intp]


def _probes() -> Floats:
    """(16, BLOCK): cosines, then negated sines, with the phase counted from the middle of the block.

    Counted so, cosine and sine of any two tones are orthogonal, which fits.py relies on.
    """
    n = np.arange(BLOCK) - (BLOCK - 1) / 2
    angle = 2 * np.pi / RATE * np.outer(TONES, n)
    return np.concatenate([np.cos(angle), -np.sin(angle)]).astype(np.float32)


PROBES = _probes()


class Bank:
    """The latest blocks of every stream, and what the probes say of them.

    All arrays run over slots, then streams, so that one product and one pass of simple arithmetic serve one long file
    and a thousand live calls alike. Slot i holds block `first + i`; silence is assumed before block 0.
    """

    def __init__(self, streams: int, longest: int) -> None:
        """`longest`: the most blocks that one push may bring."""
        slots = HELD + max(longest, 96)  # seldom need room be made
        self._pass = max(1, PASS // streams)
        self.samples = np.zeros((slots, streams, BLOCK), np.float32)
        self.energy = np.zeros((slots, streams), np.float32)
        self.probed = np.zeros((16, slots, streams), np.float32)
        self.power = np.zeros((8, slots, streams), np.float32)
        self.filled = BEFORE
        self.first = -BEFORE

    def push(self, blocks: Samples) -> None:
        """Take the next blocks, (streams, count, BLOCK)."""
        count = blocks.shape[1]
        if self.filled + count > len(self.samples):
            self._forget()
        for start in range(0, count, self._pass):
            self._probe(blocks[:, start : start + self._pass])

    def _probe(self, blocks: Samples) -> None:
        new = slice(self.filled, self.filled + blocks.shape[1])
        self.filled = new.stop
        samples = self.samples[new]
        np.copyto(samples, blocks.transpose(1, 0, 2))
        np.einsum("tsn,tsn->ts", samples, samples, out=self.energy[new])
        flat = self.probed[:, new].reshape(16, -1)  # a view: slots and streams lie side by side
        np.matmul(PROBES, samples.reshape(-1, BLOCK).T, out=flat)
        squares = flat * flat
        np.add(squares[:8], squares[8:], out=self.power[:, new].reshape(8, -1))

    def _forget(self) -> None:
        keep = min(HELD, self.filled)
        old = slice(self.filled - keep, self.filled)
        for held in (self.samples, self.energy):
            held[:keep] = held[old]
        for held in (self.probed, self.power):
            held[:, :keep] = held[:, old]
        self.first += self.filled - keep
        self.filled = keep

    def sound(self, start: int, stop: int, stream: int) -> Floats | None:
        """The samples of one stream in blocks [start, stop); silence before block 0. None if not all are held."""
        first, last = start - self.first, stop - self.first
        unborn = max(0, -first) if self.first == -BEFORE else 0
        if first + unborn < 0 or last > self.filled:
            return None
        return np.pad(self.samples[first + unborn : last, stream].reshape(-1), (unborn * BLOCK, 0))

    def candidates(self, start: int, stop: int, floor: float) -> tuple[Indices, Indices]:
        """Slots in [start, stop) whose triple of blocks may be a digit, and their streams, in order of time.

        `floor` is the least energy of one block. The test is loose: it may not lose a digit that is 2.4 % off,
        twisted and noisy; of speech and music it lets through one triple in 400 to 3,000.
        """
        found = [self._likely(at, min(at + self._pass, stop), floor) for at in range(start, stop, self._pass)]
        slots, streams = (np.concatenate(part) for part in zip(*found, strict=True))
        return slots, streams

    def _likely(self, start: int, stop: int, floor: float) -> tuple[Indices, Indices]:
        power, energy = self.power, self.energy
        summed = power[:, start:stop] + power[:, start + 1 : stop + 1]
        summed += power[:, start + 2 : stop + 2]
        total = energy[start:stop] + energy[start + 1 : stop + 1]
        total += energy[start + 2 : stop + 2]
        low, high = summed[:4].max(axis=0), summed[4:].max(axis=0)
        likely = (low + high) > np.float32(GATE_SHARE * BLOCK / 2) * total
        likely &= total > np.float32(2 * floor)
        slots, streams = np.nonzero(likely)
        left, right = low[slots, streams], high[slots, streams]
        even = (left < GATE_TWIST * right) & (right < GATE_TWIST * left)
        return slots[even] + start, streams[even]
