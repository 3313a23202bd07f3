"""Decoding a set: the tables that scoring reads, and the cost."""

import json

import numpy as np
import pytest

from c2ser.ark import ArkWriter
from c2ser.audio import read_audio
from c2ser.bin import decode
from c2ser.cot.prompts import PARAPHRASES, PROMPTS
from c2ser.datadir import read_table, write_table
from c2ser.emotions import EMOTIONS
from c2ser.errors import InputError
from c2ser.evaluation.environment import device_name, peak_memory
from c2ser.inference.predictor import Decoding, Prediction, Predictor
from tests.builders import dump
from tests.closeness import nearly


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = dump(tmp_path_factory.mktemp("decode") / "dump", 5)
    write_table(folder / "utt2spk", dict.fromkeys(list(read_table(folder / "wav.scp"))[:4], "s"))
    return folder


def run(data, system_dir, out, *more, mode="implicit"):
    argv = ["--model", system_dir, "--mode", mode, "--data_dir", data, "--audio_scp", data / "wav.scp"]
    decode.main([str(word) for word in [*argv, "--out_dir", out, *more]])
    names = ("answers", "utt2pred", "utt2scored", "posteriors", "utt2constrained")
    return {name: read_table(out / name, empty_ok=True) for name in names if (out / name).exists()}


def assert_same(made, wanted):
    """Texts and labels are equal; posteriors are so but for rounding."""
    told = [{name: table for name, table in tables.items() if name != "posteriors"} for tables in (made, wanted)]
    one, other = (
        {utterance: [float(word) for word in row.split()] for utterance, row in tables["posteriors"].items()}
        for tables in (made, wanted)
    )
    assert told[0] == told[1] and one == {utterance: nearly(row) for utterance, row in other.items()}


def test_utterances_without_sound_are_answered_and_listed(data, system_dir, tmp_path, caplog):
    utterances = list(read_table(data / "utt2spk"))
    with ArkWriter(tmp_path / "a.ark", tmp_path / "a.scp") as writer:
        for number, utterance in enumerate(utterances):
            writer[utterance] = 16000, np.resize(np.array([0, 0] if number == 2 else [900, -900], np.int16), 8000)
    made = run(data, system_dir, tmp_path / "out", "--audio_scp", tmp_path / "a.scp")
    assert list(made["utt2scored"]) == utterances
    assert json.loads((tmp_path / "out/decode.json").read_text())["without_sound"] == [utterances[2]]
    assert [line.partition(": ")[0] for line in caplog.messages if "no sound in it" in line] == [utterances[2]]


def test_tables_are_what_the_predictor_says(data, system_dir, tmp_path):
    (tmp_path / "decode.yaml").write_text("batch_size: 3\nmax_new_tokens: {explicit: 12, implicit: 4}\n")
    made = run(data, system_dir, tmp_path / "out", "--config", tmp_path / "decode.yaml", mode="explicit")
    utterances = list(read_table(data / "utt2spk"))
    audio = [read_audio(read_table(data / "wav.scp")[utterance]) for utterance in utterances]
    decoding = Decoding(max_new_tokens={"explicit": 12, "implicit": 4})
    predictions = Predictor(system_dir, decoding=decoding)(audio, "explicit")
    assert (tmp_path / "out/labels").read_text().split() == list(EMOTIONS)
    for utterance, wanted in zip(utterances, predictions, strict=True):
        assert made["answers"][utterance] == " ".join(wanted.text.split())
        assert made["utt2pred"][utterance] == (wanted.parsed or "<invalid>")
        assert made["utt2scored"][utterance] == wanted.label
        assert made["utt2constrained"][utterance] == wanted.constrained
        row = [float(value) for value in made["posteriors"][utterance].split()]
        assert row == nearly(list(wanted.posterior.values()))
    assert len(made) == 5 and all(list(table) == utterances for table in made.values())
    cost = json.loads((tmp_path / "out/decode.json").read_text())
    assert cost["mode"] == "explicit" and cost["utterances"] == 4
    assert cost["invalid"] == sum(prediction.parsed is None for prediction in predictions)
    assert cost["tokens_per_utterance"] == sum(prediction.tokens for prediction in predictions) / 4
    assert 0 < cost["generation_seconds_per_utterance"] < cost["seconds_per_utterance"]
    assert 0 < cost["scoring_seconds_per_utterance"] < cost["seconds_per_utterance"]
    assert cost["audio_seconds_per_utterance"] == pytest.approx(sum(map(len, audio)) / 16000 / 4)
    assert 50e6 < cost["peak_memory_bytes"] <= 1.01 * peak_memory()["peak_memory_bytes"]
    assert cost["device"] == device_name() + ", trained in float32, answering in float32" and "peak_gpu_memory_bytes" not in cost


def test_features_made_before_are_used(data, system_dir, tmp_path):
    computed = run(data, system_dir, tmp_path / "a")
    given = run(data, system_dir, tmp_path / "b", "--emotion_scp", data / "emotion.scp")
    assert given["posteriors"] != computed["posteriors"]


def test_answers_and_their_classes(data, system_dir, tmp_path, monkeypatch):
    posterior = {emotion: 1 / 7 for emotion in EMOTIONS}
    answers = [("Emotion:\n sad.", "sad"), ("", None), ("a b", None), ("happy", "happy")]
    answered = [Prediction("angry", posterior, text, parsed, 3, "fearful") for text, parsed in answers]
    monkeypatch.setattr(Predictor, "__call__", lambda *args, made=None, **options: made(dict(enumerate(answered))))
    tables = run(data, system_dir, tmp_path / "out")
    assert list(tables["answers"].values()) == ["Emotion: sad.", "", "a b", "happy"]
    assert list(tables["utt2pred"].values()) == ["sad", "<invalid>", "<invalid>", "happy"]
    assert set(tables["utt2scored"].values()) == {"angry"} and set(tables["utt2constrained"].values()) == {"fearful"}
    assert tables["posteriors"]["s1_00"] == " ".join(["0.142857"] * 7)
    cost = json.loads((tmp_path / "out/decode.json").read_text())
    assert cost["invalid"] == 2 and cost["tokens_per_utterance"] == 3


def test_chunks_change_nothing(data, system_dir, tmp_path, monkeypatch):
    whole = run(data, system_dir, tmp_path / "whole")
    sizes, call = [], Predictor.__call__

    def counted(self, inputs, *args, **options):
        sizes.append(len(inputs))
        assert options["names"] == list(read_table(data / "utt2spk"))[sum(sizes[:-1]) : sum(sizes)]
        return call(self, inputs, *args, **options)

    monkeypatch.setattr(Predictor, "__call__", counted)
    monkeypatch.setattr(decode, "CHUNK", 3)
    chunked = run(data, system_dir, tmp_path / "chunked")
    assert sizes == [3, 1]
    assert_same(chunked, whole)


def names(folder):
    return {path.name for path in folder.iterdir()}


class Killed(BaseException):
    """What no command handles."""


@pytest.mark.parametrize("chunk", [1024, 3])
def test_a_killed_decoding_goes_on_as_if_unbroken(data, system_dir, tmp_path, monkeypatch, chunk):
    """Stopped in every batch but the first, one after the other: the same files, and no batch is done twice."""
    (tmp_path / "decode.yaml").write_text("batch_size: 1\nmax_new_tokens: {explicit: 6, implicit: 3}\n")
    monkeypatch.setattr(decode, "CHUNK", chunk)
    options = "--config", tmp_path / "decode.yaml"
    whole = run(data, system_dir, tmp_path / "whole", *options)
    answer, done = Predictor._answer, []

    def killed(self, speech, *more):
        if len(done) % 2:
            done.append("killed")
            raise Killed
        done.append(len(speech[0]))
        return answer(self, speech, *more)

    monkeypatch.setattr(Predictor, "_answer", killed)
    for _ in range(3):
        with pytest.raises(Killed):
            run(data, system_dir, tmp_path / "out", *options)
        assert names(tmp_path / "out") == {decode.JOURNAL}
    assert_same(run(data, system_dir, tmp_path / "out", *options), whole)
    assert len([length for length in done if length != "killed"]) == 4
    assert names(tmp_path / "out") == names(tmp_path / "whole")
    first, second = (json.loads((tmp_path / name / "decode.json").read_text()) for name in ("whole", "out"))
    same = ("utterances", "tokens_per_utterance", "audio_seconds_per_utterance", "invalid")
    assert [first[name] for name in same] == [second[name] for name in same] and second["seconds_per_utterance"] > 0


def test_parts_are_decoded_apart_and_written_together(data, system_dir, tmp_path, monkeypatch):
    """By two jobs of which each answers for every other utterance; the run that writes the tables answers for none."""
    (tmp_path / "decode.yaml").write_text("batch_size: 2\nmax_new_tokens: {explicit: 6, implicit: 3}\n")
    options = "--config", tmp_path / "decode.yaml", "--num_jobs", 2
    whole = run(data, system_dir, tmp_path / "whole", "--config", tmp_path / "decode.yaml")
    answer, done = Predictor._answer, []
    monkeypatch.setattr(Predictor, "_answer", lambda *given: done.append(len(given[1])) or answer(*given))
    for job in (2, 1):
        assert run(data, system_dir, tmp_path / "out", *options, "--job", job) == {}
    assert done == [2, 2] and names(tmp_path / "out") == {"decode.journal.1", "decode.journal.2"}
    made = run(data, system_dir, tmp_path / "out", *options)
    assert done == [2, 2] and names(tmp_path / "out") == names(tmp_path / "whole")
    assert_same(made, whole)
    with pytest.raises(InputError, match="--job 3 of --num_jobs 2: expected 1 to 2"):
        run(data, system_dir, tmp_path / "out", *options, "--job", 3)


def test_what_another_decoding_left_is_not_gone_on_with(data, system_dir, tmp_path, monkeypatch):
    """Stopped after its first batch, in which the classes were named in Chinese; then they are named in English."""
    (tmp_path / "decode.yaml").write_text("batch_size: 2\nmethods: [score]\n")
    (tmp_path / "other.yaml").write_text("batch_size: 2\nmethods: [score]\nlanguages: [en]\n")
    answer, done = Predictor._answer, []

    def killed(*given):
        if done:
            raise Killed
        done.append(len(given[1]))
        return answer(*given)

    monkeypatch.setattr(Predictor, "_answer", killed)
    with pytest.raises(Killed):
        run(data, system_dir, tmp_path / "out", "--config", tmp_path / "decode.yaml")
    assert names(tmp_path / "out") == {decode.JOURNAL}
    monkeypatch.undo()
    wanted = run(data, system_dir, tmp_path / "new", "--config", tmp_path / "other.yaml")
    assert_same(run(data, system_dir, tmp_path / "out", "--config", tmp_path / "other.yaml"), wanted)


def test_a_clip_of_less_than_a_frame_is_filled_up(data, system_dir, tmp_path):
    """No utterance leaves a test set: 300 samples are answered as they and 100 zeros are."""
    folder = dump(tmp_path / "dump", 3)
    random = np.random.default_rng(1)
    clip = (random.normal(0, 0.1, 300) * 32767).astype(np.int16)
    with ArkWriter(folder / "short.ark", folder / "short.scp") as audio:
        audio["s1_00"], audio["s1_01"] = (16000, clip), (16000, np.pad(clip, (0, 100)))
    write_table(folder / "utt2spk", {"s1_00": "s", "s1_01": "s"})
    made = run(folder, system_dir, tmp_path / "out", "--audio_scp", folder / "short.scp")
    assert all(table["s1_00"] == table["s1_01"] for table in made.values())
    assert len(made["utt2scored"]) == 2


def test_one_table_for_each_method(data, system_dir, tmp_path):
    """What an earlier decoding left and this one does not make is gone."""
    whole = run(data, system_dir, tmp_path / "out")
    (tmp_path / "decode.yaml").write_text("methods: [constrained]\n")
    made = run(data, system_dir, tmp_path / "out", "--config", tmp_path / "decode.yaml")
    assert made == {"utt2constrained": whole["utt2constrained"]}
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"utt2constrained", "decode.json"}
    account = json.loads((tmp_path / "out/decode.json").read_text())
    assert account["invalid"] is None and account["tokens_per_utterance"] == 0
    assert account["decoding"]["methods"] == ["constrained"] and account["languages"] == ["zh"]


def test_paraphrases_are_noted(data, system_dir, tmp_path):
    (tmp_path / "decode.yaml").write_text("methods: [score]\n")
    made = [
        run(data, system_dir, tmp_path / str(number), "--config", tmp_path / "decode.yaml", "--paraphrase", number)
        for number in (0, 3)
    ]
    assert made[0]["posteriors"] != made[1]["posteriors"]
    accounts = [json.loads((tmp_path / str(number) / "decode.json").read_text()) for number in (0, 3)]
    assert [account["paraphrase"] for account in accounts] == [0, 3]
    assert [account["prompt"] for account in accounts] == [PROMPTS["zh"]["implicit"], PARAPHRASES["implicit"][2]]
    with pytest.raises(InputError, match="paraphrase 9: there are 1 to 5"):
        run(data, system_dir, tmp_path / "none", "--paraphrase", 9)
    assert not (tmp_path / "none").exists()


def test_faults_are_named(data, system_dir, tmp_path):
    table = read_table(data / "wav.scp")
    table.pop("s1_02")
    write_table(tmp_path / "wav.scp", table)
    with pytest.raises(InputError, match=r"wav.scp: no entry for 1 utterances \(s1_02\); rerun its stage"):
        run(data, system_dir, tmp_path / "out", "--audio_scp", tmp_path / "wav.scp")
    with pytest.raises(InputError, match=r"wav.scp: no entry for 1 utterances \(s1_02\)"):
        run(data, system_dir, tmp_path / "out", "--emotion_scp", tmp_path / "wav.scp")
    (tmp_path / "decode.yaml").write_text("beams: 3\n")
    with pytest.raises(InputError, match="decode.yaml: .*beams.*Decoding"):
        run(data, system_dir, tmp_path / "out", "--config", tmp_path / "decode.yaml")
    with pytest.raises(InputError, match="none.yaml: no such file"):
        run(data, system_dir, tmp_path / "out", "--config", tmp_path / "none.yaml")
    with pytest.raises(InputError, match="model.yaml: no such file"):
        run(data, tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_empty_configuration_is_the_default(tmp_path):
    (tmp_path / "decode.yaml").write_text("# nothing\n")
    assert decode.read_decoding(tmp_path / "decode.yaml") == decode.read_decoding(None) == Decoding()
