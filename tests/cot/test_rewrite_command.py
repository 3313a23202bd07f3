"""The command that rewrites the rationales of a data directory, with a scripted model and with a small random one."""

import json
import shutil

import pytest

from c2ser.bin import make_cot, rewrite_cot
from c2ser.datadir import DataDir, read_table
from c2ser.errors import InputError

WORDS = {"a-1": "Vieni qui!", "a-2": "就是下雨也去。", "b-1": "", "b-2": "All right", "b-3": "well"}
SOUND = {
    "a-1": "«Vieni qui!» dice una persona lentamente, con tono alto e a volume medio: da ciò si può capire molto. "
    "Emozione: gioia.",
    "b-2": "Someone slowly says “All right” with a high pitch and at a medium volume, which tells of a mood. "
    "Emotion: sad.",
}


@pytest.fixture
def data(tmp_path):
    data = DataDir(tmp_path / "train")
    data.write_speakers({utterance: utterance[0] for utterance in WORDS})
    data.write("utt2emo", {"a-1": "happy", "a-2": "sad", "b-1": "neutral", "b-2": "sad", "b-3": "unknown"})
    data.write("utt2lang", {"a-1": "it", "a-2": "zh", "b-1": "en", "b-2": "en", "b-3": "en"})
    data.write("text", WORDS)
    data.write("utt2style", dict.fromkeys(WORDS, "speed=low pitch=high volume=medium"))
    make_cot.main(["--data_dir", str(data.path)])
    return data


class Scripted:
    """A model with a sound answer for two utterances; for the others it repeats the template's text."""

    limit = None

    def prompt_ids(self, prompt):
        return prompt

    def answer(self, prompts, seeds, *settings):
        return [next((text for name, text in SOUND.items() if WORDS[name] in prompt), prompt) for prompt in prompts]


def rewrite(data, model, *options):
    """What the command does once the model is loaded."""
    args = rewrite_cot.get_parser().parse_args(["--data_dir", str(data.path), "--model", "m", *options])
    source = rewrite_cot.template_texts(data)
    return rewrite_cot.rewrite_all(
        data, source, rewrite_cot.read_items(data, source, args.language), model, "hash", args
    )


def test_texts_are_replaced_and_the_originals_kept(data, capsys):
    template = data.read("cot_explicit")
    report = rewrite(data, Scripted())
    assert data.read("cot_explicit") == template | SOUND
    assert read_table(data.path / "cot_explicit.template") == template
    assert json.loads((data.path / "cot_rewrite.json").read_text()) == report
    assert (report["utterances"], report["rewritten"], report["template"]) == (4, 2, 2)
    assert report["rejected_answers"] == 8 and report["settings"]["tries"] == 4
    rewrite_cot.print_report(report)
    shown = capsys.readouterr().out
    assert "2 of 4 rationales are rewritten; 2 stay the template's" in shown and "accepted: 2 at attempt 1" in shown


def test_another_run_starts_from_the_templates_texts(data):
    template = data.read("cot_explicit")
    first = rewrite(data, Scripted())
    assert rewrite(data, Scripted()) == first
    assert rewrite(data, Scripted(), "--seed", "1")["rewritten"] == 2
    assert read_table(data.path / "cot_explicit.template") == template and data.read("cot_explicit") == template | SOUND


def test_texts_made_anew_are_the_new_originals(data):
    rewrite(data, Scripted())
    make_cot.main(["--data_dir", str(data.path), "--seed", "5"])
    template = data.read("cot_explicit")
    assert template != read_table(data.path / "cot_explicit.template")
    rewrite(data, Scripted())
    assert read_table(data.path / "cot_explicit.template") == template


def test_a_run_stopped_while_it_writes_can_be_done_again(data, monkeypatch):
    template = data.read("cot_explicit")
    for writer in ("write_table", "write_json"):
        with monkeypatch.context() as patch:
            patch.setattr(rewrite_cot, writer, lambda *args: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                rewrite(data, Scripted())
        assert data.read("cot_explicit") == template
    with monkeypatch.context() as patch:
        patch.setattr(DataDir, "write", lambda *args: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            rewrite(data, Scripted())
    assert data.read("cot_explicit") == template == rewrite_cot.template_texts(data)
    rewrite(data, Scripted())
    assert data.read("cot_explicit") == template | SOUND


def test_lost_originals_are_named(data):
    rewrite(data, Scripted())
    (data.path / "cot_explicit.template").unlink()
    with pytest.raises(InputError, match="cot_explicit.template: not the texts that .* rerun c2ser make-cot"):
        rewrite_cot.template_texts(data)


def test_what_does_not_fit_is_named(data):
    def refused(message, *options):
        with pytest.raises(InputError, match=message):
            rewrite_cot.main(["--data_dir", str(data.path), "--model", "nowhere", *options])
        assert not data.has("cot_rewrite.journal") and not data.has("cot_explicit.template")

    refused("nowhere: no folder with a config.json")
    refused("--tries and --batch_size start at 1", "--tries", "0")
    refused("cot_explicit: a-1: .*is written in it, not in en", "--language", "en")
    emotions = data.read("utt2emo")
    data.write("utt2emo", emotions | {"b-2": "angry"})
    refused("cot_explicit: b-2: does not end with the verdict 'Emotion: angry.'.*rerun c2ser make-cot")
    data.write("utt2emo", {key: value for key, value in emotions.items() if key != "b-2"})
    refused("utt2emo: no entry for b-2, which cot_explicit has")


def test_a_random_model_changes_no_text_and_ends_the_same_in_any_batch(data, llm_dir, tmp_path):
    template, reports, journals = data.read("cot_explicit"), [], []
    for batch_size in ("1", "3"):
        copy = DataDir(shutil.copytree(data.path, tmp_path / f"batch{batch_size}"))
        options = ["--tries", "2", "--max_new_tokens", "12", "--batch_size", batch_size]
        rewrite_cot.main(["--data_dir", str(copy.path), "--model", str(llm_dir), *options])
        assert copy.read("cot_explicit") == template
        reports.append(json.loads((copy.path / "cot_rewrite.json").read_text()))
        journals.append(sorted((copy.path / "cot_rewrite.journal").read_text().splitlines()))
    assert reports[0] == reports[1] and journals[0] == journals[1] and len(journals[0]) == 4
    assert reports[0]["template"] == 4 and reports[0]["rejected_answers"] == 8
    assert len({answer["text"] for line in journals[0] for answer in json.loads(line)["rejected"]}) > 4
