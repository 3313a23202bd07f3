"""Speaking rates, and the choice of how phonemes are counted."""

import math
import sys

import pytest

from c2ser.errors import InputError
from c2ser.prosody import rate


def test_phonemes_per_second():
    assert rate.speaking_rate("ciao", "it", 0.5) == 6.0
    assert rate.speaking_rate("就是下雨也去。", "zh", 4.0) == 2.5


@pytest.mark.parametrize("text", ["", "...", " "])
def test_no_words_have_no_rate(text):
    assert math.isnan(rate.speaking_rate(text, "en", 1.0))
    assert rate.count_phonemes(text, "en") == 0


@pytest.mark.parametrize("seconds", [0.0, -1.0, math.nan])
def test_impossible_durations(seconds):
    with pytest.raises(InputError, match="duration"):
        rate.speaking_rate("ciao", "it", seconds)


def test_unknown_method():
    with pytest.raises(InputError, match="unknown method 'guess'"):
        rate.count_phonemes("ciao", "it", "guess")


def test_absent_espeak_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "phonemizer.backend", None)
    rate._espeak_backend.cache_clear()
    with pytest.raises(InputError, match="pip install phonemizer espeakng-loader"):
        rate.count_phonemes("ciao", "it", "espeak")


@pytest.mark.parametrize(
    "text, language, phonemes",
    [("ciao", "it", 3), ("Gli operai si alzano presto", "it", 22), ("dziękuję", "pl", 7), ("hello world", "en", 8)],
)
def test_espeak_agrees_with_the_rules(text, language, phonemes):
    pytest.importorskip("phonemizer", reason="phonemizer is an optional extra")
    rate._espeak_backend.cache_clear()
    assert rate.count_phonemes(text, language, "espeak") == rate.count_phonemes(text, language) == phonemes


def test_espeak_refuses_a_language_it_does_not_speak():
    pytest.importorskip("phonemizer", reason="phonemizer is an optional extra")
    with pytest.raises(InputError, match="espeak for language 'xx'"):
        rate.count_phonemes("ciao", "xx", "espeak")
