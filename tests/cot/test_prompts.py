"""Prompts of every language and the paraphrases that stability is measured with."""

import pytest

from c2ser.cot import templates
from c2ser.cot.prompts import MODES, PARAPHRASES, PROMPTS, prompt
from c2ser.errors import InputError


def test_the_papers_prompts():
    assert prompt("explicit") == (
        "Please describe the speaking style, content, and the speaker's emotional state of this speech."
    )
    assert prompt("implicit") == (
        "Please consider the speaking style, content, and directly provide the speaker's emotion in this speech."
    )


def test_every_language_has_its_own_of_each_mode():
    assert set(PROMPTS) == set(templates.languages()) >= {"en", "it", "pl", "zh"}
    texts = [prompt(mode, language) for mode in MODES for language in PROMPTS]
    assert len(set(texts)) == len(texts) == 2 * len(PROMPTS)


def test_paraphrases_differ_from_each_other_and_from_the_prompts():
    assert set(PARAPHRASES) == set(MODES)
    texts = [text for mode in MODES for text in PARAPHRASES[mode]]
    assert all(len(PARAPHRASES[mode]) >= 4 for mode in MODES)
    assert len(set(texts)) == len(texts) and not set(texts) & {prompt(mode) for mode in MODES}


def test_unknown_mode_and_language():
    with pytest.raises(InputError, match="unknown prompt mode 'both'"):
        prompt("both")
    with pytest.raises(InputError, match="no prompts in language 'xx'"):
        prompt("explicit", "xx")
