"""Where in a system's output its answer stands: behind its thinking, and marked by tag, JSON, box, fence or lead."""

import ast
import json
import re

from c2ser.inference.label_words import LETTER, pattern

_THINKING = pattern("answer_keys", "thinking")
_THOUGHT = re.compile(rf"[<\[◁]\s*/\s*{_THINKING}\s*[>\]▷]|<\|channel\|>\s*final\s*<\|message\|>")
_THINKS = re.compile(rf"[<\[◁]\s*{_THINKING}\s*[>\]▷]|<\|channel\|>\s*analysis\s*<\|message\|>")
_KEY = (
    rf"(?:{pattern('answer_keys', 'before')}[\s_-]*){{0,3}}{pattern('answer_keys', 'names')}"
    rf"(?:[\s_-]*{pattern('answer_keys', 'after')})?"
)
_IS_KEY = re.compile(_KEY)
_TAG = re.compile(
    rf"[<\[](?P<key>{_KEY})(?P<attributes>\b[^>\]:]*)[>\]](?P<body>.*?)(?=[<\[]\s*/\s*(?P=key)|$)", re.DOTALL
)
_TOKEN = re.compile(rf"<\|({pattern('answer_keys', 'tokens')})\|>")
_BOX = re.compile(r"\\boxed\s*\{((?:[^{}]|\{[^{}]*\})*)")
_FENCE = re.compile(r"```(?:\w*\n|(?:json|text|ya?ml|xml|python|plaintext)\b)?(.*?)(?:```|$)", re.DOTALL)
_CUT_DATA = re.compile(rf"[\"']{_KEY}[\"']\s*:\s*[\"']([^\"']*)")
_LEAD = re.compile(
    rf"(?<!{LETTER})(?:(?P<other>{pattern('answer_keys', 'others')}[\s_]*)?{_KEY}[\s*_\"'`)\]]*"
    rf"(?:\([^)]*\)|\s[^.:;\n]{{0,40}}\bis|[是为])?[\s*_]*(?::|】\s*|=|→|->|\|(?!.*\|\s*:?--))"
    rf"|{pattern('answer_keys', 'sentences')}(?!{LETTER}))",
    re.DOTALL,
)


def answers(text):
    """(texts in which an answer may stand, the most telling first; whether they are marked) of a normalised output.

    What stands before the end of the thinking is no answer, and thinking that does not end holds none. Marks within
    marks are followed. Without a mark the one text is what is left.
    """
    text = _after_thinking(text)
    for find in (_in_tokens, _in_tags, _in_boxes, _in_data, _in_fences):
        if bodies := find(text):
            return [answer for body in bodies for answer in answers(body)[0]], True
    leads = [*_LEAD.finditer(text)]
    if not leads:
        return [text], False
    ends = [lead.start() for lead in leads[1:]] + [len(text)]
    told = [text[lead.end() : end] for lead, end in zip(leads, ends) if not lead["other"]]
    return [section for section in told[::-1] if re.search(r"\w", section)] or [""], True


def _after_thinking(text):
    """What follows the last end of thinking or, where nothing does, stands around it; thinking left open is dropped."""
    ends = [*_THOUGHT.finditer(text)]
    if ends:
        rest = text[ends[-1].end() :]
        around = re.sub(rf"{_THINKS.pattern}.*?(?:{_THOUGHT.pattern})", " ", text, flags=re.DOTALL)
        text = rest if re.search(r"\w", rest) or around == text else around
    start = _THINKS.search(text)
    if start:
        tag = _TAG.search(text, start.end())
        text = text[: start.start()] + (text[tag.start() :] if tag else "")
    return text


def _in_tokens(text):
    return _TOKEN.findall(text)[-1:]


def _in_tags(text):
    found = [tag["attributes"] if tag["attributes"].endswith("/") else tag["body"] for tag in _TAG.finditer(text)]
    return found[::-1]


def _in_boxes(text):
    return _BOX.findall(text)[::-1]


def _in_fences(text):
    return _FENCE.findall(text)[-1:]


def _in_data(text):
    """The answer in the last JSON (or Python literal) that has one; in one that is cut off, by its key alone."""
    found, place = [], 0
    while start := re.compile(r"[{\[]").search(text, place):
        value, place = _decode(text, start.start())
        if (answer := _told(value)) is not None:
            found.append(answer)
    return found[::-1] or _CUT_DATA.findall(text)[:1]


def _decode(text, start):
    """(the value that begins at `start`, or None; where to look on)."""
    try:
        return json.JSONDecoder(strict=False).raw_decode(text, start)
    except ValueError:
        end = text.rfind("]" if text[start] == "[" else "}") + 1
    try:
        return ast.literal_eval(text[start:end]), end
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None, start + 1


def _told(value):
    """The text of the answer in parsed data: of its answer keys, of the highest scores, or of what is nested in it.

    None where it has no answer.
    """
    if isinstance(value, dict):
        lists = [inner for inner in value.values() if isinstance(inner, list)]
        if len(lists) == 2 and len(lists[0]) == len(lists[1]) and None not in map(_number, lists[1]):
            return _told(dict(zip(map(str, lists[0]), lists[1])))
        keyed = [_text(inner) for key, inner in value.items() if _IS_KEY.fullmatch(str(key))]
        if keyed:
            return "; ".join(keyed)
        scores = {str(key): _number(score) for key, score in value.items()}
        if scores and None not in scores.values():
            return ", ".join(key for key, score in scores.items() if score == max(scores.values()))
        return next((told for inner in value.values() if (told := _told(inner)) is not None), None)
    if isinstance(value, list) and value:
        scored = [entry for entry in value if isinstance(entry, dict) and _score(entry) is not None]
        if len(scored) == len(value):
            best = max(map(_score, scored))
            value = [entry for entry in scored if _score(entry) == best]
        told = [entry if isinstance(entry, str) else _told(entry) for entry in value]
        return ", ".join(text for text in told if text is not None) or None
    return None


def _text(value):
    """What stands under an answer key; of data without a key of its own, all its words."""
    if isinstance(value, dict) and _told(value) is None:
        return ", ".join(word for word in value.values() if isinstance(word, str))
    return value if isinstance(value, str) else _told(value) or ""


def _score(entry):
    """The one number of a dict, or None."""
    numbers = [number for inner in entry.values() if (number := _number(inner)) is not None]
    return numbers[0] if len(numbers) == 1 else None


def _number(value):
    """The number that a value of parsed data is or spells, or None: 0.9, true, "90%"."""
    try:
        return float(value.strip(" %") if isinstance(value, str) else value)
    except (TypeError, ValueError, OverflowError):
        return None
