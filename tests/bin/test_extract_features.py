"""Frozen features: batches by length give what single utterances give, and files appear whole."""

import shutil

import numpy as np
import pytest
import torch

from c2ser.ark import read_ark
from c2ser.audio import read_audio
from c2ser.bin import extract_features
from c2ser.bin.extract_features import buckets
from c2ser.datadir import read_table
from c2ser.errors import InputError
from c2ser.inference.emotion_encoder import EmotionEncoder
from c2ser.models.whisper_encoder import WhisperEncoder
from tests.builders import dump


@pytest.fixture(scope="module")
def audio(tmp_path_factory):
    return dump(tmp_path_factory.mktemp("dump") / "dump", 7)


@pytest.fixture(scope="module")
def files(system_dir):
    return {"config": system_dir / "e2v_s/config.yaml", "checkpoint": system_dir / "e2v_s/model.pth"}


def run(audio, out, **options):
    argv = ["--audio_scp", audio / "wav.scp", "--num_samples", audio / "speech_shape", "--out_dir", out]
    for name, value in options.items():
        argv += [f"--{name}", value]
    extract_features.main([str(word) for word in argv])
    return {path.stem: {utt: read_ark(entry) for utt, entry in read_table(path).items()} for path in out.glob("*.scp")}


def singly(audio):
    for utterance, entry in read_table(audio / "wav.scp").items():
        samples = torch.from_numpy(read_audio(entry))
        yield utterance, samples[None], torch.tensor([len(samples)])


@pytest.mark.parametrize("mode", ["extra_tokens", "mean"])
def test_emotion_features(audio, files, tmp_path, mode):
    made = run(audio, tmp_path / "out", **files, utterance_mode=mode)
    encoder = EmotionEncoder(**files, utterance_mode=mode)
    assert set(made) == {"tokens", "pooled"} and (tmp_path / "out/dim").read_text() == "24\n"
    assert list(made["tokens"]) == sorted(made["pooled"]) == list(read_table(audio / "wav.scp"))
    for utterance, speech, lengths in singly(audio):
        tokens, mean = (value[0].numpy() for value in encoder(speech, lengths))
        assert made["tokens"][utterance].shape == (10, 24) and made["tokens"][utterance].dtype == np.float32
        np.testing.assert_allclose(made["tokens"][utterance], tokens, atol=1e-5)
        np.testing.assert_allclose(made["pooled"][utterance], np.concatenate([tokens.mean(0), mean]), atol=1e-5)


@pytest.mark.parametrize("layer", [None, 1])
def test_whisper_features(audio, whisper_pt, tmp_path, layer):
    made = run(audio, tmp_path / "out", checkpoint=whisper_pt, **({} if layer is None else {"layer": layer}))
    encoder = WhisperEncoder.from_checkpoint(whisper_pt).eval()
    assert set(made) == {"pooled"}
    for utterance, speech, lengths in singly(audio):
        with torch.no_grad():
            frames = encoder(speech, lengths, layer=layer)[0][0].numpy()
        wanted = np.concatenate([frames.mean(0), frames.std(0)])
        assert made["pooled"][utterance].shape == (32,)
        np.testing.assert_allclose(made["pooled"][utterance], wanted, atol=1e-5)


def test_size_of_the_batches_changes_nothing(audio, files, tmp_path):
    small, large = (run(audio, tmp_path / seconds, **files, batch_seconds=seconds) for seconds in ("0.01", "100"))
    for name in small:
        for utterance in small[name]:
            np.testing.assert_allclose(small[name][utterance], large[name][utterance], atol=1e-5)


def test_buckets():
    samples = {"a": 10, "b": 20, "c": 25, "d": 25, "e": 90}
    assert list(buckets(list("abcde"), samples, 75)) == [["a", "b", "c"], ["d"], ["e"]]
    assert list(buckets(list("abcde"), samples, 1)) == [["a"], ["b"], ["c"], ["d"], ["e"]]
    assert list(buckets(list("abcde"), samples, 1e6)) == [list("abcde")]
    assert list(buckets([], samples, 10)) == []


def test_nothing_is_left_after_an_error(audio, files, tmp_path):
    broken = shutil.copytree(audio, tmp_path / "dump")
    lines = (broken / "wav.scp").read_text().splitlines()
    longest = max(read_table(audio / "speech_shape").items(), key=lambda item: int(item[1]))[0]
    lines = [f"{longest} /nowhere.ark:5" if line.startswith(longest) else line for line in lines]
    (broken / "wav.scp").write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError, match="nowhere.ark:5: no such file"):
        run(broken, tmp_path / "out", **files, batch_seconds=0.01)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["dim"]


def test_faults_are_named(audio, files, tmp_path):
    with pytest.raises(InputError, match="utterance_mode 'first': expected one of"):
        run(audio, tmp_path / "out", **files, utterance_mode="first")
    with pytest.raises(InputError, match="not an openai-whisper checkpoint"):
        run(audio, tmp_path / "out", checkpoint=files["checkpoint"])
    assert not (tmp_path / "out").exists()
