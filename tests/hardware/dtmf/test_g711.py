"""The tables of A-law and mu-law, against libsndfile and against themselves."""

import io

import numpy as np
import pytest
import soundfile

from hardware.dtmf import g711
from hardware.dtmf.g711 import Law

ALL = bytes(range(256))
SUBTYPES = {Law.A: "ALAW", Law.MU: "ULAW"}


@pytest.mark.parametrize("law", Law)
def test_every_code_means_what_libsndfile_says(law: Law) -> None:
    form = {"format": "RAW", "subtype": SUBTYPES[law], "channels": 1, "samplerate": 8000}
    theirs, _ = soundfile.read(io.BytesIO(ALL), dtype="int16", **form)
    assert g711.decode(ALL, law).tolist() == theirs.tolist()


@pytest.mark.parametrize("law", Law)
def test_what_was_decoded_is_encoded_to_the_same_sound(law: Law) -> None:
    levels = g711.decode(ALL, law)
    assert g711.decode(g711.encode(levels, law), law).tolist() == levels.tolist()


@pytest.mark.parametrize("law", Law)
def test_every_sample_gets_the_nearest_level(law: Law) -> None:
    samples = np.arange(-32768, 32768).astype(np.int16)
    off = np.abs(g711.decode(g711.encode(samples, law), law).astype(int) - samples)
    levels = np.sort(g711.decode(ALL, law).astype(int))
    nearest = np.array([np.abs(levels - int(sample)).min() for sample in samples[::97]])
    assert off[::97].tolist() == nearest.tolist()


def test_silence_and_full_scale_have_the_codes_of_the_standard() -> None:
    assert g711.decode(b"\xff\x00\x80", Law.MU).tolist() == [0, -32124, 32124]
    assert g711.decode(b"\xd5\x55\xaa\x2a", Law.A).tolist() == [8, -8, 32256, -32256]


def test_arrays_keep_their_shape() -> None:
    packets = np.zeros((3, 160), np.uint8)
    assert g711.decode(packets, Law.A).shape == (3, 160)
    assert g711.encode(np.zeros((3, 160), np.int16), Law.MU).shape == (3, 160)


def test_only_sixteen_bit_samples_are_encoded() -> None:
    with pytest.raises(TypeError, match="int16, not float64"):
        g711.encode(np.zeros(3), Law.A)  # type: ignore[arg-type]
