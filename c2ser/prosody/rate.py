"""Speaking rate: phonemes per second, the paper's measure of speed.

Method `rules` (the default) counts phonemes by the rules in `c2ser.prosody.phonemes`, which need nothing installed and
give every machine the same count. Method `espeak` asks espeak-ng through phonemizer (both GPL, an optional extra).
"""

import functools
import math

from c2ser.errors import InputError
from c2ser.prosody.phonemes import counter
from c2ser.transcript import spoken

METHODS = ("rules", "espeak")

ESPEAK_VOICES = {"en": "en-us", "zh": "cmn", "fr": "fr-fr"}
"""espeak-ng's name of a language where it is not the ISO 639-1 code."""


def count_phonemes(text, language, method="rules"):
    """Number of phonemes in a text; tags such as `[LAUGHTER]` have none (`transcript.spoken`).

    language: ISO 639-1 code; a language without rules has its letters counted (`phonemes.count_letters`). A text
    without a letter or digit has 0. Raises InputError for an unknown method, and for `espeak` where it is not
    installed or does not speak the language.
    """
    if method == "rules":
        return counter(language)(spoken(text))
    if method == "espeak":
        return _count_espeak(spoken(text), language)
    raise InputError(f"unknown method {method!r} of counting phonemes; known are {', '.join(METHODS)}")


def speaking_rate(text, language, seconds, method="rules"):
    """Phonemes per second of an utterance that lasts `seconds` s, pauses included; NaN for a text without phonemes.

    Raises InputError as `count_phonemes` does, and where `seconds` is not positive.
    """
    if not seconds > 0:
        raise InputError(f"duration {seconds} s: a speaking rate needs an utterance that lasts longer than nothing")
    return count_phonemes(text, language, method) / seconds or math.nan


def _count_espeak(text, language):
    backend, separator = _espeak_backend(language)
    phonemized = backend.phonemize([text], separator=separator, strip=True)
    return sum(len(word.split()) for word in phonemized[0].split("|"))


@functools.lru_cache(maxsize=None)
def _espeak_backend(language):
    """phonemizer's espeak backend of a language and the separator `phone phone|phone`."""
    try:
        from phonemizer.backend import EspeakBackend
        from phonemizer.separator import Separator
    except ImportError as error:
        raise InputError(
            f"phonemes by espeak need phonemizer and espeak-ng ({error}): pip install phonemizer espeakng-loader "
            "(the project's extra `gpl`), or choose the method `rules`"
        ) from None
    _use_bundled_espeak(EspeakBackend)
    try:
        backend = EspeakBackend(ESPEAK_VOICES.get(language, language), language_switch="remove-flags")
    except RuntimeError as error:
        raise InputError(f"espeak for language {language!r}: {error}; choose the method `rules`") from None
    return backend, Separator(phone=" ", word="|")


def _use_bundled_espeak(backend):
    """Point phonemizer at the espeak-ng library of the package espeakng-loader, where that is installed."""
    try:
        import espeakng_loader
    except ImportError:
        return
    from phonemizer.backend.espeak.wrapper import EspeakWrapper

    backend.set_library(espeakng_loader.get_library_path())
    if hasattr(EspeakWrapper, "set_data_path"):
        EspeakWrapper.set_data_path(espeakng_loader.get_data_path())
