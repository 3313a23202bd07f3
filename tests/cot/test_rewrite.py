"""Rewriting with a scripted model: what is taken, what is rejected, and that an interruption changes nothing."""

import dataclasses

import pytest

from c2ser.cot.check import rewriting_faults
from c2ser.journal import Journal
from c2ser.cot.rationale import build_rationale
from c2ser.cot.rewrite import TOO_LONG, Item, Settings, rewrite, summarise

STYLE = {"speed": "low", "pitch": "high", "volume": "medium"}
SETTINGS = Settings(model="0" * 64, tries=3)


def item(number, emotion="happy", words=None):
    utterance, words = f"u{number}", words or f"Come here number {number}"
    rationale = build_rationale(utterance, STYLE, words, emotion, "en")
    return Item(utterance, rationale, STYLE, words, emotion, "en")


def sound(item):
    return (
        f"Slowly, with a high pitch and at a medium volume, somebody says “{item.transcript}”. "
        f"That tells of a certain mood. Emotion: {item.emotion}."
    )


class Script:
    """A model that answers by a table: rationale in the prompt → answers of the attempts. Notes what it is asked."""

    limit = None

    def __init__(self, answers, settings=SETTINGS, die_after=None):
        self.answers, self.settings, self.die_after, self.asked, self.batches = answers, settings, die_after, [], []

    def prompt_ids(self, prompt):
        return prompt

    def answer(self, prompts, seeds, max_new_tokens, temperature, top_p):
        if self.die_after is not None and len(self.batches) >= self.die_after:
            raise KeyboardInterrupt
        self.batches.append(len(prompts))
        made = []
        for prompt, seed in zip(prompts, seeds):
            found = next(key for key in self.answers if prompt.endswith(key.rationale))
            attempts = [self.settings.attempt_seed(found.utterance, attempt) for attempt in range(9)]
            self.asked.append((found.utterance, attempts.index(seed)))
            made.append(self.answers[found][attempts.index(seed)])
        return made


class Hashable(Item):
    """An Item that can be a key."""

    def __hash__(self):
        return hash(self.utterance)


@pytest.fixture
def items():
    return [Hashable(*item(number)) for number in range(5)]


@pytest.fixture
def script(items):
    """u0 right at once; u1 at the second attempt; u2 at the third; u3 never; u4 at once."""
    wrong = "The speaker is glad."
    return {
        items[0]: [sound(items[0])],
        items[1]: [sound(items[1]).replace("happy", "sad"), "\n" + sound(items[1]).replace(" says", "\n\tsays")],
        items[2]: [wrong, items[2].rationale, sound(items[2])],
        items[3]: [wrong, sound(items[3]).replace("Slowly", "Quickly"), ""],
        items[4]: [sound(items[4])],
    }


def run(items, model, path, batch_size=2, settings=SETTINGS):
    with Journal(path) as journal:
        return rewrite(items, model, settings, journal, batch_size)


def test_sound_answers_are_taken_and_the_others_tried_again(items, script, tmp_path):
    model = Script(script)
    entries = run(items, model, tmp_path / "journal")
    texts = {utterance: entry["text"] for utterance, entry in entries.items()}
    assert texts == {"u3": None} | {key.utterance: sound(key) for key in items if key.utterance != "u3"}
    tried = {name: [attempt for who, attempt in model.asked if who == name] for name in texts}
    assert tried == {"u0": [0], "u1": [0, 1], "u2": [0, 1, 2], "u3": [0, 1, 2], "u4": [0]}
    assert max(model.batches) == 2
    assert [list(answer["faults"]) for answer in entries["u2"]["rejected"]] == [
        ["verdict", "style", "quote"],
        ["unchanged"],
    ]
    assert summarise(entries) == {
        "utterances": 5, "rewritten": 4, "template": 1, "accepted_at": {"1": 2, "2": 1, "3": 1}, "rejected_answers": 6,
        "reasons": {"verdict": 4, "style": 4, "quote": 3, "unchanged": 1, "language": 1},
    }  # fmt: skip


def test_what_is_taken_is_sound(items, script, tmp_path):
    entries = run(items, Script(script), tmp_path / "journal")
    for key in items:
        if text := entries[key.utterance]["text"]:
            assert rewriting_faults(text, key.rationale, key.style, key.transcript, key.emotion, key.language) == {}


@pytest.mark.parametrize("batch_size", [1, 3, 50])
def test_batch_size_and_order_change_nothing(items, script, tmp_path, batch_size):
    wanted = run(items, Script(script), tmp_path / "one", batch_size=2)
    assert run(items[::-1], Script(script), tmp_path / "two", batch_size) == wanted


@pytest.mark.parametrize("batches", [0, 1, 2, 3, 4])
def test_a_run_that_is_stopped_goes_on(items, script, tmp_path, batches):
    wanted, path = run(items, Script(script), tmp_path / "whole"), tmp_path / "journal"
    with pytest.raises(KeyboardInterrupt):
        run(items, Script(script, die_after=batches), path)
    with Journal(path) as journal:
        finished = {entry["utterance"] for entry in journal.done.values()}
    again = Script(script)
    assert run(items, again, path) == wanted
    assert not finished & {utterance for utterance, _ in again.asked}
    third = Script(script)
    assert run(items, third, path) == wanted and third.asked == []


@pytest.mark.parametrize(
    "change", [{"model": "1" * 64}, {"seed": 1}, {"tries": 2}, {"temperature": 0.5}, {"dtype": "bfloat16"}]
)
def test_other_settings_are_other_work(items, script, tmp_path, change):
    run(items, Script(script), tmp_path / "journal")
    settings = dataclasses.replace(SETTINGS, **change)
    model = Script(script, settings)
    run(items, model, tmp_path / "journal", settings=settings)
    assert {utterance for utterance, _ in model.asked} == {key.utterance for key in items}


def test_another_rationale_is_other_work(items, script, tmp_path):
    run(items, Script(script), tmp_path / "journal")
    other = Hashable(
        *items[0]._replace(rationale=build_rationale("x", STYLE, items[0].transcript, "happy", "en", seed=9))
    )
    model = Script(script | {other: [sound(other)]})
    entries = run([other, *items[1:]], model, tmp_path / "journal")
    assert model.asked == [("u0", 0)] and len(entries) == 5


def test_what_is_too_long_for_the_model_is_not_tried(items, script, tmp_path):
    model = Script(script)
    model.limit = len(items[0].rationale)
    entries = run(items, model, tmp_path / "journal")
    assert model.asked == [] and summarise(entries)["reasons"] == {TOO_LONG: 5} and summarise(entries)["template"] == 5


def test_attempts_have_seeds_of_their_own():
    seeds = {SETTINGS.attempt_seed(name, attempt) for name in ("a", "b") for attempt in (1, 2)}
    assert len(seeds) == 4 and SETTINGS.attempt_seed("a", 0) is None
    assert dataclasses.replace(SETTINGS, seed=1).attempt_seed("a", 1) not in seeds
    assert all(0 <= seed < 2**63 for seed in seeds)
