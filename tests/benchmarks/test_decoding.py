"""The benchmark of decoding: every system's line, with random weights and with a trained system; the plain loop."""

import re

import pytest
import torch

from c2ser.datadir import write_table
from c2ser.inference.decoding import Decoding
from c2ser.inference.predictor import Predictor
from tests.builders import dump, waves

ROUND = ["--rounds", "1", "--limit", "3", "--answer_tokens", "2", "4"]
SYSTEMS = (
    "implicit plain", "implicit scoring", "implicit constrained", "implicit generation", "explicit plain",
    "explicit generation", "explicit constrained",
)  # fmt: skip


@pytest.fixture
def decoding(benchmark, monkeypatch):
    sizes = benchmark("random_models").SIZES
    small = {"n_audio_state": 16, "n_audio_head": 2, "n_audio_layer": 1}
    monkeypatch.setitem(sizes, "tiny", {**sizes["tiny"], "whisper": small})
    return benchmark("decoding")


def rows(printed):
    """System → the words of its line in the table, after its name."""
    return {name: re.search(rf"^{name}  +(.+)$", printed, re.M)[1].split() for name in SYSTEMS}


def test_random_weights(decoding, capsys):
    decoding.main([*ROUND, "--seconds", "0.3", "0.6", "--num_beams", "4"])
    printed = capsys.readouterr().out
    found = rows(printed)
    assert "3 utterances, 1." in printed and len(re.findall("^round 1, ", printed, re.M)) == 7
    for name, (rate, ratio, peak, above, tokens, label, text) in found.items():
        assert float(rate) > 0 and float(peak) > float(above) >= 0 and label == "-"
        assert (float(ratio) == 1.0) if name.endswith("plain") else float(ratio) > 0
        generated = name.endswith(("plain", "generation"))
        assert text == ("3/3" if generated else "-")  # the same beams find the same texts, alone or in a batch
        wanted = {"implicit": 2.0, "explicit": 4.0}[name.split()[0]]
        assert float(tokens) <= (wanted if generated or name.startswith("explicit") else 0.0)


def test_a_trained_system(decoding, capsys, system_dir, tmp_path):
    audio = dump(tmp_path / "dump", 6)
    data = tmp_path / "set"
    utterances = [f"s1_{number:02d}" for number in range(1, 6)]
    write_table(data / "utt2spk", dict.fromkeys(utterances, "s1"))
    write_table(data / "utt2emo", dict.fromkeys(utterances, "sad"))
    write_table(data / "wav.scp", dict.fromkeys(utterances, "x.wav"))
    given = ["--model", system_dir, "--audio_scp", audio / "wav.scp", "--data_dir", data]
    decoding.PLAIN_TOKENS, kept = 5, decoding.PLAIN_TOKENS
    try:
        decoding.main([*map(str, given), *ROUND])
    finally:
        decoding.PLAIN_TOKENS = kept
    found = rows(capsys.readouterr().out)
    assert 0 < float(found["explicit plain"][4]) <= 5.0 and float(found["implicit generation"][4]) <= 2.0


def test_the_plain_loop_is_generation_of_one_after_the_other(decoding, system_dir):
    padded, lengths = waves([4000, 12000, 7777])
    speech = [wave[:length].numpy() for wave, length in zip(padded, lengths)]
    predictor = Predictor(system_dir, decoding=Decoding(num_beams=4, max_new_tokens={"explicit": 6, "implicit": 3}))
    emotion = [predictor.emotion_encoder(torch.from_numpy(wave)[None], torch.tensor([len(wave)]))[0][0].numpy()
               for wave in speech]  # fmt: skip
    for mode, most in (("implicit", 3), ("explicit", 6)):
        found = decoding.plain_answers(predictor, mode, speech, emotion, most, 1.0)
        wanted = [(made.parsed, made.text, made.tokens) for made in predictor(speech, mode)]
        assert found == wanted and len({text for _, text, _ in found}) > 1


def test_labels_are_counted_where_the_plain_loop_names_one(decoding, benchmark, capsys):
    turn = benchmark("turns").Turn
    plain = turn(4.0, 30, 10, [("sad", "a", 1), ("angry", "b", 1), (None, "c", 4)])
    ours = turn(1.0, 40, 10, [("sad", "", 0), ("happy", "", 0), ("sad", "", 0)])
    free = turn(2.0, 40, 10, [("sad", "a", 1), (None, "d", 2), (None, "c", 4)])
    decoding.print_table({"implicit plain": [plain], "implicit scoring": [ours], "implicit generation": [free]}, 3)
    lines = capsys.readouterr().out.splitlines()[1:]
    assert [line.split()[2:] for line in lines] == [
        ["0.75", "1.00", "0", "0", "2.0", "2/2", "3/3"], ["3.00", "4.00", "0", "0", "0.0", "1/2", "-"],
        ["1.50", "2.00", "0", "0", "2.3", "1/2", "2/3"],
    ]  # fmt: skip


def test_a_trained_system_needs_something_to_hear(decoding, system_dir):
    with pytest.raises(SystemExit):
        decoding.main(["--model", str(system_dir)])
