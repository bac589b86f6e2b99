"""Synthesised speech by espeak-ng's library: of the wheel `espeakng-loader`, or the system's."""

import _ctypes
import ctypes
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes.util import find_library
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from data.store.temporary import TemporaryFolder

RETRIEVAL, UTF8 = 1, 1  # of espeak-ng's speak_lib.h: give the samples, of text in UTF-8
CHARACTERS, ENDS = 1, 0
WORDS_A_MINUTE = 150
RATE_PARAMETER = 1
SPEAKING = threading.Lock()  # copies share the C library's locale and files
Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


def has_voice() -> bool:
    """Whether speech can be synthesised here."""
    return find_spec("espeakng_loader") is not None or find_library("espeak-ng") is not None


def _find_files() -> tuple[str, bytes | None]:
    """The library's path, and the folder of its voices; None is the one that it was built with."""
    if find_spec("espeakng_loader") is None:
        return _locate_library(find_library("espeak-ng") or ""), None
    import espeakng_loader

    return espeakng_loader.get_library_path(), espeakng_loader.get_data_path().encode()


def _locate_library(name: str) -> str:
    """The path of a library of the system, of which the linker knows only the name."""
    ctypes.CDLL(name)
    lines = Path("/proc/self/maps").read_text().splitlines()
    return next(line.split(maxsplit=5)[-1] for line in lines if name in line)


@contextmanager
def _open_library() -> Iterator[tuple[Any, int]]:
    """The library, as if nothing was spoken before, and its samples a second.

    What it said before is heard in what it says next, and neither its random seed nor starting it
    anew resets that: a copy has a state of its own.
    """
    file, voices = _find_files()
    with TemporaryFolder() as folder:
        library = ctypes.CDLL(str(shutil.copy(file, Path(folder) / "espeak.so")))
    rate = library.espeak_Initialize(RETRIEVAL, 0, voices, 0)
    if rate <= 0:
        raise RuntimeError(f"espeak-ng does not start: error {rate}")
    library.espeak_SetVoiceByName(b"en-us")
    library.espeak_SetParameter(RATE_PARAMETER, WORDS_A_MINUTE, 0)
    try:
        yield library, rate
    finally:
        library.espeak_Terminate()
        _ctypes.dlclose(library._handle)


def speak(text: str, rate: int) -> np.ndarray:
    """The spoken text as (n,) int16 at `rate` samples a second; always the same for a text."""
    parts: list[np.ndarray] = []

    def collect(samples: Any, count: int, events: Any) -> int:
        if samples and count:
            parts.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    with SPEAKING, _open_library() as (library, own_rate):
        callback = Callback(collect)  # kept alive until the end of the call
        library.espeak_SetSynthCallback(callback)
        data = text.encode()
        library.espeak_Synth(data, len(data) + 1, 0, CHARACTERS, ENDS, UTF8, None, None)
        library.espeak_Synchronize()
    sound = np.concatenate(parts) if parts else np.zeros(0, np.int16)
    return _resample(sound, own_rate, rate)


def _resample(sound: np.ndarray, own: int, rate: int) -> np.ndarray:
    from scipy.signal import resample_poly

    return np.clip(resample_poly(sound.astype(np.float64), rate, own), -32768, 32767).astype(
        np.int16
    )
