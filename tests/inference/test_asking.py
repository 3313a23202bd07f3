"""Questions of style, measured levels and several prompts, asked of a trained system."""

import json

import pytest
import torch
import yaml

from c2ser.bin import decode, make_style
from c2ser.cot import templates
from c2ser.cot.prompts import PARAPHRASES
from c2ser.cot.questions import QUESTIONS, answer, levels_of, told
from c2ser.datadir import DataDir, read_table, write_table
from c2ser.emotions import EMOTIONS
from c2ser.errors import InputError
from c2ser.inference.bundle import Bundle
from c2ser.inference.decoding import Decoding
from c2ser.inference.predictor import Predictor
from c2ser.models.language_model import answer_ids
from c2ser.packing.parts import copy_parts
from c2ser.prosody.measures import Levels
from tests.builders import c2ser_config, c2ser_model, dump, write_parts
from tests.closeness import nearly
from tests.inference.conftest import assert_same

FEW = Decoding(max_new_tokens={"explicit": 6, "implicit": 3})


@pytest.fixture(scope="module")
def told_system(tmp_path_factory, llm_dir):
    """A system without Whisper that is told the style, cut by the training set beside it. Returns its folder."""
    folder = tmp_path_factory.mktemp("told")
    data = DataDir(dump(folder / "data", 6))
    data.write_speakers({utterance: "s1" for utterance in data.read("wav.scp")})
    names = data.utterances()
    for table, values in {"utt2f0": (100, 120, 200, 210, 220, 230), "utt2loudness": (-40, -20, -30, -20, -20, -10)}.items():
        write_table(data.path / table, {name: f"{value:.2f}" for name, value in zip(names, values)})
    data.write("utt2lang", dict.fromkeys(names, "zh"))
    options = ["--out_dirs", str(data.path), "--stats", str(folder / "style.json"), "--measures", "pitch", "volume"]
    make_style.main(["--train_dir", str(data.path), *options])
    config = c2ser_config(llm_dir, None, prompt_language="zh", model_conf={"train_mode": "implicit"}, measured_style=True)
    config["emotion_dim"] = 24
    modes = {"implicit": write_parts(folder / "implicit", config, c2ser_model(config, 3))}
    Bundle(list(EMOTIONS), ["zh"], llm_dir, None, None, modes, style=folder / "style.json").write(folder)
    return folder


@pytest.fixture(scope="module")
def emotion():
    return list(torch.randn(5, 10, 24, generator=torch.Generator().manual_seed(3)).numpy())


def test_answers_to_questions_do_not_depend_on_the_batch(system_dir, speech):
    made = {}
    for size in (1, 5):
        decoding = Decoding(batch_size=size, max_new_tokens={"explicit": 6, "implicit": 3})
        made[size] = Predictor(system_dir, decoding=decoding, questions=QUESTIONS)(speech[1:4])
    assert_same(made[1], made[5])
    assert [one.asked for one in made[1]] == [one.asked for one in made[5]]
    assert all(set(one.asked) == set(QUESTIONS) for one in made[1])
    assert_same(made[5], Predictor(system_dir, decoding=FEW)(speech[1:4]))  # asking changes no other answer


@torch.no_grad()
def test_the_level_is_that_of_the_most_likely_answer(system_dir, speech):
    """Against whole forward passes, an answer at a time."""
    predictor = Predictor(system_dir, decoding=FEW, questions=["speed", "lively"])
    model = predictor._model("implicit")
    heard = predictor._hear(model, speech[:2], None, None)
    embed = model.llm.get_input_embeddings()
    for question in ("speed", "lively"):
        for row, prefix in enumerate(model.prefixes(question, *heard)):
            likely = {}
            for level in levels_of(question):
                ids = torch.tensor(answer_ids(predictor.tokenizer, answer(question, level, "zh")))
                logits = model.llm(inputs_embeds=torch.cat([prefix, embed(ids)])[None], use_cache=False).logits[0]
                likely[level] = float(logits[len(prefix) - 1 : -1].log_softmax(-1)[torch.arange(len(ids)), ids].sum())
            assert predictor(speech[row])[0].asked[question] == max(likely, key=likely.get)


@pytest.mark.parametrize("mode", ["implicit", "explicit"])
def test_several_prompts_are_the_mean_of_their_posteriors(system_dir, speech, mode):
    each = [Predictor(system_dir, decoding=FEW, paraphrase=number)(speech[:2], mode) for number in range(3)]
    made = Predictor(system_dir, decoding=FEW, ensemble=2)(speech[:2], mode)
    for one, prompts in zip(made, zip(*each, strict=True), strict=True):
        mean = {label: sum(prompt.posterior[label] for prompt in prompts) / 3 for label in EMOTIONS}
        assert list(one.posterior.values()) == nearly(list(mean.values()))
        assert one.label == max(mean, key=mean.get) and one.text == prompts[0].text
    assert any(list(one.posterior.values()) != nearly(list(single.posterior.values())) for one, single in zip(made, each[0]))
    with pytest.raises(InputError, match="ensemble_prompts"):
        Predictor(system_dir, decoding=Decoding(methods=["free"]), ensemble=2)
    with pytest.raises(InputError, match="there are 1 to 5"):
        Predictor(system_dir, decoding=FEW, ensemble=len(PARAPHRASES[mode]) + 1)(speech[:1], mode)


def test_given_rationales_are_judged_as_generated_ones(system_dir, speech):
    predictor = Predictor(system_dir, decoding=FEW)
    made = predictor(speech, "explicit")
    assert_given = predictor(speech, "explicit", rationales=[one.text for one in made])
    for one, other in zip(made, assert_given, strict=True):
        assert list(one.posterior.values()) == nearly(list(other.posterior.values())) and other.tokens == 0
    others = predictor(speech, "explicit", rationales=["说话者语速缓慢。"] * 5)
    assert any(list(one.posterior.values()) != nearly(list(other.posterior.values())) for one, other in zip(made, others))


@torch.no_grad()
def test_a_verdict_that_comes_first_is_scored_there(system_dir, speech, tmp_path):
    """Before any rationale, and without the end of an answer, against whole forward passes; a rationale changes nothing."""
    bundle = Bundle.read(system_dir)
    config = yaml.safe_load(bundle.modes["explicit"]["config"].read_text())
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({**config, "verdict": "first"}))
    bundle.modes["explicit"]["config"] = tmp_path / "config.yaml"
    bundle.write(tmp_path)
    predictor = Predictor(tmp_path, decoding=FEW)
    model = predictor._model("explicit")
    prefix = model.prefixes("explicit", *predictor._hear(model, speech[1:2], None, None))[0]
    embed, likely = model.llm.get_input_embeddings(), []
    for emotion in EMOTIONS:
        ids = torch.tensor(answer_ids(predictor.tokenizer, templates.load("zh").implicit_answer(emotion))[:-1])
        logits = model.llm(inputs_embeds=torch.cat([prefix, embed(ids)])[None], use_cache=False).logits[0]
        likely.append(float(logits[len(prefix) - 1 : -1].log_softmax(-1)[torch.arange(len(ids)), ids].double().sum()))
    made = predictor(speech[1], "explicit")[0]
    assert list(made.posterior.values()) == pytest.approx(torch.tensor(likely).softmax(0).tolist(), rel=1e-3)
    given = predictor(speech[1], "explicit", rationales=["情绪：快乐。说话者语速缓慢。"])[0]
    assert list(given.posterior.values()) == nearly(list(made.posterior.values())) and given.parsed == "happy"
    assert predictor(speech[1])[0].posterior == nearly(Predictor(system_dir, decoding=FEW)(speech[1])[0].posterior)


def test_measured_levels_are_told_by_the_code_that_cut_the_training(told_system, speech, emotion):
    """Of the bundle's statistics, by hand: pitch 180 ± 49.3 Hz, volume −23.3 ± 9.4 LUFS."""
    predictor, levels = Predictor(told_system, decoding=FEW), Levels(told_system / "style.json")
    speech = [one * gain for one, gain in zip(speech, (0.01, 1, 1, 0.1, 1))]
    by_hand = [levels(one) for one in speech]
    assert [by_hand[row]["volume"] for row in (0, 1, 4)] == ["low", "medium", "high"]  # −63, −17 and −9 LUFS
    assert levels.told == ["pitch", "volume"] and levels.languages == ["zh"]
    assert {row["volume"] for row in by_hand} <= {"low", "medium", "high"} and by_hand[2]["pitch"] == "unknown"
    measured, given = predictor(speech, emotion=emotion), predictor(speech, emotion=emotion, styles=by_hand)
    assert_same(measured, given)
    other = predictor(speech, emotion=emotion, styles=[{"pitch": "high", "volume": "high"}] * 5)
    assert any(list(one.posterior.values()) != nearly(list(two.posterior.values())) for one, two in zip(measured, other))
    predictor.decoding.batch_size = 1
    assert_same(measured, predictor(speech, emotion=emotion))
    assert told(by_hand[2], "zh").startswith("测得：")


def test_decoding_tells_what_utt2style_says(told_system, tmp_path):
    data = told_system / "data"
    options = ["--model", told_system, "--mode", "implicit", "--data_dir", data, "--audio_scp", data / "wav.scp"]
    options += ["--emotion_scp", data / "emotion.scp", "--out_dir"]
    decode.main([str(word) for word in [*options, tmp_path / "a"]])
    table, first = read_table(data / "utt2style"), read_table(tmp_path / "a/posteriors")
    assert set(table.values()) > {"pitch=low volume=low"} and len(set(first.values())) == 6
    other = tmp_path / "data"
    other.mkdir()
    for name in ("utt2spk", "wav.scp"):
        (other / name).write_bytes((data / name).read_bytes())
    write_table(other / "utt2style", dict.fromkeys(table, "pitch=low volume=low"))
    decode.main([str(word) for word in [*options, tmp_path / "b", "--data_dir", other]])
    second = read_table(tmp_path / "b/posteriors")
    rows = {name: [[float(word) for word in made[name].split()] for made in (first, second)] for name in table}
    same = {name for name, (one, other) in rows.items() if one == nearly(other)}
    assert same == {name for name in table if table[name] == "pitch=low volume=low"}


def test_a_packed_system_keeps_the_statistics(told_system, tmp_path):
    packed = copy_parts(Bundle.read(told_system), tmp_path)
    packed.write(tmp_path)
    read = Bundle.read(tmp_path)
    assert read.style == tmp_path.resolve() / "style.json"
    assert json.loads(read.style.read_text()) == json.loads((told_system / "style.json").read_text())
    assert Predictor(tmp_path)._model("implicit").measured_style == "zh"


def test_a_system_without_statistics_says_so(told_system, tmp_path, speech, emotion):
    folder = Bundle.read(told_system)
    folder.style = None
    folder.write(tmp_path)
    with pytest.raises(InputError, match="its model.yaml must name the statistics"):
        Predictor(tmp_path, decoding=FEW)(speech[:1], emotion=emotion[:1])
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(InputError, match="not what c2ser make-style writes"):
        Levels(tmp_path / "x.json")
