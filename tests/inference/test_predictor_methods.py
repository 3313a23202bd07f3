"""Predictor by method: the grammar, several languages, priors, paraphrases, bfloat16, and memory that runs out."""

import pytest
import torch
import yaml

from c2ser.cot import templates
from c2ser.cot.prompts import PARAPHRASES, PROMPTS
from c2ser.emotions import EMOTIONS
from c2ser.errors import InputError
from c2ser.inference.bundle import Bundle
from c2ser.inference.calibration import Calibration, Prior
from c2ser.inference.predictor import Decoding, Predictor
from c2ser.models.language_model import answer_ids
from tests.closeness import nearly
from tests.inference.conftest import assert_same


def with_decoding(system_dir, calibration=None, paraphrase=0, **values):
    values = {"max_new_tokens": {"explicit": 20, "implicit": 5}, **values}
    return Predictor(system_dir, decoding=Decoding(**values), calibration=calibration, paraphrase=paraphrase)


@pytest.mark.parametrize("mode", ["implicit", "explicit"])
@pytest.mark.parametrize("languages", [None, ["zh", "en", "pl"]])
def test_the_grammar_leads_to_a_class(system_dir, speech, mode, languages):
    """With a beam for every answer it is the most likely one; in one language that is the scored class."""
    predictor = with_decoding(
        system_dir, num_beams=21, max_new_tokens={"explicit": 6, "implicit": 2}, languages=languages
    )
    for made in predictor(speech, mode):
        assert made.constrained in EMOTIONS
        if not languages:
            assert made.constrained == made.label


@torch.no_grad()
def test_classes_are_as_likely_as_their_answers_together(system_dir, speech):
    predictor = with_decoding(system_dir, languages=["en", "it"])
    model = predictor._model("implicit")
    prefixes = model.prefixes("implicit", *predictor._hear(model, [speech[1]], None, None))
    embed, likely = model.llm.get_input_embeddings(), torch.zeros(len(EMOTIONS), dtype=torch.float64)
    for language in ("en", "it"):
        for place, emotion in enumerate(EMOTIONS):
            ids = torch.tensor(answer_ids(predictor.tokenizer, templates.load(language).implicit_answer(emotion)))
            logits = model.llm(inputs_embeds=torch.cat([prefixes[0], embed(ids)])[None], use_cache=False).logits[0]
            rows = logits[len(prefixes[0]) - 1 : -1].log_softmax(-1)
            likely[place] += rows[torch.arange(len(ids)), ids].double().sum().exp()
    made = list(predictor(speech[1:2])[0].posterior.values())
    assert made == pytest.approx((likely / likely.sum()).tolist(), rel=1e-3)
    alone = [with_decoding(system_dir, languages=[language])(speech[1:2])[0].posterior for language in ("en", "it")]
    assert any(made != pytest.approx(list(one.values()), rel=0.05) for one in alone)


def test_only_what_is_asked_for_is_made(system_dir, speech):
    plain = with_decoding(system_dir)(speech)
    for made, wanted in zip(with_decoding(system_dir, methods=["score"])(speech), plain, strict=True):
        assert (made.text, made.tokens, made.parsed, made.constrained) == ("", 0, None, None)
        assert made.label == wanted.label and made.posterior == nearly(wanted.posterior)
    for made, wanted in zip(with_decoding(system_dir, methods=["free"])(speech), plain, strict=True):
        assert (made.text, made.parsed, made.tokens) == (wanted.text, wanted.parsed, wanted.tokens)
        assert made.label is made.posterior is made.constrained is None
    for made in with_decoding(system_dir, methods=["constrained"])(speech, "explicit"):
        assert made.tokens > 0 and made.constrained in EMOTIONS and made.parsed is made.posterior is None


def test_too_large_batches_are_halved(system_dir, speech, monkeypatch, caplog):
    predictor = with_decoding(system_dir, batch_size=4)
    wanted, whole, sizes = predictor(speech), Predictor._generate, []

    def limited(self, model, mode, prefixes, seeds):
        sizes.append(len(prefixes))
        if len(prefixes) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return whole(self, model, mode, prefixes, seeds)

    monkeypatch.setattr(Predictor, "_generate", limited)
    seen = []
    assert_same(predictor(speech, made=seen.append), wanted)
    assert sizes == [4, 2, 2, 1] and [len(batch) for batch in seen] == [2, 2, 1]
    assert "out of memory with 4 at once (array 2, …): going on with 2" in caplog.text


def test_an_utterance_that_never_fits_is_named(system_dir, speech, monkeypatch):
    def fail(*_):
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(Predictor, "_generate", fail)
    with pytest.raises(InputError, match="^utt3: out of memory, although it is alone in its batch"):
        with_decoding(system_dir)(speech, names=[f"utt{number + 1}" for number in range(5)])


def test_what_was_trained_in_bfloat16_answers_in_float32(system_dir, speech, monkeypatch, caplog):
    """On a processor without bfloat16 instructions, of which nobody need be warned then."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    predictor = with_decoding(system_dir)
    trained = predictor._config("implicit")
    trained.llm_conf["dtype"] = "bfloat16"
    monkeypatch.setattr(predictor, "_config", lambda mode: trained)
    with caplog.at_level("INFO"):
        assert predictor(speech[:1])[0].label in EMOTIONS
    assert predictor._model("implicit").llm.get_input_embeddings().weight.dtype == torch.float32
    assert predictor.precision("implicit") == "trained in bfloat16, answering in float32"
    assert not [said for said in caplog.messages if "bfloat16" in said]


@pytest.mark.parametrize("old, new", [(True, "bfloat16"), (False, "none")])
def test_a_system_of_before_is_read(system_dir, speech, tmp_path, old, new):
    """When llm_autocast was called llm_bfloat16."""
    bundle = Bundle.read(system_dir)
    config = yaml.safe_load(bundle.modes["implicit"]["config"].read_text(encoding="utf-8"))
    config["model_conf"] = {**config["model_conf"], "llm_bfloat16": old}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    bundle.modes["implicit"] = {**bundle.modes["implicit"], "config": tmp_path / "config.yaml"}
    bundle.write(tmp_path)
    predictor = Predictor(tmp_path)
    assert predictor._config("implicit").model_conf["llm_autocast"] == new
    assert predictor(speech[:1])[0].posterior == nearly(Predictor(system_dir)(speech[:1])[0].posterior)


def test_bfloat16_is_close(system_dir, speech):
    rounded = with_decoding(system_dir, dtype="bfloat16")
    assert rounded._model("implicit").llm.get_input_embeddings().weight.dtype == torch.bfloat16
    assert rounded._model("implicit").connector.project.weight.dtype == torch.float32
    for mode in ("implicit", "explicit"):
        made = rounded(speech, mode)
        assert all(p.constrained in EMOTIONS and sum(p.posterior.values()) == pytest.approx(1) for p in made)
    exact = with_decoding(system_dir)(speech)
    distances = [
        abs(one.posterior[emotion] - other.posterior[emotion])
        for one, other in zip(rounded(speech), exact, strict=True)
        for emotion in EMOTIONS
    ]
    assert 0 < max(distances) < 0.1


def test_paraphrases_are_asked(system_dir, speech):
    plain, other = with_decoding(system_dir), with_decoding(system_dir, paraphrase=2)
    assert plain.question("implicit") == PROMPTS["zh"]["implicit"]
    assert other.question("implicit") == PARAPHRASES["implicit"][1]
    assert (
        other._model("implicit").prompts["implicit"][0].tolist()
        == other.tokenizer(other.question("implicit")).input_ids
    )
    assert [p.posterior for p in other(speech)] != [p.posterior for p in plain(speech)]
    with pytest.raises(InputError, match="paraphrase 6: there are 1 to 5; 0 is the trained prompt"):
        with_decoding(system_dir, paraphrase=6)(speech)


def test_posteriors_are_corrected(system_dir, speech):
    prior = tuple(value / 28 for value in range(1, 8))
    calibration = Calibration(EMOTIONS, "implicit", 2.0, {"train": Prior(prior, 0.5)})
    plain = with_decoding(system_dir)(speech)
    for strength, used in ((None, 0.5), (1.5, 1.5)):
        made = with_decoding(system_dir, calibration, prior="train", prior_strength=strength)(speech)
        for one, other in zip(made, plain, strict=True):
            raw = [other.posterior[emotion] ** 0.5 / share**used for emotion, share in zip(EMOTIONS, prior)]
            wanted = {emotion: value / sum(raw) for emotion, value in zip(EMOTIONS, raw)}
            assert one.posterior == pytest.approx(wanted, rel=1e-4)
            assert one.label == max(wanted, key=wanted.get)
            assert (one.text, one.constrained) == (other.text, other.constrained)
    with pytest.raises(InputError, match="the calibration is of mode implicit, not explicit"):
        with_decoding(system_dir, calibration)(speech, "explicit")
    with pytest.raises(InputError, match="prior 'dev': the calibration has train; rerun"):
        with_decoding(system_dir, calibration, prior="dev")
    with pytest.raises(InputError, match="prior 'train': stands in a calibration; give one"):
        with_decoding(system_dir, prior="train")
    with pytest.raises(InputError, match="the calibration is for the classes sad; here they are angry"):
        with_decoding(system_dir, Calibration(("sad",), "implicit", 1.0, {}))


def test_batches_hold_so_much_speech_and_no_more(system_dir, speech):
    """Of 400, 4000, 7777, 12000 and 16000 samples: each counts as much as the longest of its batch."""
    whole, seen = with_decoding(system_dir)(speech), []
    made = with_decoding(system_dir, batch_seconds=1.0)(speech, made=seen.append)
    assert [[len(speech[index]) for index in batch] for batch in seen] == [[400, 4000], [7777], [12000], [16000]]
    assert_same(made, whole)


def test_two_modes_have_one_base(system_dir, speech):
    """Adapters and front ends are each mode's own; the frozen weights are in memory once."""
    both = with_decoding(system_dir)
    apart = {mode: with_decoding(system_dir)(speech, mode) for mode in ("implicit", "explicit")}
    for mode in ("implicit", "explicit", "implicit"):
        assert_same(both(speech, mode), apart[mode])
    first, second = (dict(both._model(mode).llm.named_parameters()) for mode in ("implicit", "explicit"))
    assert {name for name in first if first[name] is not second[name]} == {name for name in first if ".lora_" in name}
    assert both._model("implicit").llm.get_output_embeddings() is not both._model("explicit").llm.get_output_embeddings()


def test_the_second_mode_must_bring_its_adapters(system_dir, speech, tmp_path):
    bundle = Bundle.read(system_dir)
    state = torch.load(bundle.modes["explicit"]["checkpoint"], weights_only=True)
    torch.save({name: value for name, value in state.items() if ".lora_" not in name}, tmp_path / "model.pth")
    bundle.modes["explicit"] = {**bundle.modes["explicit"], "checkpoint": tmp_path / "model.pth"}
    bundle.write(tmp_path)
    predictor = Predictor(tmp_path)
    predictor(speech[:1], "implicit")
    with pytest.raises(InputError, match="model.pth: does not fit"):
        predictor(speech[:1], "explicit")


def test_modes_of_one_checkpoint_are_one_model(system_dir, speech, tmp_path):
    bundle = Bundle.read(system_dir)
    bundle.modes["explicit"] = bundle.modes["implicit"]
    bundle.write(tmp_path)
    predictor = Predictor(tmp_path, decoding=Decoding(max_new_tokens={"explicit": 4, "implicit": 4}))
    predictor(speech, "implicit"), predictor(speech, "explicit")
    assert predictor._model("implicit") is predictor._model("explicit")


@torch.no_grad()
@pytest.mark.parametrize("mode", ["implicit", "explicit"])
def test_words_of_ones_own_are_scored(system_dir, speech, mode):
    """Each answer in one pass of the whole model without a cache: a class by its Chinese name, however it is spelt, and a
    new word as it is; in explicit mode behind the rationale."""
    words = {"Anger": "愤怒", "sad": "悲伤", "calm": "calm", "no love": "no love"}
    predictor = Predictor(system_dir, decoding=Decoding(max_new_tokens={"explicit": 12}), labels=list(words))
    model, tokenizer = predictor._model(mode), predictor.tokenizer
    for answer, samples in zip(predictor(speech[:2], mode), speech):
        reasoning = answer.text.partition("情绪：")[0].strip() if mode == "explicit" else ""
        prefix = model.prefixes(mode, *predictor._hear(model, [samples], None, None))[0]
        scores = []
        for word in words.values():
            ids = [*tokenizer(f"{reasoning}情绪：{word}。", add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
            inputs = torch.cat([prefix, model.llm.get_input_embeddings()(torch.tensor(ids))])[None]
            logits = model.llm(inputs_embeds=inputs).logits[0, len(prefix) - 1 : -1].double()
            scores.append(logits.log_softmax(-1).gather(1, torch.tensor(ids)[:, None]).sum())
        wanted = dict(zip(words, torch.stack(scores).softmax(0).tolist()))
        assert answer.posterior == nearly(wanted) and answer.label == max(wanted, key=wanted.get)
        assert answer.constrained in words


def test_words_that_cannot_be_told_apart_are_refused(system_dir):
    for labels, message in (
        (["angry", "anger", "sad"], "'angry' and 'anger' are the same answer"), (["calm", "calm"], "the same answer"),
        (["sad"], "labels: sad: name at least two"), ([], "labels: none: name at least two"),
        (["sad", "ღღ"], "'ღღ': the tokenizer of this system has no letters for it"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=message):
            Predictor(system_dir, labels=labels)
