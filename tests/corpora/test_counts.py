"""Found against published numbers."""

import pytest

from c2ser.corpora.base import Corpus, Note, Reading, Utterance
from c2ser.corpora.counts import check_counts, listing
from c2ser.errors import InputError

EXPECTED = {"train": {"sad": 2, "happy": 1}, "test": {"sad": 1}}


def corpus(**options):
    return Corpus("toy", "Toy", ("en",), "none", "nowhere", expected=EXPECTED, counted_by="split", **options)


def reading(*cells):
    return Reading(
        [
            Utterance(f"s-{i}", "s", emotion, "en", f"{i}.wav", "", split=split)
            for i, (split, emotion) in enumerate(cells)
        ]
    )


WHOLE = [("train", "sad"), ("train", "sad"), ("train", "happy"), ("test", "sad")]


def test_agreement_turns_rows_without_audio_into_exclusions():
    read = reading(*WHOLE)
    read.missing.append(Note("row", "without audio"))
    assert check_counts(corpus(), read, "/toy") == 0
    assert read.excluded == [Note("row", "without audio")] and read.missing == []


def test_every_difference_is_listed():
    with pytest.raises(InputError) as caught:
        check_counts(corpus(), reading(*WHOLE[1:3]), "/toy")
    assert str(caught.value).splitlines() == [
        "toy: 2 utterances found, 4 published; they differ in",
        "  test sad: expected 1, found 0",
        "  train sad: expected 2, found 1",
        "2 are missing: fetch them, or accept the loss with --allow_missing 2.",
    ]
    read = reading(*WHOLE[1:3])
    assert check_counts(corpus(), read, "/toy", 2) == 2
    assert read.missing == [
        Note("test sad", "expected 1, found 0", "test"), Note("train sad", "expected 2, found 1", "train"),
    ]  # fmt: skip
    named = reading(*WHOLE[:3])
    named.missing.append(Note("4.wav", "no such file"))
    assert check_counts(corpus(), named, "/toy", 2) == 1 and named.missing == [Note("4.wav", "no such file")]


def test_without_published_counts_what_cannot_be_had_is_missing():
    named = reading(*WHOLE)
    named.missing.append(Note("5.wav", "cannot be read"))
    own = Corpus("toy", "Toy", ("en",), "none", "nowhere")
    with pytest.raises(InputError, match="4 utterances found\nmissing:\n  5.wav: cannot be read\n1 are missing"):
        check_counts(own, named, "/toy")
    assert check_counts(own, named, "/toy", 1) == 1 and named.missing == [Note("5.wav", "cannot be read")]
    assert check_counts(own, reading(*WHOLE), "/toy") == 0


def test_unexpected_recordings_come_with_the_remedy():
    read = Reading(unexpected=[Note("5.wav", "is not named as PATH says")])
    message = "1 files that are not part .* in /toy:\n  5.wav: is not(.|\n)*toy.py, or the folder in TOY"
    with pytest.raises(InputError, match=message):
        check_counts(corpus(), read, "/toy")


@pytest.mark.parametrize("extra", [("test", "sad"), ("test", "happy"), ("dev", "sad")])
def test_too_many_are_never_allowed_even_where_others_are_missing(extra):
    for cells in ([*WHOLE, extra], [*WHOLE[1:], extra]):
        with pytest.raises(InputError, match=f"{extra[0]} {extra[1]}: expected .(.|\n)*1 too many"):
            check_counts(corpus(), reading(*cells), "/toy", 100)


def test_nothing_found_and_files_that_do_not_belong():
    with pytest.raises(InputError, match="no utterances found in /toy; set TOY in db.sh, or in the environment"):
        check_counts(corpus(), reading(), "/toy", 100)
    read = reading(*WHOLE)
    read.unexpected.append(Note("x.wav", "odd"))
    with pytest.raises(InputError, match="1 files that are not part(.|\n)*x.wav: odd"):
        check_counts(corpus(), read, "/toy", 100)


def test_a_corpus_without_published_counts_is_not_held_against_any():
    assert check_counts(Corpus("mine", "Mine", ("en",), "", ""), reading(*WHOLE), "/toy") == 0


def test_listing_says_how_many_more():
    lines = listing([Note(str(number), "gone") for number in range(12)]).splitlines()
    assert len(lines) == 11 and lines[0] == "  0: gone" and lines[-1] == "  … and 2 more"
    assert listing([Note("a", "b")]) == "  a: b" and listing([]) == ""
