import json

import pytest

from c2ser.bin import stability
from c2ser.datadir import read_table, write_table
from c2ser.errors import InputError
from tests.evaluation.conftest import write_set

SPOKEN = "The speaker talks slowly, with a high pitch, saying: “{}” Emotion: {}."


@pytest.fixture
def folders(tmp_path):
    """(data directory, implicit, explicit and paraphrased decoding) of six utterances."""
    data, implicit = write_set(tmp_path, 1, "m1")
    explicit, paraphrase = (write_set(tmp_path / name, 1, "m1", name)[1] for name in ("explicit", "implicit"))
    utterances = list(read_table(data / "utt2spk"))
    write_table(data / "utt2style", dict.fromkeys(utterances, "speed=low pitch=low volume=medium"))
    write_table(data / "text", {**dict.fromkeys(utterances, "Go home"), utterances[0]: ""})
    write_table(explicit / "answers", {utterance: SPOKEN.format("go hom", "sad") for utterance in utterances})
    for folder, changes in ((explicit, {"languages": ["en"]}), (paraphrase, {"paraphrase": 2})):
        content = json.loads((folder / "decode.json").read_text())
        (folder / "decode.json").write_text(json.dumps({**content, **changes}))
    write_table(paraphrase / "utt2pred", dict.fromkeys(utterances, "angry"))
    return data, implicit, explicit, paraphrase


def options(folders, out, *more):
    data, implicit, explicit, paraphrase = map(str, folders)
    return [
        "--data_dir", data, "--implicit", implicit, "--explicit", explicit, "--paraphrases", paraphrase,
        "--out", str(out), *more,
    ]  # fmt: skip


def test_writes_json_and_markdown(folders, tmp_path, capsys):
    stability.main(options(folders, tmp_path / "out/stability.json"))
    made = json.loads((tmp_path / "out/stability.json").read_text(encoding="utf-8"))
    assert list(made["decodings"]) == ["implicit", "explicit", "implicit, paraphrase 2"]
    assert made["decodings"]["implicit"]["tables"]["utt2pred"]["invalid_rate"] == pytest.approx(1 / 6)
    assert made["decodings"]["explicit"]["tokens_per_utterance"] == 4
    assert made["modes"]["utt2pred"]["agreement"] == pytest.approx(5 / 6)  # all the same, one invalid
    assert list(made["prompts"]) == ["implicit"]
    assert made["prompts"]["implicit"]["utt2pred"]["agreement"] == pytest.approx(1 / 6)
    style, quote = made["rationales"]["style"], made["rationales"]["quote"]
    assert (style["speed"]["accuracy"], style["pitch"]["accuracy"], style["volume"]["stated"]) == (1.0, 0.0, 0)
    assert (quote["utterances"], quote["cer"], quote["invented"]) == (5, pytest.approx(1 / 6), 1)
    text = (tmp_path / "out/stability.md").read_text(encoding="utf-8")
    assert text.startswith("# Stability\n\n## Answers\n\n| Decoding |") and "| pitch | 6 | 6 | 0 | 0.0 |" in text
    shown = capsys.readouterr().out
    for title in ("Agreement of explicit and implicit answers", "Words quoted in rationales", "16.7"):
        assert title in text and title in shown


def test_the_language_can_be_told(folders, tmp_path):
    stability.main(options(folders, tmp_path / "s.json", "--language", "pl"))
    assert json.loads((tmp_path / "s.json").read_text())["rationales"]["style"]["speed"]["stated"] == 0


def test_sets_without_style_and_text(folders, tmp_path, caplog):
    for name in ("utt2style", "text"):
        (folders[0] / name).unlink()
    stability.main(options(folders, tmp_path / "s.json"))
    assert json.loads((tmp_path / "s.json").read_text())["rationales"] == {"style": None, "quote": None}
    assert "no utt2style in" in caplog.text and "quote is not measured" in caplog.text


def test_faults_are_named_and_nothing_is_written(folders, tmp_path):
    out = tmp_path / "s.json"
    with pytest.raises(InputError, match="s.txt: must end in .json"):
        stability.main(options(folders, tmp_path / "s.txt"))
    data, implicit, explicit, paraphrase = folders
    with pytest.raises(InputError, match="mode explicit, not implicit"):
        stability.main(options((data, explicit, explicit, paraphrase), out))
    with pytest.raises(InputError, match="prompt 0 were given twice"):
        stability.main(options((data, implicit, explicit, implicit), out))
    write_table(data / "utt2style", {"m1_0": "speed=low pitch=low volume=medium"})
    with pytest.raises(InputError, match="utt2style: no entry for 5 utterances, first: m1_1"):
        stability.main(options(folders, out))
    content = json.loads((explicit / "decode.json").read_text())
    content.pop("languages")
    (explicit / "decode.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match="names no language of the answers; give --language"):
        stability.main(options(folders, out))
    assert not out.exists() and not out.with_suffix(".md").exists()
