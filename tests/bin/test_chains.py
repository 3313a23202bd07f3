"""Rationales that are drawn and chosen, and rationales that are changed: by hand, in batches, after a kill."""

import json

import pytest
import torch

from c2ser.bin import faithfulness, sample_cot
from c2ser.bin.sample_cot import choose, draw_seed
from c2ser.cot.rationale import build_rationale
from c2ser.datadir import DataDir, read_table, write_table
from c2ser.errors import InputError
from c2ser.inference.chat import SeededSampling
from c2ser.inference.decoding import Decoding
from c2ser.inference.generation import generate
from c2ser.inference.predictor import Predictor
from c2ser.journal import Journal
from tests.builders import dump

STYLE = {"speed": "low", "pitch": "high", "volume": "medium"}
RIGHT = build_rationale("u", STYLE, "ciao", "sad", "en")


def test_choosing_by_hand():
    wanted = {one: (STYLE, "ciao", "sad", "en") for one in ("a", "b", "c")}
    other = RIGHT.replace("Emotion: sad", "Emotion: happy")
    slow = build_rationale("u", {**STYLE, "pitch": "low"}, "ciao", "sad", "en")
    unsaid = build_rationale("u", {**STYLE, "pitch": "unknown"}, "ciao", "sad", "en")
    words = RIGHT.replace("ciao", "addio")
    drawn = [{"a": other, "b": slow, "c": unsaid}, {"a": words, "b": slow.replace("sad", "happy"), "c": ""}, {"a": RIGHT, "b": RIGHT, "c": "no"}]
    chosen, account = choose(drawn, wanted)
    assert chosen == {"a": words, "b": RIGHT}
    assert account == {
        "utterances": 3, "chosen": 2, "drawn": 9, "right": 3, "refused": {"language": 2, "style": 5, "verdict": 4}
    }  # fmt: skip
    chosen, account = choose(drawn, wanted, exact_words=True)
    assert chosen == {"a": RIGHT, "b": RIGHT} and account["refused"]["quote"] == 3 and account["right"] == 2


def test_a_drawn_token_is_drawn_by_its_probability(system_dir, speech):
    """First tokens of many seeds against the softmax of a whole forward pass at that temperature."""
    predictor = Predictor(system_dir)
    model = predictor._model("explicit")
    prefix = model.prefixes("explicit", *predictor._hear(model, [speech[1]], None, None))[0]
    with torch.no_grad():
        wanted = (model.llm(inputs_embeds=prefix[None], use_cache=False).logits[0, -1].double() / 0.3).softmax(-1)
    made = [generate(model, [prefix] * 200, predictor.tokenizer, 1, sampling=SeededSampling(range(200 * k, 200 * k + 200), 0.3, 1.0)) for k in range(3)]
    end = predictor.tokenizer.eos_token_id
    counts = torch.bincount(torch.tensor([row[0] if row else end for rows in made for row in rows]), minlength=len(wanted)) / 600
    assert float((counts - wanted).abs().max()) < 4 * (0.25 / 600) ** 0.5 and len(counts.nonzero()) > 3


@pytest.fixture(scope="module")
def speech():
    from tests.builders import waves

    padded, _ = waves([4000, 12000])
    return [wave[:length].numpy() for wave, length in zip(padded, [4000, 12000])]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Five labelled utterances of three speakers with rationales in Chinese."""
    data = DataDir(dump(tmp_path_factory.mktemp("chains") / "dump", 5))
    names = list(data.read("wav.scp"))
    data.write_speakers({name: f"s{number % 3}" for number, name in enumerate(names)})
    data.write("utt2emo", {name: ("angry", "sad")[number % 2] for number, name in enumerate(names)})
    data.write("utt2style", dict.fromkeys(names, "speed=low pitch=high volume=medium"))
    data.write("text", dict.fromkeys(names, "好"))
    emotions = data.read("utt2emo")
    data.write("cot_explicit", {name: build_rationale(name, STYLE, "好", emotions[name], "zh") for name in names})
    return data


def command(module, data, system_dir, out, *more):
    options = ["--model", system_dir, "--data_dir", data.path, "--audio_scp", data.path / "wav.scp", "--out_dir", out]
    module.main([str(word) for word in [*options, "--config", out.parent / "decode.yaml", *more]])
    return {path.name: path.read_bytes() for path in out.iterdir()}


class Stopped(Exception):
    pass


def stopping(monkeypatch, after):
    """Journals that stop the run once they were given so many batches in all."""
    given, add = [], Journal.add

    def stop(self, entry):
        if len(given) == after:
            raise Stopped
        given.append(entry)
        add(self, entry)

    monkeypatch.setattr(Journal, "add", stop)


def configured(tmp_path, size):
    (tmp_path / "decode.yaml").write_text(f"batch_size: {size}\nmax_new_tokens: {{explicit: 8, implicit: 3}}\n")


def test_draws_depend_on_nothing_but_seed_utterance_and_number(data, system_dir, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(sample_cot, "choose", lambda texts, wanted, exact: drawn.append(texts) or choose(texts, wanted, exact))
    for size, more in ((1, ()), (5, ()), (5, ("--seed", "1"))):
        configured(tmp_path, size)
        command(sample_cot, data, system_dir, tmp_path / f"{size}{len(more)}", "--samples", "2", *more)
    one, five, other = drawn
    assert one == five != other and one[0] != one[1] and set(one[0]) == set(data.utterances())
    assert draw_seed(0, "a", 1) != draw_seed(0, "a", 2) != draw_seed(1, "a", 2) and 0 <= draw_seed(0, "a", 1) < 2**63


def test_right_rationales_take_the_place_of_the_texts(data, system_dir, tmp_path, monkeypatch):
    """With a model that is made to say the truth of one utterance; killed and resumed is as unbroken."""
    names, texts = data.utterances(), data.read("cot_explicit")
    first = build_rationale("another", STYLE, "好", data.read("utt2emo")[names[0]], "zh")
    assert first != texts[names[0]]
    answer = Predictor._generate

    def say(self, model, mode, prefixes, seeds):
        told, counts = answer(self, model, mode, prefixes, seeds)
        return [first if seed == draw_seed(0, names[0], 2) else text for seed, text in zip(seeds, told)], counts

    monkeypatch.setattr(Predictor, "_generate", say)
    configured(tmp_path, 2)
    whole = command(sample_cot, data, system_dir, tmp_path / "whole", "--samples", "3")
    assert read_table(tmp_path / "whole/explicit") == {**texts, names[0]: first}
    assert read_table(tmp_path / "whole/chosen") == {names[0]: first}
    account = json.loads(whole["sample.json"])
    assert (account["utterances"], account["drawn"], account["chosen"], account["right"]) == (5, 15, 1, 1)
    assert account["refused"]["style"] == 14 and set(whole) == {"chosen", "explicit", "sample.json"}
    with monkeypatch.context() as patched, pytest.raises(Stopped):
        stopping(patched, 4)
        command(sample_cot, data, system_dir, tmp_path / "killed", "--samples", "3")
    assert not (tmp_path / "killed/explicit").exists() and (tmp_path / "killed/sample.2.journal").exists()
    assert command(sample_cot, data, system_dir, tmp_path / "killed", "--samples", "3") == whole


def test_what_cannot_be_drawn_is_refused(data, system_dir, tmp_path):
    configured(tmp_path, 2)
    for wrong in (("--samples", "0"), ("--temperature", "0"), ("--top_p", "1.5")):
        with pytest.raises(InputError, match="--samples from 1"):
            command(sample_cot, data, system_dir, tmp_path / "out", *wrong)
    write_table(tmp_path / "texts", {data.utterances()[0]: "?"})
    with pytest.raises(InputError, match="its language is not clear"):
        command(sample_cot, data, system_dir, tmp_path / "out", "--texts", tmp_path / "texts")


def test_changed_levels_change_the_posteriors(data, system_dir, tmp_path, monkeypatch):
    """Each posterior is that of the system after the changed text; killed, resumed and batched alike."""
    configured(tmp_path, 1)
    texts, odd = {**data.read("cot_explicit"), data.utterances()[4]: "情绪：悲伤。"}, data.utterances()[1]
    texts[odd] = build_rationale(odd, {**STYLE, "speed": "high"}, "好", "sad", "zh")
    write_table(tmp_path / "given", texts)
    whole = command(faithfulness, data, system_dir, tmp_path / "whole", "--rationales", tmp_path / "given")
    account = json.loads(whole["faithfulness.json"])
    assert (account["utterances"], account["without_levels"]) == (4, 1)
    assert {change: found["n"] for change, found in account["changes"].items()} == {"swapped": 4, "shuffled": 2, "removed": 4}
    rows = [line.split("\t") for line in whole["faithfulness.tsv"].decode().splitlines()[1:]]
    assert len(rows) == 10 and any(float(row[2]) > 1e-4 for row in rows)
    assert {row[0] for row in rows if row[1] == "shuffled"} >= {odd}  # the others state the same as their partners
    assert account["changes"]["swapped"]["moved"]["value"] == pytest.approx(
        sum(float(row[2]) for row in rows if row[1] == "swapped") / 4, rel=1e-4
    )
    name = data.utterances()[0]
    from c2ser.audio import read_audio
    from c2ser.cot.alter import altered

    sound = read_audio(data.read("wav.scp")[name])
    predictor = Predictor(system_dir, decoding=Decoding(methods=["score"]))
    given, removed = (
        predictor(sound, "explicit", rationales=[text])[0].posterior
        for text in (texts[name], altered(name, texts[name], "zh", "removed", {})[0])
    )
    wanted = sum(abs(given[label] - removed[label]) for label in given) / 2
    assert next(float(row[2]) for row in rows if row[:2] == [name, "removed"]) == pytest.approx(wanted, rel=1e-3, abs=1e-6)
    with monkeypatch.context() as patched, pytest.raises(Stopped):
        stopping(patched, 6)
        command(faithfulness, data, system_dir, tmp_path / "killed", "--rationales", tmp_path / "given")
    assert command(faithfulness, data, system_dir, tmp_path / "killed", "--rationales", tmp_path / "given") == whole
    configured(tmp_path, 4)
    batched = command(faithfulness, data, system_dir, tmp_path / "batched", "--rationales", tmp_path / "given")
    for row, other in zip(rows, [line.split("\t") for line in batched["faithfulness.tsv"].decode().splitlines()[1:]], strict=True):
        assert row[:2] == other[:2] and float(row[2]) == pytest.approx(float(other[2]), abs=1e-5)


def test_rationales_without_levels_are_refused(data, system_dir, tmp_path):
    configured(tmp_path, 4)
    write_table(tmp_path / "given", dict.fromkeys(data.utterances(), "情绪：悲伤。"))
    with pytest.raises(InputError, match="no rationale states a level"):
        command(faithfulness, data, system_dir, tmp_path / "out", "--rationales", tmp_path / "given")
