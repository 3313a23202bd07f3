import json

import pytest

from c2ser.cot import templates
from c2ser.emotions import EMOTIONS, NAMES, name
from c2ser.inference import label_words
from c2ser.inference.labels import Parsed, parse_label

LABELLED = [
    ("Emotion: “**sad**”", "sad"), ('The emotion is "*angry*".', "angry"), ("情感：“**悲伤**”", "sad"),
    ("He says “**so sad**” in a happy voice.", "happy"),
    # The answer alone, as implicit decoding gives it.
    ("Emotion: happy.", "happy"),
    ("happy", "happy"),
    ("HAPPY!!!", "happy"),
    ("  Sad\n", "sad"),
    ("**Surprised**", "surprised"),
    ("<angry>", "angry"),
    ("_fearful_", "fearful"),
    ("happy happy happy", "happy"),
    ("情绪：快乐。", "happy"),
    ("情绪:快乐", "happy"),
    ("情绪 ： 愤怒", "angry"),
    ("Ｅｍｏｔｉｏｎ： ｓａｄ", "sad"),
    ("Emozione: neutralità.", "neutral"),
    ("Emocja: złość.", "angry"),
    ("emocja: Złość", "angry"),
    ("Emocja: zlosc", "angry"),
    ("Emotion: happy<|im_end|>", "happy"),
    # Sentences.
    ("The speaker sounds angry.", "angry"),
    ("I think it's fear", "fearful"),
    ("He is full of joy and happiness", "happy"),
    ("The emotional state is one of disgust.", "disgusted"),
    ("说话者听起来很生气", "angry"),
    ("语气中透露出恐惧", "fearful"),
    ("推测情绪为快乐，透露出一种期待和兴奋的喜悦。", "happy"),
    ("这是一种惊喜的语气", "surprised"),
    ("说话者特别高兴", "happy"),
    ("识别为愤怒", "angry"),
    ("憤怒", "angry"),
    ("La voce è triste", "sad"),
    ("è arrabbiata", "angry"),
    ("Esprime un'ira profonda", "angry"),
    ("sono felici", "happy"),
    ("il parlante prova paura", "fearful"),
    ("Osoba jest zła", "angry"),
    ("mówi ze strachem", "fearful"),
    ("Głos wyraża smutek", "sad"),
    ("brzmi smutno", "sad"),
    ("osoba odczuwa złości", "angry"),
    ("przestraszona kobieta", "fearful"),
    ("w stanie neutralnym", "neutral"),
    ("jest zaskoczony", "surprised"),
    ("Der Sprecher ist wütend", "angry"),
    ("klingt ängstlich", "fearful"),
    ("klingt angstlich", "fearful"),
    ("Le locuteur est en colère", "angry"),
    ("elle est étonnée", "surprised"),
    ("El hablante siente miedo", "fearful"),
    ("suena muy alegre", "happy"),
    ("話し手は怒っています", "angry"),
    ("悲しそうな声", "sad"),
    ("喜びにあふれた声です。", "happy"),
    ("感情：恐怖。", "fearful"),
    ("びっくりした様子", "surprised"),
    ("嫌悪感が伝わる", "disgusted"),
    ("ニュートラルな口調", "neutral"),
    ("穏やかな声", "neutral"),
    ("화자는 화가 난 것 같다", "angry"),
    ("화가나서 말한다", "angry"),
    ("목소리에 슬픔이 묻어난다", "sad"),
    ("감정: 기쁨.", "happy"),
    ("두려워하고 있다", "fearful"),
    ("놀란 목소리", "surprised"),
    ("혐오감을 드러낸다", "disgusted"),
    ("중립적인 어조", "neutral"),
    ("차분한 목소리", "neutral"),
    # Negation leaves the other emotion.
    ("怒りではなく悲しみです", "sad"),
    ("怒っていない、悲しんでいる", "sad"),
    ("怒りというより悲しみ", "sad"),
    ("不満そうで怒っている", "angry"),
    ("怒りに違いない", "angry"),
    ("悲しくて仕方がない", "sad"),
    ("驚きを隠せない", "surprised"),
    ("怒りも悲しみもなく、喜びがある", "happy"),
    ("悲しいけれど怒ってはいない", "sad"),
    ("분노가 아니라 슬픔이다", "sad"),
    ("화나지 않았고 슬프다", "sad"),
    ("슬프지만 화나지 않았다", "sad"),
    ("틀림없이 화났다", "angry"),
    ("기쁨을 감출 수 없다", "happy"),
    ("슬픔보다는 분노", "angry"),
    ("不是生气，是难过", "sad"),
    ("nie zły, tylko smutny", "sad"),
    ("not happy but sad", "sad"),
    ("The speaker is not angry, he is neutral.", "neutral"),
    ("The speaker isn't sad; happy", "happy"),
    ("more sad than angry", "sad"),
    ("sad rather than angry", "sad"),
    ("not only angry", "angry"),
    ("could not have been any more angry", "angry"),
    ("without doubt angry", "angry"),
    ("不是愤怒而是悲伤", "sad"),
    ("不快乐，而是难过", "sad"),
    ("不仅快乐", "happy"),
    ("他不禁高兴起来", "happy"),
    ("毫无疑问是恐惧", "fearful"),
    ("不过听起来很悲伤", "sad"),
    ("non è felice ma triste", "sad"),
    ("non solo triste", "sad"),
    ("nie jest zły, tylko smutny", "sad"),
    ("nie tylko smutny", "sad"),
    ("nicht wütend, sondern traurig", "sad"),
    ("pas triste mais heureux", "happy"),
    ("no está triste sino enfadado", "angry"),
    # Rationales: the label after the last lead wins over everything before it.
    ("The speaker talks slowly, saying: “I am so happy”. Such speech reveals the inner state. Emotion: sad.", "sad"),
    ("Emotion: happy. Emotion: sad.", "sad"),
    ("Emocja: smutek. Emocja: strach. Emocja:", "fearful"),
    ("Emotion: Emotion: sad", "sad"),
    ("He sounds angry, sad and afraid. Emotion: neutral.", "neutral"),
    ("Emotion: happy. The speaker is not sad at all, as sad people speak slowly.", "happy"),
    ("Emotion: not happy. Sad.", "sad"),
    ("说话者语速缓慢，说道：“我好高兴”。情绪：悲伤。", "sad"),
    ("Osoba mówi cicho: „Nie jestem zły”. Emocja: strach.", "fearful"),
    # Without a lead the speaker's own words do not count, but an answer in quotation marks does.
    ("The speaker says “I am so happy” and sounds sad", "sad"),
    ('She says "how I hate this, I am angry" in a neutral tone', "neutral"),
    ('The emotion is "happy".', "happy"),
    ("情绪是“快乐”", "happy"),
    ("说道：“别生气了”，听起来很恐惧", "fearful"),
    # A calm voice is not the emotion where one is named, and neutral where none is.
    ("a calm but happy voice", "happy"),
    ("The speaker is calm.", "neutral"),
    ("语气平静", "neutral"),
    ("用平静的语气表达了悲伤", "sad"),
    ("spokojny głos", "neutral"),
]

UNLABELLED = [
    ("", "none"),
    ("...", "none"),
    ("I cannot tell.", "none"),
    ("unhappy", "none"),
    ("sadly", "none"),
    ("Sadly, I cannot determine that.", "none"),
    ("fearless", "none"),
    ("saddle", "none"),
    ("scontento", "none"),
    ("not happy", "none"),
    ("The speaker is not at all happy", "none"),
    ("does not sound very happy", "none"),
    ("does not sound all that happy", "none"),
    ("doesn't sound happy", "none"),
    ("doesn’t sound happy", "none"),
    ("neither happy nor sad", "none"),
    ("not angry or sad", "none"),
    ("without any anger", "none"),
    ("non-neutral", "none"),
    ("not angry", "none"),
    ("不是生气", "none"),
    ("nie zły", "none"),
    ("怒っていない", "none"),
    ("怒ってはいません", "none"),
    ("悲しくない", "none"),
    ("怒りも悲しみもない", "none"),
    ("嬉しそうには聞こえない", "none"),
    ("화나지 않았다", "none"),
    ("화난 목소리가 아니다", "none"),
    ("안 슬프다", "none"),
    ("기쁘지도 슬프지도 않다", "none"),
    ("행복해 보이지는 않는다", "none"),
    ("슬픔 없이 말한다", "none"),
    ("「怒ってるよ」と言った", "none"),
    ("怒りだけでなく悲しみもある", "several"),
    ("기쁨과 슬픔", "several"),
    ("슬픔뿐만 아니라 분노도 있다", "several"),
    ("不快乐", "none"),
    ("没有愤怒", "none"),
    ("没有表现出愤怒", "none"),
    ("并不感到高兴", "none"),
    ("non è triste", "none"),
    ("né felice né triste", "none"),
    ("senza paura", "none"),
    ("nie jest zły", "none"),
    ("nie ma złości", "none"),
    ("bez gniewu", "none"),
    ("nicht traurig", "none"),
    ("sans colère", "none"),
    ("The speaker talks slowly, saying: “I am so happy", "none"),
    ('She says: "I am so happy', "none"),
    ("mówi: „jestem zły", "none"),
    ("Emotion:", "none"),
    ("He sounds happy. Emotion: unclear.", "none"),
    ("happy or sad", "several"),
    ("Emotion: happy, sad", "several"),
    ("angry, disgusted, fearful, happy, neutral, sad or surprised", "several"),
    ("快乐和悲伤", "several"),
    ("rabbia e tristezza", "several"),
    ("złość i strach", "several"),
    ("happy 悲伤", "several"),
]


def test_the_tables_are_long_enough():
    assert len(LABELLED) + len(UNLABELLED) >= 80


@pytest.mark.parametrize(("text", "label"), LABELLED)
def test_finds_the_label(text, label):
    assert parse_label(text).label == label


@pytest.mark.parametrize(("text", "reason"), UNLABELLED)
def test_finds_none_and_says_why(text, reason):
    assert parse_label(text) == Parsed(None, reason)


def test_says_where_the_label_stood():
    assert parse_label("Emotion: sad.") == Parsed("sad", "lead")
    assert parse_label("sad") == Parsed("sad", "text")


@pytest.mark.parametrize("language", templates.languages())
@pytest.mark.parametrize("label", EMOTIONS)
def test_reads_every_answer_that_the_texts_teach(language, label):
    words = templates.load(language)
    answer = f"{words.ANSWER_LEAD}{words.SPACE}{name(label, language)}{words.FULL_STOP}"
    assert parse_label(answer, language) == parse_label(answer) == Parsed(label, "lead")
    upper = answer.upper().replace(" ", "  ")
    assert parse_label(upper) == Parsed(label, "lead")


@pytest.mark.parametrize("language", templates.languages())
def test_no_wording_of_a_rationale_names_an_emotion(language):
    words = templates.load(language)
    styles = [phrase for levels in words.STYLE.values() for phrases in levels.values() for phrase in phrases]
    patterns = [text for pattern in (*words.OPENINGS, *words.INFERENCES) for text in pattern]
    deliveries = [word for choices in words.DELIVERY.values() for word in choices]
    for text in (*styles, *patterns, *deliveries, words.INFERENCE_BARE):
        assert parse_label(text) == Parsed(None, "none"), text


def test_no_word_names_two_classes():
    for tables in (label_words.NAMES, label_words.NEARBY):
        meaning = {}
        for language, classes in tables.items():
            for label, entry in classes.items():
                for word in label_words.forms(entry):
                    assert meaning.setdefault(word, label) == label, (language, word)


def test_every_language_with_names_names_all_classes():
    assert set(NAMES) <= set(label_words.NAMES)
    for classes in label_words.NAMES.values():
        assert set(EMOTIONS) <= set(classes)


def test_hint_decides_between_languages():
    text = "sad i złość"  # in Polish, an orchard and anger
    assert parse_label(text) == Parsed(None, "several")
    assert parse_label(text, "pl").label == "angry"
    assert parse_label("happy", "pl").label == "happy"  # another language's name where the own has none
    assert parse_label("happy", "xx").label == "happy"


def test_only_the_given_classes_are_seen():
    assert parse_label("happy", labels=("angry", "sad")) == Parsed(None, "none")
    assert parse_label("bored").label is None
    assert parse_label("bored", labels=("bored", "sad")).label == "bored"
    assert parse_label("a calm voice", labels=("calm", "neutral")).label == "calm"
    assert parse_label("沮丧", labels=("frustrated", "sad")).label == "frustrated"
    assert parse_label("沮丧").label == "sad"


def test_accents_tell_words_apart_but_may_be_lost():
    assert parse_label("osoba jest zla").label == "angry"
    assert parse_label("brzmi źle") == Parsed(None, "none")  # "badly", which without accents would be "złe"
    assert parse_label("z\u0142os\u0301c\u0301").label == "angry"  # accents as combining characters


@pytest.mark.parametrize(
    "text",
    ["[" * 5000, '{"a":' * 900 + '"sad"' + "}" * 900, "<answer>" * 600 + "sad", '{"scores": {"sad": %s}}' % ("9" * 400)],
)
def test_what_is_nested_or_large_beyond_measure_is_no_reason_to_stop(text):
    """Answers in JSON of a thousand levels, tags within tags, numbers that no float holds."""
    assert parse_label(text).label in ("sad", None)


@pytest.mark.parametrize("word", ["Z\u0141O\u015a\u0106", "\uff53\uff41\uff44"])
def test_letters_that_json_escapes_are_letters(word):
    """json.dumps writes ASCII unless told otherwise: capitals with marks and full-width letters appear as it is read."""
    label = {"Z": "angry"}.get(word[0], "sad")
    assert parse_label(json.dumps({"emotion": word})) == parse_label(f"Emotion: {word}") == (label, "lead")
