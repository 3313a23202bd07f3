"""The command that writes the texts of a data directory."""

import logging

import pytest

from c2ser.bin import make_cot
from c2ser.bin.make_cot import main
from c2ser.cot.check import check_rationale
from c2ser.cot.rationale import build_rationale
from c2ser.datadir import DataDir
from c2ser.errors import InputError
from c2ser.prosody.style import parse_style

STYLE = "speed=low pitch=high volume=medium"


@pytest.fixture
def data(tmp_path):
    data = DataDir(tmp_path / "train")
    data.write_speakers({utterance: utterance[0] for utterance in ("a-1", "a-2", "b-1", "b-2", "b-3")})
    data.write("utt2emo", {"a-1": "happy", "a-2": "sad", "b-1": "neutral", "b-2": "bored"})  # b-3 has no label
    data.write("utt2lang", {"a-1": "it", "a-2": "zh", "b-1": "en", "b-2": "en", "b-3": "en"})
    data.write("text", {"a-1": "Vieni qui!", "a-2": "就是下雨也去。", "b-1": "", "b-2": "hm", "b-3": "well"})
    styles = dict.fromkeys(("a-1", "a-2", "b-1", "b-2", "b-3"), STYLE)
    data.write("utt2style", {**styles, "b-1": "speed=unknown pitch=high volume=low"})
    return data


def make(data, *options):
    main(["--data_dir", str(data.path), *options])
    return data.read("cot_explicit"), data.read("cot_implicit")


def test_each_utterance_in_its_own_language(data, caplog):
    caplog.set_level(logging.INFO)
    explicit, implicit = make(data)
    assert implicit == {"a-1": "Emozione: gioia.", "a-2": "情绪：悲伤。", "b-1": "Emotion: neutral."}
    assert list(explicit) == list(implicit)
    languages, texts, styles, emotions = (data.read(table) for table in ("utt2lang", "text", "utt2style", "utt2emo"))
    for utterance, text in explicit.items():
        style = parse_style(styles[utterance])
        language = languages[utterance]
        assert check_rationale(text, style, texts[utterance], emotions[utterance], language) == []
        assert text == build_rationale(utterance, style, texts[utterance], emotions[utterance], language, seed=0)
    assert "2 utterances" not in caplog.text
    assert "1 utterances get no text, they have no label: b-3" in caplog.text
    assert "1 utterances get no text, label 'bored' has no name in language 'en': b-2" in caplog.text
    assert "3 of 5 utterances have texts, 1 without words to quote, 1 without a known speed" in caplog.text


def test_one_language_for_all(data):
    (data.path / "utt2lang").unlink()
    explicit, implicit = make(data, "--language", "pl")
    assert implicit == {"a-1": "Emocja: radość.", "a-2": "Emocja: smutek.", "b-1": "Emocja: neutralność."}
    assert "„就是下雨也去。”" in explicit["a-2"] and explicit["a-2"].endswith("Emocja: smutek.")


def test_the_seed_changes_the_wording_and_nothing_else(data):
    texts = [make(data, "--language", "en", "--seed", str(seed)) for seed in (0, 0, 1)]
    assert texts[0] == texts[1] != texts[2] and texts[0][1] == texts[2][1]


def test_no_transcripts_at_all(data):
    (data.path / "text").unlink()
    explicit, _ = make(data)
    assert not any("«" in text or "“" in text for text in explicit.values())


def test_what_is_missing_is_named_and_nothing_is_written(data):
    def refused(message, *options):
        with pytest.raises(InputError, match=message):
            make(data, *options)
        assert not data.has("cot_explicit") and not data.has("cot_implicit")

    styles = data.read("utt2style")
    data.write("utt2style", {key: value for key, value in styles.items() if key != "a-2"})
    refused("utt2style: no entry for a-2; run c2ser make-style")
    data.write("utt2style", {**styles, "a-2": "speed=low"})
    refused("utt2style: a-2: 'speed=low'")
    data.write("utt2style", styles)
    data.write("utt2lang", {"a-1": "it"})
    refused(r"utt2lang: no entry for 4 utterances \(a-2, b-1, b-2, b-3\)")
    data.write("utt2lang", {**dict.fromkeys(styles, "it"), "a-1": "xx"})
    refused("utt2lang: no templates for language 'xx'")
    data.write("utt2emo", {"a-1": "bored"})
    refused("utt2emo: no utterance has a label that can be named", "--language", "en")
    (data.path / "utt2emo").unlink()
    refused("utt2emo: no such file", "--language", "en")


def test_a_fault_of_the_templates_is_a_bug_not_an_input_error(data, monkeypatch):
    monkeypatch.setattr(make_cot, "build_rationale", lambda *args, **options: "Emotion: calm.")
    with pytest.raises(RuntimeError, match="a bug of the templates: a-1: .*does not end with the verdict"):
        make(data)
    assert not data.has("cot_explicit")
