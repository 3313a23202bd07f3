"""The text teacher: questions, posteriors of language models and classifiers, and the command."""

import itertools
import json
import shutil

import pytest
import torch

from c2ser.bin import classify_text
from c2ser.cot import templates
from c2ser.datadir import DataDir, read_table
from c2ser.emotions import EMOTIONS
from c2ser.errors import InputError
from c2ser.evaluation.predictions import read_posteriors
from c2ser.silver.agreement import read_teacher
from c2ser.silver.prompts import PROMPTS, answers, instruction, prompt_language
from c2ser.silver.text_teacher import ChatTeacher, ClassifierTeacher, classify, load_teacher, map_labels
from tests.builders import randomise
from tests.closeness import nearly

TEXTS = {"a-1": "Thank you very much.", "a-2": "So slowly", "b-1": "...", "b-2": "The speaker " * 5, "b-3": "谢谢"}
LANGUAGES = dict.fromkeys(TEXTS, "en") | {"b-3": "zh"}


@pytest.fixture(scope="module")
def classifier_dir(llm_dir, tmp_path_factory):
    """A small random BERT with three classes, two of which mean the same."""
    from transformers import BertConfig, BertForSequenceClassification

    folder = shutil.copytree(llm_dir, tmp_path_factory.mktemp("classifier") / "bert")
    (folder / "model.safetensors").unlink()
    names = ("joy", "Happiness", "anger", "sarcasm")
    config = BertConfig(
        vocab_size=400, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, num_labels=4,
        max_position_embeddings=40, id2label=dict(enumerate(names)), label2id={name: i for i, name in enumerate(names)},
    )  # fmt: skip
    randomise(BertForSequenceClassification(config)).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("language", PROMPTS)
def test_a_question_names_the_classes_and_the_words(language):
    text = "{names} {lead} a|b"
    asked = instruction(text, language, EMOTIONS[:3])
    template = templates.load(language)
    assert asked.endswith(text) and template.ANSWER_LEAD in asked
    assert all(
        (template.emotion_name(label) in asked.removesuffix(text)) == (label in EMOTIONS[:3]) for label in EMOTIONS
    )
    assert len(set(answers(language, EMOTIONS))) == 7


def test_languages_without_a_question_are_asked_in_english():
    assert prompt_language("zh") == "zh" and prompt_language("fi") == "en" == prompt_language(None)


def test_a_language_model_judges_by_the_likelihood_of_its_answers(llm_dir):
    teacher = load_teacher(llm_dir, EMOTIONS[:4])
    judged, excluded = classify(teacher, TEXTS, LANGUAGES, 2)
    assert excluded == {"b-1": "no words in its transcript"} and set(judged) == set(TEXTS) - {"b-1"}
    made = {}
    for utterance, row in judged.items():
        prompt = teacher.model.prompt_ids(instruction(TEXTS[utterance].strip(), LANGUAGES[utterance], EMOTIONS[:4]))
        likely = []
        for answer in answers(LANGUAGES[utterance], EMOTIONS[:4]):
            ids = teacher.model.tokenizer(answer, add_special_tokens=False)["input_ids"] + [2]
            logits = teacher.model.llm(input_ids=torch.tensor([prompt + ids])).logits[0].log_softmax(-1)
            likely.append(sum(float(logits[len(prompt) + place - 1, ids[place]]) for place in range(len(ids))))
        made[utterance] = torch.tensor(row).log()  # names of several tokens are very unlikely in so small a model
        assert made[utterance].tolist() == pytest.approx(torch.tensor(likely).log_softmax(0).tolist(), abs=1e-3)
    for one, other in itertools.combinations(made.values(), 2):
        assert (one - other).abs().max() > 0.02


def test_a_classifier_is_mapped_to_our_classes(classifier_dir):
    teacher = load_teacher(classifier_dir, label_map={"sarcasm": "-"})
    assert teacher.labels == ["angry", "happy"]
    judged, _ = classify(teacher, TEXTS, LANGUAGES, 3)
    for utterance, row in judged.items():
        ids = torch.tensor([teacher.tokenizer(TEXTS[utterance].strip())["input_ids"]])
        theirs = teacher.model(input_ids=ids).logits[0].softmax(0)
        ours = torch.stack([theirs[2], theirs[0] + theirs[1]])
        assert row == nearly((ours / ours.sum()).tolist())
    assert classify(teacher, TEXTS, LANGUAGES, 1)[0] == {key: nearly(row) for key, row in judged.items()}


def test_several_labels_a_text_count_by_their_sigmoids(classifier_dir):
    teacher = ClassifierTeacher(classifier_dir, label_map={"sarcasm": "angry"})
    teacher.several = True
    ids = teacher.encode("Thank you", "en")
    theirs = teacher.model(input_ids=torch.tensor([ids])).logits[0].sigmoid()
    ours = torch.stack([theirs[2] + theirs[3], theirs[0] + theirs[1]])
    assert teacher.posteriors([ids])[0].tolist() == nearly((ours / ours.sum()).tolist())


def test_a_decoder_with_a_classifier_on_top_does_not_depend_on_the_batch(llm_dir, tmp_path):
    from transformers import LlamaConfig, LlamaForSequenceClassification

    folder = shutil.copytree(llm_dir, tmp_path / "llama")
    (folder / "model.safetensors").unlink()
    config = LlamaConfig.from_pretrained(
        llm_dir, num_labels=2, id2label={0: "sad", 1: "joy"}, label2id={"sad": 0, "joy": 1}
    )
    randomise(LlamaForSequenceClassification(config)).save_pretrained(folder)
    teacher = load_teacher(folder)
    together, alone = (classify(teacher, TEXTS, LANGUAGES, size)[0] for size in (4, 1))
    assert teacher.labels == ["happy", "sad"] and len({round(row[0], 4) for row in alone.values()}) == 4
    assert together == {key: nearly(row) for key, row in alone.items()}


def test_classes_without_a_place_are_named():
    assert map_labels(["Joy", "LABEL_1", "x"], EMOTIONS, {"LABEL_1": "sad", "x": "-"}, "m") == ["happy", "sad", None]
    with pytest.raises(InputError, match='m: no place for its classes LABEL_1, calm; say --label_map "LABEL_1=CLASS'):
        map_labels(["joy", "LABEL_1", "calm"], EMOTIONS, {}, "m")
    with pytest.raises(InputError, match="--label_map: m has no class LABEL_7; it has joy, sad"):
        map_labels(["joy", "sad"], EMOTIONS, {"LABEL_7": "sad"}, "m")
    with pytest.raises(InputError, match="no place for its classes sad"):
        map_labels(["joy", "sad"], ("happy", "angry"), {}, "m")
    with pytest.raises(InputError, match="fewer than two"):
        map_labels(["joy", "sad"], EMOTIONS, {"sad": "-"}, "m")


def test_what_is_too_long_is_left_out(classifier_dir, llm_dir):
    teacher = load_teacher(classifier_dir, label_map={"sarcasm": "-"})
    _, excluded = classify(teacher, TEXTS | {"b-2": "The speaker talks slowly. " * 30}, LANGUAGES)
    assert "tokens; the model takes 40" in excluded["b-2"]
    teacher = load_teacher(llm_dir)
    _, excluded = classify(teacher, TEXTS | {"b-2": "The speaker talks slowly. " * 200}, LANGUAGES)
    assert "tokens; the model takes 1024" in excluded["b-2"]


def test_other_folders_are_refused(llm_dir, tmp_path):
    with pytest.raises(InputError, match="config.json: no such file; .* nothing is fetched"):
        load_teacher("cardiffnlp/emotion")
    with pytest.raises(InputError, match="--label_map is for sequence classifiers; this is LlamaForCausalLM"):
        load_teacher(llm_dir, label_map={"a": "sad"})
    (tmp_path / "config.json").write_text('{"architectures": ["T5ForConditionalGeneration"]}')
    with pytest.raises(InputError, match="architecture T5ForConditionalGeneration; a causal language model or"):
        load_teacher(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(InputError, match="config.json: not JSON"):
        load_teacher(tmp_path)


@pytest.fixture
def data(tmp_path):
    data = DataDir(tmp_path / "train")
    data.write_speakers({utterance: utterance[0] for utterance in [*TEXTS, "c-1"]})
    data.write("text", TEXTS)
    data.write("utt2lang", LANGUAGES | {"b-2": "fi"})
    return data


def command(data, model, out, *options):
    classify_text.main(["--data_dir", str(data.path), "--model", str(model), "--out_dir", str(out), *options])
    labels, rows = read_posteriors(out)
    return labels, {utterance: row.tolist() for utterance, row in rows.items()}


def test_the_command_writes_what_other_commands_read(data, llm_dir, tmp_path):
    out = tmp_path / "out"
    labels, rows = command(data, llm_dir, out)
    assert labels == list(EMOTIONS) and list(rows) == ["a-1", "a-2", "b-2", "b-3"]
    assert read_table(out / "utt2pred") == {utterance: label for utterance, (label, _) in read_teacher([out]).items()}
    assert (out / "excluded").read_text() == "b-1\tno words in its transcript\nc-1\tno words in its transcript\n"
    assert json.loads((out / "decode.json").read_text()) == {
        "mode": "causal language model",
        "utterances": 4,
        "excluded": 2,
    }
    assert command(data, llm_dir, tmp_path / "one", "--batch_size", "1")[1] == {
        utterance: nearly(row) for utterance, row in rows.items()
    }
    _, english = command(data, llm_dir, tmp_path / "english", "--language", "en")
    assert english["b-3"] != pytest.approx(rows["b-3"], abs=1e-4) and english["a-1"] == nearly(rows["a-1"])


class Killed(BaseException):
    """What no command handles."""


def killed_after(monkeypatch, teacher, batches):
    """Let the teacher judge so many batches and no more. Returns the sizes of those that it was given."""
    judge, sizes = teacher.posteriors, []

    def posteriors(self, batch):
        if len(sizes) == batches:
            raise Killed
        sizes.append(len(batch))
        return judge(self, batch)

    monkeypatch.setattr(teacher, "posteriors", posteriors)
    return sizes


def test_a_killed_command_goes_on_as_if_unbroken(data, llm_dir, tmp_path, monkeypatch):
    """Of four transcripts in batches of one, two are judged, then the others; asked otherwise, all are judged anew."""
    options = ("--batch_size", "1")
    _, whole = command(data, llm_dir, tmp_path / "whole", *options)
    killed_after(monkeypatch, ChatTeacher, 2)
    with pytest.raises(Killed):
        command(data, llm_dir, tmp_path / "out", *options)
    assert [path.name for path in (tmp_path / "out").iterdir()] == [classify_text.JOURNAL]
    shutil.copytree(tmp_path / "out", tmp_path / "other")
    monkeypatch.undo()
    sizes = killed_after(monkeypatch, ChatTeacher, 9)
    _, made = command(data, llm_dir, tmp_path / "out", *options)
    assert made == {utterance: nearly(row) for utterance, row in whole.items()} and sizes == [1, 1]
    for name in ("excluded", "utt2pred", "decode.json"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert not (tmp_path / "out" / classify_text.JOURNAL).exists()
    command(data, llm_dir, tmp_path / "other", *options, "--language", "en")
    assert sizes == [1] * 6


def test_the_command_with_a_classifier_and_fewer_classes(data, classifier_dir, llm_dir, tmp_path):
    labels, _ = command(data, classifier_dir, tmp_path / "out", "--label_map", "sarcasm=disgusted")
    assert labels == ["angry", "disgusted", "happy"]
    labels, rows = command(data, llm_dir, tmp_path / "two", "--labels", "sad", "happy")
    assert labels == ["happy", "sad"] and all(len(row) == 2 for row in rows.values())


def test_the_command_names_what_does_not_fit(data, llm_dir, tmp_path):
    def refused(message, *options):
        with pytest.raises(InputError, match=message):
            command(data, llm_dir, tmp_path / "out", *options)
        assert not (tmp_path / "out").exists()

    refused("--language fi: there are questions in en, it, pl, zh", "--language", "fi")
    refused("--label_map 'joy': expected \"THEIRS=OURS …\"", "--label_map", "joy")
    data.write("text", dict.fromkeys(TEXTS, "?"))
    refused("text: no transcript that can be judged")
