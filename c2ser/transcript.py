"""What of a transcript is words: tags of noises, laughter and scenes are none, wherever words are counted or quoted."""

import html
import re
import unicodedata
from pathlib import Path

import yaml

from c2ser.encodings import read_text

_ENTITY = re.compile(r"&#?\w{2,8};")
_LAUGHED = re.compile(r"\[laugh\w*-(\w[^\[\]]*)\]", re.IGNORECASE)
_TAG = re.compile(
    r"[\[［【〔][^\[\]［］【】〔〕]*[\]］】〕]|[{｛][^{}｛｝]*[}｝]|[<＜](?![\s\d])[^<>＜＞]*[>＞]|&=\S+|\+\+\w+\+\+|!SIL\b"
)
_ASIDE = re.compile(r"[(（]([^()（）]*)[)）]|\*([^*\n]{1,40})\*")
_SOUNDS = {name: words.split() for name, words in yaml.safe_load(read_text(Path(__file__).with_name("sounds.yaml"))).items()}
_SOUND = re.compile(
    rf"\b(?:{'|'.join(_SOUNDS['beginnings'])})|{'|'.join(_SOUNDS['anywhere'])}|^\s*[\d.?]*\s*$", re.IGNORECASE
)

_HALF_WIDTH = {code: code - 0xFEE0 for code in (0xFF07, *range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B))}


def spoken(text):
    """A transcript without its tags, runs of blanks joined, full-width letters and digits as ASCII; "" without words.

    Tags: what stands in square, curly, angle or lenticular brackets, `[LAUGHTER]`, `<unk>`, `{breath}`, `【笑】`, escaped
    (`&lt;noise&gt;`) and full-width ones too; CHAT's `&=laughs`, Sphinx's `++NOISE++`, HTK's `!SIL`; what stands in
    parentheses or between asterisks where it names such a sound, `(laughs)`. `[laughter-yes]`, as Switchboard writes a
    word that is laughed, is the word, and of `<laugh>yes</laugh>` the word stays.
    """
    before = None
    while before != text:  # a bracket may stand in another
        before, text = text, _LAUGHED.sub(r"\1", _ENTITY.sub(lambda found: html.unescape(found.group()), text))
        text = _ASIDE.sub(_unless_sound, _TAG.sub(" ", text))
    text = " ".join(text.translate(_HALF_WIDTH).split())
    return text if any(unicodedata.category(char)[0] in "LN" for char in text) else ""


def _unless_sound(found):
    return " " if _SOUND.search(found[1] or found[2] or "") else found[0]
