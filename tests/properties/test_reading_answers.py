"""Reading answers and transcripts: nothing raises, what is said not to matter does not, nothing unsaid is found."""

import json
import re
import unicodedata
from pathlib import Path

import yaml
from hypothesis import assume, example, given
from hypothesis import strategies as st

from c2ser.emotions import EMOTIONS, FURTHER_EMOTIONS, NAMES
from c2ser.inference import labels as module
from c2ser.inference.labels import parse_label
from c2ser.transcript import spoken

TABLES = yaml.safe_load((Path(module.__file__).parent / "label_words.yaml").read_text(encoding="utf-8"))
SHORT = {"angry": "ang", "disgusted": "dis", "fearful": "fea", "happy": "hap", "neutral": "neu normal", "sad": "sad",
         "surprised": "sur"}  # fmt: skip


def words_of(entry):
    """The words of an entry of the file, read by its own explanation: `neutr(o|a)`, {IT}, `~`."""
    for word in entry.split():
        for name, endings in TABLES["endings"].items():
            word = word.replace("{" + name + "}", endings)
        stem, _, endings = word.partition("(")
        yield from (stem + ending for ending in endings.rstrip(")").split("|"))


def bare(text):
    """Text without case, width, marks, blanks and hyphens."""
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).replace("ł", "l")
    text = "".join(sign for sign in unicodedata.normalize("NFD", text) if not unicodedata.combining(sign))
    return re.sub(r"[\s~-]", "", text)


SAID = {label: {bare(word) for word in SHORT[label].split()} for label in EMOTIONS}
for part in ("names", "nearby"):
    for classes in TABLES[part].values():
        for label, entry in classes.items():
            if label in SAID:
                SAID[label] |= {bare(word) for word in words_of(entry)}

NAMED = [(language, label, name) for language, names in NAMES.items() for label, name in names.items()]
PIECES = st.sampled_from(
    [name for _, _, name in NAMED]
    + ["not ", "no, ", "nie ", "不", "isn't ", "over ", "rather than ", "either ", " or ", ", ", ". ", "? ", "\n", ": "]
    + ["<think>", "</think>", "<answer>", "</answer>", '{"emotion": ', '"', "}", "{", "[", "]", "\\boxed{", "```", "|", "**"]
    + ["<|HAPPY|>", "(a)", "'", "“", "”", "「", "怒っていない", "1" * 400, "'{'a': 1}'", "\ue000", "ﬁ", "Ⅳ", "\0", "\ud800"]
    + ["0.9 ", "10% ", "Emotion: "]
)  # fmt: skip
TEXTS = st.one_of(st.text(), st.lists(PIECES, max_size=8).map("".join), st.text(st.characters()))
LANGUAGES = st.sampled_from((None, "xx", *NAMES))


@given(TEXTS, LANGUAGES)
@example('{"emotion": {"happy": %s}}' % ("9" * 400), None)
@example("[" * 3000, None)
@example('{"a":' * 900 + '"sad"' + "}" * 900, None)
@example("<answer>" * 600 + "sad", None)
def test_any_text_has_a_label_that_it_names_or_none(text, language):
    parsed = parse_label(text, language)
    assert parsed.reason in (("lead", "text") if parsed.label else ("none", "several"))
    if parsed.label:
        found = bare(text)
        assert any(word in found for word in SAID[parsed.label]), (parsed, text)


@given(TEXTS, st.sets(st.sampled_from((*EMOTIONS, *FURTHER_EMOTIONS)), min_size=1))
def test_only_the_classes_asked_for_are_found(text, classes):
    assert parse_label(text, labels=sorted(classes)).label in {*classes, None}


def full_width(text):
    return "".join(chr(ord(sign) + 0xFEE0) if "!" <= sign <= "~" else sign for sign in text)


def without_marks(text):
    return "".join(s for s in unicodedata.normalize("NFD", text.replace("ł", "l")) if not unicodedata.combining(s))


CHANGES = st.sampled_from(
    (str.upper, str.capitalize, full_width, without_marks, lambda text: unicodedata.normalize("NFD", text),
     "  {}\n\n".format, "{}.".format, "{}。".format, "“{}”".format, "**{}**".format, "'{}'".format, "({})".format,
     "_{}_".format, "{}!!".format)
)  # fmt: skip
FRAMES = st.sampled_from(
    ("{}".format, "<answer>{}</answer>".format, "<think>happy, sad? 快乐</think>{}".format, "Emotion: {}".format,
     "\\boxed{{{}}}".format, "```\n{}\n```".format, "**Emotion**: {}".format,
     "<think>angry</think>\n<answer>{}</answer>".format, lambda text: json.dumps({"emotion": text}),
     lambda text: json.dumps({"emotion": text}, ensure_ascii=False), lambda text: json.dumps({"reason": "not sad", "label": text}), "[Answer] {} [/Answer]".format)
)  # fmt: skip


@given(st.sampled_from(NAMED), st.lists(CHANGES, max_size=3), FRAMES, st.booleans())
def test_a_name_alone_is_that_class_however_it_is_dressed(named, changes, frame, hinted):
    language, label, text = named
    for change in changes:
        text = change(text)
    text = frame(text)
    assert parse_label(text, language if hinted else None).label == label, text


@given(st.sampled_from(sorted(TABLES["names"])), st.data())
def test_every_word_of_a_language_is_its_class_there(language, data):
    label = data.draw(st.sampled_from([label for label in EMOTIONS if label in TABLES["names"][language]]))
    words = sorted(words_of(TABLES["names"][language][label]))
    word = data.draw(st.sampled_from([one for one in words if "~" in one] or words) | st.sampled_from(words))
    text = word.replace("~", data.draw(st.sampled_from((" ", "-", ""))))
    assert parse_label(text, language).label == label, text


@given(st.sampled_from(NAMED), st.sampled_from(NAMED))
def test_two_names_are_no_answer_and_their_order_does_not_matter(one, other):
    assume(one[1] != other[1] and "sad" not in (one[2], other[2]))  # in Polish, an orchard
    for first, second in ((one, other), (other, one)):
        assert parse_label(f"{first[2]}; {second[2]}").label is None


WORD = st.text(st.sampled_from("abźé李ж'9"), min_size=1, max_size=4).filter(lambda word: any(s.isalpha() for s in word))
TAG = st.sampled_from(
    ("[noise]", "<unk>", "{breath}", "【笑】", "&lt;noise&gt;", "[[a] b]", "++X++", "&=laughs", "!SIL", "(laughs)", "［笑］",
     "&amp;lt;x&amp;gt;", "*sighs*", "<|HAPPY|>")
)  # fmt: skip
BLANK = st.sampled_from((" ", "  ", "\t", "\u3000"))


@given(st.lists(st.one_of(WORD, TAG.map(lambda tag: (tag,))), max_size=6), st.lists(BLANK, min_size=6, max_size=6))
def test_words_stay_and_tags_go(pieces, blanks):
    text = "".join((piece[0] if isinstance(piece, tuple) else piece) + blank for piece, blank in zip(pieces, blanks))
    assert spoken(text) == " ".join(piece for piece in pieces if isinstance(piece, str))


SIGNS = st.sampled_from([*"ab [](){}<>&;=+!*笑［］＜＞【】#", "&amp;", "lt;", "gt;", "&#39;", "ｌｔ", "[a", "[laughter-"])


@given(st.one_of(st.text(), st.lists(SIGNS).map("".join), st.text(st.characters())))
@example("&amp;lt;x&amp;gt; a")
@example("[[[a] b] c] d")
def test_what_is_spoken_is_spoken(text):
    said = spoken(text)
    assert spoken(said) == said == " ".join(said.split())
