"""Predictor, from files to answers: the batch changes nothing, inputs of any kind, faults that name the file."""

import shutil

import numpy as np
import pytest
import soundfile
import torch
import yaml

import c2ser
from c2ser.audio import read_audio
from c2ser.bin import pack
from c2ser.cot import templates
from c2ser.emotions import EMOTIONS, NAMES
from c2ser.errors import InputError
from c2ser.inference.bundle import Bundle
from c2ser.inference.predictor import Decoding, Predictor
from c2ser.inference.system import LATER_OPTIONS
from c2ser.models.language_model import answer_ids
from tests.builders import c2ser_config, c2ser_model, write_parts
from tests.closeness import nearly
from tests.inference.conftest import assert_same


@pytest.fixture(scope="module")
def predictor(system_dir):
    return Predictor(system_dir, decoding=Decoding(max_new_tokens={"explicit": 20, "implicit": 5}))


@pytest.fixture(scope="module")
def wav(tmp_path_factory, speech):
    """wav("name.flac", rate=…, channels=…): write the second utterance."""
    folder = tmp_path_factory.mktemp("audio")

    def write(name, samples=speech[1], rate=16000, **options):
        soundfile.write(folder / name, samples, rate, **options)
        return folder / name

    return write


@pytest.mark.parametrize("mode", ["implicit", "explicit"])
def test_batch_size_changes_nothing(predictor, speech, mode):
    made = {}
    for size in (1, 2, 16):
        predictor.decoding.batch_size = size
        made[size] = predictor(speech, mode)
    assert_same(made[1], made[16])
    assert_same(made[2], made[16])
    posteriors = {tuple(round(value, 4) for value in p.posterior.values()) for p in made[16]}
    assert len(posteriors) == len(speech)  # every utterance is answered on its own merits


@pytest.mark.parametrize("mode", ["implicit", "explicit"])
def test_order_and_company_change_nothing(predictor, speech, mode):
    together = predictor(speech, mode)
    assert_same(predictor(speech[::-1], mode), together[::-1])
    assert_same(predictor(speech[2:3], mode), together[2:3])


@pytest.mark.parametrize("mode", ["implicit", "explicit"])
def test_posteriors_are_probabilities_of_the_classes(predictor, speech, mode):
    for prediction in predictor(speech, mode):
        assert tuple(prediction.posterior) == EMOTIONS
        assert sum(prediction.posterior.values()) == nearly(1.0)
        assert min(prediction.posterior.values()) > 0
        assert prediction.label == max(prediction.posterior, key=prediction.posterior.get)
        assert prediction.parsed in (*EMOTIONS, None)
        assert 0 <= prediction.tokens <= (20 if mode == "explicit" else 5)


@torch.no_grad()
def test_posterior_is_the_likelihood_of_the_answers(predictor, speech):
    """Each class's answer scored by one pass of the whole model without a cache, normalised over the classes."""
    model = predictor._model("implicit")
    samples = torch.from_numpy(speech[3])[None]
    lengths = torch.tensor([samples.shape[1]])
    tokens = predictor.emotion_encoder(samples, lengths)[0]
    (prefix,) = model.prefixes("implicit", *model.hear(samples, lengths, tokens))
    embed, scores = model.llm.get_input_embeddings(), []
    for emotion in EMOTIONS:
        ids = torch.tensor(answer_ids(predictor.tokenizer, templates.load("zh").implicit_answer(emotion)))
        logits = model.llm(inputs_embeds=torch.cat([prefix, embed(ids)])[None]).logits[0, len(prefix) - 1 : -1]
        scores.append(logits.log_softmax(-1)[torch.arange(len(ids)), ids].sum())
    wanted = torch.stack(scores).softmax(0).tolist()
    assert list(predictor(speech[3:4])[0].posterior.values()) == nearly(wanted)


def test_modes_are_two_models_and_prompts(predictor, speech):
    implicit, explicit = predictor(speech, "implicit"), predictor(speech, "explicit")
    assert [p.posterior for p in implicit] != [p.posterior for p in explicit]
    assert any(p.text for p in explicit) and max(p.tokens for p in explicit) > 5
    with pytest.raises(InputError, match="mode 'loud': this system has explicit, implicit"):
        predictor(speech, "loud")


def test_explicit_candidates_keep_the_rationale(predictor):
    cases = {
        "请描述。情绪：悲伤。情绪：快乐。": "请描述。情绪：悲伤。",
        "  请描述 ": "请描述",
        "": "",
        "情绪：快乐。": "",
    }
    for given, kept in cases.items():
        ids = predictor.answers.candidates("explicit", given)
        made = [predictor.tokenizer.decode(candidate, skip_special_tokens=True) for candidate in ids]
        assert made == [f"{kept}情绪：{NAMES['zh'][emotion]}。" for emotion in EMOTIONS]
        assert all(candidate[-1] == predictor.tokenizer.eos_token_id for candidate in ids)


def test_precomputed_features_serve_as_well(predictor, speech):
    given = []
    for samples in speech:
        tokens = predictor.emotion_encoder(torch.from_numpy(samples)[None], torch.tensor([len(samples)]))[0]
        given.append(tokens[0].numpy())
    assert_same(predictor(speech, emotion=given), predictor(speech))
    other = predictor(speech, emotion=[feature + 1 for feature in given])
    assert [p.posterior for p in other] != [p.posterior for p in predictor(speech)]


def test_beams_do_not_depend_on_the_batch(system_dir, speech):
    made = []
    for size in (1, 8):
        decoding = Decoding(size, num_beams=3, repetition_penalty=1.1, max_new_tokens={"explicit": 8, "implicit": 4})
        made.append(Predictor(system_dir, decoding=decoding)(speech, "explicit"))
    assert_same(*made)


def test_the_package_offers_it():
    assert c2ser.Predictor is Predictor
    with pytest.raises(AttributeError, match="module 'c2ser' has no attribute 'Prophet'"):
        c2ser.Prophet


def test_progress_is_told(predictor, speech):
    predictor.decoding.batch_size, seen = 2, []
    made = predictor(speech, made=seen.append)
    assert [len(batch) for batch in seen] == [2, 2, 1]
    assert {index: one for batch in seen for index, one in batch.items()} == dict(enumerate(made))
    assert predictor.seconds["generation"] > 0 and predictor.seconds["scoring"] > 0


def test_nothing_to_do(predictor):
    assert predictor([]) == []


@pytest.mark.parametrize(("name", "options"), [("a.wav", {"subtype": "FLOAT"}), ("b.flac", {}), ("c.wav", {})])
def test_files_are_what_their_samples_are(predictor, wav, speech, name, options):
    path = wav(name, **options)
    for given in (path, str(path)):
        made = predictor([given])[0]
        assert made.posterior == nearly(predictor([read_audio(str(path))])[0].posterior)
        assert made.posterior == pytest.approx(predictor(speech[1:2])[0].posterior, abs=0.02)


@pytest.mark.parametrize(("name", "rate"), [("d.ogg", 16000), ("e.wav", 8000), ("f.wav", 44100), ("g.flac", 48000)])
def test_any_rate_and_format_is_answered(predictor, wav, name, rate):
    made = predictor([wav(name, rate=rate)])[0]
    assert sum(made.posterior.values()) == nearly(1.0)


def test_channels_are_chosen(predictor, wav, speech):
    other = speech[4][: len(speech[1])]
    path = wav("stereo.wav", np.stack([speech[1], other], axis=1), subtype="FLOAT")
    assert_same(predictor([path], channel="1"), predictor([speech[1]]))
    assert_same(predictor([path], channel=2), predictor([other]))
    assert_same(predictor([path], channel="mean"), predictor([(speech[1] + other) / 2]))
    with pytest.raises(InputError, match=r"stereo.wav: 2 channels; choose one with --channel"):
        predictor([path])
    with pytest.raises(InputError, match=r"stereo.wav: channel 3 is not there"):
        predictor([path], channel=3)


def test_faults_name_the_file(predictor, wav, tmp_path):
    (tmp_path / "empty.wav").touch()
    (tmp_path / "words.wav").write_text("no audio at all")
    faults = {
        tmp_path / "missing.wav": "missing.wav: no such file",
        tmp_path / "empty.wav": "empty.wav: the file is empty",
        tmp_path / "words.wav": "words.wav: not audio",
        wav("nan.wav", np.full(800, np.nan, np.float32), subtype="FLOAT"): "nan.wav: holds NaN",
        wav("none.wav", np.zeros(0, np.float32)): "none.wav: holds no samples",
        wav("short.wav", np.zeros(399, np.float32)): "short.wav: 399 samples at 16 kHz; at least 400",
    }
    good = wav("good.wav")
    for path, words in faults.items():
        with pytest.raises(InputError, match=words):
            predictor([good, path])


def test_faulty_arrays_are_refused(predictor):
    for samples in (np.zeros((800, 2), np.float32), np.full(800, np.inf, np.float32), np.zeros(100, np.float32)):
        with pytest.raises(InputError, match="array 0: "):
            predictor([samples])


def test_packed_system_answers_the_same_wherever_it_stands(predictor, system_dir, speech, tmp_path):
    pack.main(["--model", str(system_dir), "--out_dir", str(tmp_path / "packed")])
    moved = shutil.move(tmp_path / "packed", tmp_path / "somewhere else")
    parts = ("emotion2vec_s", "explicit", "implicit")
    assert {path.name for path in moved.iterdir()} == {*parts, "llm", "model.yaml", "whisper.safetensors", "README.md"}
    for part in parts:
        assert {path.name for path in (moved / part).iterdir()} == {"config.yaml", "model.safetensors"}
    other = Predictor(moved, decoding=predictor.decoding)
    assert all(path.is_relative_to(moved) for path in (other.bundle.llm, other.bundle.whisper))
    for mode in ("implicit", "explicit"):
        assert_same(other(speech, mode), predictor(speech, mode))


def copy_of(system_dir, folder, change):
    """A packed copy whose model.yaml was changed."""
    pack.main(["--model", str(system_dir), "--out_dir", str(folder)])
    values = yaml.safe_load((folder / "model.yaml").read_text(encoding="utf-8"))
    change(values)
    (folder / "model.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    return folder


def test_older_configurations_are_read(predictor, system_dir, speech, tmp_path):
    folder = copy_of(system_dir, tmp_path / "old", lambda values: None)
    config = yaml.safe_load((folder / "implicit/config.yaml").read_text(encoding="utf-8"))
    for name in LATER_OPTIONS:
        del config[name]
    (folder / "implicit/config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    assert_same(Predictor(folder, decoding=predictor.decoding)(speech), predictor(speech))


def test_a_system_without_ears_reads(llm_dir, speech, tmp_path):
    """The text-only ablation: what it says depends on the transcripts alone."""
    config = c2ser_config(llm_dir, None, prompt_language="zh", model_conf={"train_mode": "implicit"}, text_only=True)
    parts = write_parts(tmp_path / "implicit", config, c2ser_model(config))
    Bundle(list(EMOTIONS), ["zh"], llm_dir, None, None, {"implicit": parts}).write(tmp_path)
    predictor, words = Predictor(tmp_path), ["No.", "Thank you very much.", "", "No.", "I"]
    assert predictor.reads_text("implicit")
    made = predictor(speech, transcripts=words)
    assert made[0].posterior == nearly(made[3].posterior)
    assert made[0].posterior != pytest.approx(made[1].posterior, abs=1e-4)
    predictor.decoding.batch_size = 1
    assert_same(predictor(speech, transcripts=words), made)
    with pytest.raises(InputError, match="reads the transcript .text_only., and none was given"):
        predictor(speech)


def test_labels_of_the_system_are_scored(system_dir, speech, tmp_path):
    folder = copy_of(system_dir, tmp_path / "s", lambda values: values.update(labels=["sad", "angry"]))
    assert list(Predictor(folder)(speech[:1])[0].posterior) == ["sad", "angry"]


def test_files_that_do_not_fit_are_named(system_dir, speech, tmp_path):
    wrong = copy_of(system_dir, tmp_path / "wrong", lambda values: None)
    shutil.copy(wrong / "emotion2vec_s/model.safetensors", wrong / "implicit/model.safetensors")
    with pytest.raises(InputError, match="implicit/model.safetensors: does not fit the config.yaml"):
        Predictor(wrong)(speech[:1])
    gone = copy_of(system_dir, tmp_path / "gone", lambda values: values["modes"].pop("explicit"))
    with pytest.raises(InputError, match="mode 'explicit': this system has implicit"):
        Predictor(gone)(speech[:1], "explicit")
