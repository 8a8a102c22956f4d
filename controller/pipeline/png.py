"""A picture of pixels as a PNG file (W3C PNG, RFC 2083), and letters of 5 by 7 dots to write on it."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""Shape (height, width, 3): red, green, blue."""
Colour = tuple[int, int, int]

GLYPH_WIDTH, GLYPH_HEIGHT = 5, 7

_GLYPHS = {
    letter: bytes.fromhex(rows)
    for letter, rows in {
        "0": "0e11131519110e", "1": "040c040404040e", "2": "0e11010204081f", "3": "1f02040201110e",
        "4": "02060a121f0202", "5": "1f101e0101110e", "6": "0608101e11110e", "7": "1f010204080808",
        "8": "0e11110e11110e", "9": "0e11110f01020c", ":": "000c0c000c0c00", ".": "00000000000c0c",
        "-": "0000001f000000", " ": "00000000000000", "A": "0e11111f111111", "B": "1e11111e11111e",
        "C": "0e11101010110e", "D": "1c12111111121c", "E": "1f10101e10101f", "F": "1f10101e101010",
        "G": "0e11101711110f", "H": "1111111f111111", "I": "0e04040404040e", "J": "0702020202120c",
        "K": "11121418141211", "L": "1010101010101f", "M": "111b1515111111", "N": "11111915131111",
        "O": "0e11111111110e", "P": "1e11111e101010", "Q": "0e11111115120d", "R": "1e11111e141211",
        "S": "0f10100e01011e", "T": "1f040404040404", "U": "1111111111110e", "V": "11111111110a04",
        "W": "1111111515150a", "X": "11110a040a1111", "Y": "1111110a040404", "Z": "1f01020408101f",
    }.items()
}  # fmt: skip
"""Seven rows each, the leftmost dot in bit 4."""


def encode(pixels: Pixels) -> bytes:
    """The PNG file: 8 bits per channel, no interlace, every row against the one above it."""
    height, width, _ = pixels.shape
    rows = pixels.reshape(height, width * 3)
    above = np.vstack([np.zeros((1, width * 3), np.uint8), rows[:-1]])
    filtered = np.empty((height, 1 + width * 3), np.uint8)
    filtered[:, 0] = 2  # filter "Up"
    filtered[:, 1:] = rows - above
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(filtered.tobytes(), 9)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def write_text(pixels: Pixels, x: int, y: int, text: str, colour: Colour) -> None:
    """Write capitals, digits and `:.-` with their upper left corner at (x, y); other letters are left blank."""
    for n, letter in enumerate(text.upper()):
        left = x + n * (GLYPH_WIDTH + 1)
        if left < 0 or left + GLYPH_WIDTH > pixels.shape[1]:
            continue
        dots = np.array([[row >> (4 - bit) & 1 for bit in range(5)] for row in _GLYPHS.get(letter, bytes(7))], bool)
        pixels[y : y + GLYPH_HEIGHT, left : left + GLYPH_WIDTH][dots] = colour


def text_width(text: str) -> int:
    return len(text) * (GLYPH_WIDTH + 1) - 1


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
