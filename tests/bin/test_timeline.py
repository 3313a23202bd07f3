"""Labelling a long recording from the command line."""

import json

import numpy as np
import pytest
import soundfile

from c2ser.bin import timeline
from c2ser.emotions import EMOTIONS
from c2ser.errors import InputError
from c2ser.inference.bundle import Bundle
from c2ser.inference.predictor import Predictor
from c2ser.tasks.emotion2vec_s import Emotion2VecSTask
from tests.builders import BACKBONE, PRETRAINING, c2ser_config, c2ser_model, pretraining, task_config, write_parts
from tests.closeness import nearly


@pytest.fixture(scope="module")
def talk(tmp_path_factory):
    """Path of 5.3 s whose level changes every half second, and its samples as they are read back."""
    random, path = np.random.default_rng(3), str(tmp_path_factory.mktemp("talk") / "talk.wav")
    levels = np.repeat([0.02, 0.3, 0.1, 0.5, 0.05, 0.2, 0.4, 0.01, 0.1, 0.3, 0.2], 8000)[:84800]
    soundfile.write(path, np.clip(random.normal(0, 0.2, 84800) * levels, -1, 1), 16000)
    return path, soundfile.read(path, dtype="float32")[0]


def run(folder, *argv):
    timeline.main([*map(str, argv), "--out", str(folder / "line.json")])
    return json.loads((folder / "line.json").read_text(encoding="utf-8"))


def test_windows(talk, system_dir, tmp_path):
    """Each of the stretches has the mean of the windows over it, which are answered as recordings of their own."""
    path, samples = talk
    made = run(tmp_path, path, "--model", system_dir, "--window", "2", "--hop", "1", "--batch_size", "2")
    spans = [(0, 2), (1, 3), (2, 4), (3, 5), (4, 5.3)]
    posteriors = [one.posterior for one in Predictor(system_dir)([samples[int(a * 16000) : int(b * 16000)] for a, b in spans])]
    assert made["labels"] == list(EMOTIONS) and made["seconds"] == pytest.approx(5.3) and made["audio"] == path
    cells = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 5.3)]
    for one, (start, end) in zip(made["segments"], cells, strict=True):
        assert (one["start"], one["end"], one["speaker"], one["sound"]) == (pytest.approx(start), pytest.approx(end), "", True)
        over = [posterior for (a, b), posterior in zip(spans, posteriors) if a <= start and end <= b]
        assert one["posterior"] == nearly({label: sum(row[label] for row in over) / len(over) for label in EMOTIONS})
        assert one["label"] == max(one["posterior"], key=one["posterior"].get)
    assert len({round(one["posterior"]["sad"], 4) for one in made["segments"]}) == 6


def test_turns_of_speakers(talk, system_dir, tmp_path):
    """Of an RTTM file, in classes of one's own, cut where they are long; every format is written."""
    path, samples = talk
    lines = ["SPEAKER talk 1 0.25 1.5 <NA> <NA> ann <NA> <NA>", "SPEAKER talk 1 1.0 3.0 <NA> <NA> bea <NA> <NA>"]
    (tmp_path / "a.rttm").write_text("\n".join(lines) + "\n")
    out = [tmp_path / f"line.{suffix}" for suffix in ("TextGrid", "eaf", "vtt", "ctm", "rttm", "png")]
    timeline.main([path, "--model", str(system_dir), "--rttm", str(tmp_path / "a.rttm"), "--longest", "1.5", "--labels",
                   "anger calm", "--out", str(tmp_path / "line.json"), *map(str, out)])  # fmt: skip
    made = json.loads((tmp_path / "line.json").read_text(encoding="utf-8"))
    spans = [(0.25, 1.75, "ann"), (1.0, 2.5, "bea"), (2.5, 4.0, "bea")]
    assert [(one["start"], one["end"], one["speaker"]) for one in made["segments"]] == spans
    wanted = Predictor(system_dir, labels=["anger", "calm"])([samples[int(a * 16000) : int(b * 16000)] for a, b, _ in spans])
    for one, answer in zip(made["segments"], wanted):
        assert one["label"] == answer.label and one["posterior"] == nearly(answer.posterior)
    assert all(path.stat().st_size > 80 for path in out)


def test_speakers_are_normalised_by_their_own_turns(talk, llm_dir, tmp_path, caplog):
    """Who has enough of them; for others the means of training stand, which is said."""
    path, samples = talk
    config = c2ser_config(
        llm_dir, None, prompt_language="zh", model_conf={"train_mode": "implicit", "standardize": "speaker"}, specaug=False
    )
    parts = write_parts(tmp_path / "implicit", config, c2ser_model(config))
    emotion = task_config(Emotion2VecSTask, backbone_conf=BACKBONE, model_conf=PRETRAINING)
    emotion = {**write_parts(tmp_path / "e2v_s", emotion, pretraining()), "utterance_mode": "extra_tokens"}
    Bundle(list(EMOTIONS), ["zh"], llm_dir, None, emotion, {"implicit": parts}).write(tmp_path)
    turns = [(0.5 * number, 0.5, "ann") for number in range(5)] + [(3.0, 1.0, "bea")]
    rows = [f"SPEAKER talk 1 {start} {length} <NA> <NA> {speaker} <NA> <NA>\n" for start, length, speaker in turns]
    (tmp_path / "a.rttm").write_text("".join(rows))
    made = run(tmp_path, path, "--model", tmp_path, "--rttm", tmp_path / "a.rttm")["segments"]
    predictor = Predictor(tmp_path)
    pieces = [samples[int(start * 16000) : int((start + length) * 16000)] for start, length, _ in turns]
    wanted = predictor(pieces, speakers=[predictor.enrol(pieces[:5])] * 5 + [None])
    assert [one["posterior"] for one in made] == [nearly(one.posterior) for one in wanted]
    assert made[0]["posterior"] != nearly(predictor(pieces[:1])[0].posterior)
    assert any("training speakers' means stand for those of whom" in line for line in caplog.messages)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--hop", "5"], "--hop is at least 0.025 s and at most --window"),
        (["--longest", "0"], "--longest at least 0.025"),
        (["--labels", "sad"], "name at least two"),
        (["--out", "a.doc"], "a.doc: expected a name that ends in"),
    ],
)
def test_options_that_do_not_do(talk, system_dir, tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        timeline.main([talk[0], "--model", str(system_dir), "--out", str(tmp_path / "a.json"), *options])
    assert not (tmp_path / "a.json").exists()
