"""Whether a sound file is all there: decoders play what there is of half a file and say nothing."""

from __future__ import annotations

import struct

UNKNOWN = 0xFFFFFF00
"""Who writes a RIFF file into a pipe cannot know its size, and writes this or more, or 0."""
LAST_PAGE = 4
"""The flag of the last page of an Ogg stream (RFC 3533, section 6)."""


def missing(data: bytes, promised: int, read: int) -> str:
    """How much is missing of a file, in words; "" if nothing, or nobody can know. `promised`: the frames that its
    header tells, `read`: those that were in it."""
    if data[:4] == b"RIFF" and len(data) >= 8:
        size = struct.unpack("<I", data[4:8])[0]
        if 0 < size < UNKNOWN and size + 8 > len(data) + 1:  # some forget the padding byte of the last chunk
            return f"{len(data)} of {size + 8} bytes are there"
    if data[:4] == b"OggS" and not _ends(data):
        return "its last page is missing"
    if read < promised * 0.98:
        return f"{read} of {promised} samples are there"
    return ""


def _ends(data: bytes) -> bool:
    at = data.rfind(b"OggS")
    if len(data) < at + 27:
        return False
    segments = data[at + 26]
    sizes = data[at + 27 : at + 27 + segments]
    whole = len(sizes) == segments and len(data) >= at + 27 + segments + sum(sizes)
    return whole and bool(data[at + 5] & LAST_PAGE)
