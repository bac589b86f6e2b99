"""Synthesised speech by espeak-ng's library: of the wheel `espeakng-loader`, or the system's."""

import ctypes
import threading
from ctypes.util import find_library
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

import numpy as np

RETRIEVAL, UTF8 = 1, 1  # of espeak-ng's speak_lib.h: give the samples, of text in UTF-8
CHARACTERS, ENDS = 1, 0
WORDS_A_MINUTE = 150
RATE_PARAMETER = 1
SPEAKING = threading.Lock()  # the library has one voice in a process
Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


def has_voice() -> bool:
    """Whether speech can be synthesised here."""
    return find_spec("espeakng_loader") is not None or find_library("espeak-ng") is not None


def _find_files() -> tuple[str, bytes | None]:
    """The library, and the folder of its voices; None is the one that it was built with."""
    if find_spec("espeakng_loader") is None:
        return find_library("espeak-ng") or "", None
    import espeakng_loader

    return espeakng_loader.get_library_path(), espeakng_loader.get_data_path().encode()


@lru_cache(maxsize=1)
def _open_library() -> tuple[Any, int]:
    """The library, initialised, and its samples a second."""
    file, voices = _find_files()
    library = ctypes.CDLL(file)
    rate = library.espeak_Initialize(RETRIEVAL, 0, voices, 0)
    if rate <= 0:
        raise RuntimeError(f"espeak-ng does not start: error {rate}")
    library.espeak_SetVoiceByName(b"en-us")
    library.espeak_SetParameter(RATE_PARAMETER, WORDS_A_MINUTE, 0)
    return library, rate


def speak(text: str, rate: int) -> np.ndarray:
    """The spoken text as (n,) int16 at `rate` samples a second."""
    parts: list[np.ndarray] = []

    def collect(samples: Any, count: int, events: Any) -> int:
        if samples and count:
            parts.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    with SPEAKING:
        library, own_rate = _open_library()
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
