"""Phonemes counted by the rules of each language, against counts made by hand."""

import unicodedata

import pytest

from c2ser.prosody.phonemes import count_letters, counter, en
from c2ser.prosody.phonemes.text import apply_rules, compile_rules, split_words

ITALIAN = {
    "ciao": 3,  # tʃ a o
    "che": 2,  # k e
    "chiesa": 5,  # k j ɛ z a
    "acqua": 4,  # kː w a, with the first a
    "figlio": 4,  # f i ʎ o
    "gli": 2,  # ʎ i
    "gnocchi": 4,  # ɲ ɔ kː i
    "coscia": 4,  # k ɔ ʃ a
    "scuola": 6,  # s k w ɔ l a
    "schiena": 6,  # s k j ɛ n a
    "oggi": 3,  # ɔ dʒː i
    "giù": 2,  # dʒ u
    "più": 3,  # p j u
    "pizza": 4,  # p i tsː a
    "ho": 1,  # ɔ
    "pagliaccio": 6,  # p a ʎ a tʃː o
    "Gli operai si alzano presto": 22,  # 2 + 6 + 2 + 6 + 6
    "s'è": 2,
    "taxi": 5,  # t a k s i
}

POLISH = {
    "nie": 2,  # ɲ ɛ
    "tak": 3,
    "stop": 4,
    "oddaj": 5,  # ɔ d d a j
    "trzymaj": 6,  # t ʂ ɨ m a j
    "cześć": 4,  # tʂ ɛ ɕ tɕ
    "szczęście": 6,  # ʂ tʂ ɛ ɕ tɕ ɛ
    "dziękuję": 7,  # dʑ ɛ n k u j ɛ
    "ręka": 5,  # r ɛ n k a
    "mąż": 3,  # m ɔ ʂ
    "pies": 4,  # p j ɛ s
    "kiedy": 4,  # kʲ ɛ d ɨ
    "ciocia": 4,  # tɕ ɔ tɕ a
    "zima": 4,  # the i is the vowel
    "książka": 6,  # k ɕ ɔ ʂ k a
    "dźwięk": 6,  # dʑ v j ɛ n k
    "dżem": 3,  # dʐ ɛ m
    "chrząszcz": 5,  # x ʂ ɔ ʂ tʂ
    "węch": 3,  # v ɛ x
}

CHINESE = {
    "他": 2,  # t a
    "爱": 1,  # ai
    "五": 1,  # u
    "月": 1,  # üe
    "床": 2,  # ch uang
    "就是下雨也去。": 10,  # j iu, sh i, x ia, ü, ie, q ü
    "你好": 4,
    "儿子": 3,  # er, z i
    "嗯": 1,
    "3点": 4,  # s an, d ian
    "OK": 3,  # as in English
    "OK吗？": 5,
    "我 爱 你": 4,  # uo, ai, n i
}

ENGLISH = {
    "the": 2, "cat": 3, "make": 3, "makes": 4, "wanted": 6, "walked": 4, "thought": 3, "knight": 3, "quick": 4,
    "singing": 5, "nation": 5, "table": 5, "little": 5, "mother": 4, "world": 4, "music": 6, "box": 4, "watch": 3,
    "church": 3, "judge": 3, "know": 2, "you": 2, "one": 3, "didn't": 6, "can't": 4, "I'm": 2, "we'll": 3, "boxes": 6,
    "really": 4, "happy": 4, "something": 6, "enough": 4, "through": 3, "believe": 5, "hello": 4,
}  # fmt: skip
"""As many as in the words' entries in the CMU dictionary."""


def cases(language, table):
    return [(language, text, phonemes) for text, phonemes in table.items()]


@pytest.mark.parametrize(
    "language, text, phonemes",
    [*cases("it", ITALIAN), *cases("pl", POLISH), *cases("zh", CHINESE), *cases("en", ENGLISH)],
)
def test_hand_counts(language, text, phonemes):
    assert counter(language)(text) == phonemes


@pytest.mark.parametrize("language", ["en", "it", "pl", "zh"])
@pytest.mark.parametrize("text", ["", "  ", "...", "?!", "“”", "'"])
def test_nothing_to_say(language, text):
    assert counter(language)(text) == 0


@pytest.mark.parametrize(
    "language, text", [("it", "È già qui, perché?"), ("pl", "Cześć! Dziękuję."), ("en", "It’s ME.")]
)
def test_case_punctuation_and_form_do_not_matter(language, text):
    plain = "".join(char for char in text.lower() if char.isalnum() or char in " '’")
    count = counter(language)
    assert count(text) == count(plain) == count(text.upper()) == count(unicodedata.normalize("NFD", text)) > 0


def test_digits_are_read_one_by_one():
    assert counter("it")("12") == counter("it")("uno due")
    assert counter("pl")("12") == counter("pl")("jeden dwa")
    assert counter("en")("12") == counter("en")("one two")
    assert counter("zh")("12") == counter("zh")("一二")


def test_rules_try_in_order_and_letters_are_the_rest():
    rules = compile_rules((("ab", 1), ("a", 5), ("(?<=x)y", 0)))
    assert apply_rules("abacxyy", rules) == 1 + 5 + 1 + 1 + 0 + 1


def test_words():
    assert split_words("L’amico, 2 volte_e", list("0123456789")) == ["l'amico", "2", "volte", "e"]


def test_exceptions_are_not_what_the_rules_say():
    """An exception that the rules already get right would be a line too many."""
    assert {word for word, count in en.EXCEPTIONS.items() if apply_rules(word, en.RULES) == count} == set()


@pytest.mark.parametrize("language", ["ru", "text", "en-US", "../en", ""])
def test_languages_without_rules_count_letters(language):
    assert counter(language) is count_letters


def test_letters():
    assert count_letters("Привет, мир!") == 9
    assert count_letters("é") == count_letters("e\u0301") == 1
    assert count_letters("안녕") == 6  # ㅇㅏㄴ ㄴㅕㅇ
    assert count_letters("こんにちは") == 5
    assert count_letters("¿?") == 0
