"""Whether a word that names an emotion is denied, by what stands before it in its clause or, after it, behind it.

The text is rewritten step by step: a mention becomes one sign, what denies another, and the commas within lists and
around asides go, until a clause is what stands between two ends. What denies reaches to the end of its clause, so the
members of a list are denied together: "No anger, fear, or sadness can be heard".
"""

import re
from functools import cache

from c2ser.inference.label_words import EAST_ASIAN, LETTER, names_of, pattern, phrases

ASSERTED, SUPPOSED, DENIED = "asserted", "supposed", "denied"

_MENTION, _NOT, _IF, _END = "\ue000\ue001\ue002\ue003"  # private use: letters of no language
SIGNS = re.compile(f"[{_MENTION}-{_END}]")
_STOPS = r".,;:!?()\n。—–\"“”„«»「」"
_CLAUSE_END = re.compile(rf"[{_STOPS}{_END}]|\s-\s")
_KANA = re.compile("[\u3040-\u30ff]")


def mentions_status(text, spans):
    """What `text` says of the emotions that it names: a list of `ASSERTED`, `SUPPOSED` (asked, or weighed) or `DENIED`.

    spans: (start, end) of the words that name them, in order; `text` is normalised, without `SIGNS`.
    """
    edges = [0, *(place for span in spans for place in span), len(text)]
    gaps = [text[start:end] for start, end in zip(edges[::2], edges[1::2])]
    marked = _MENTION.join(gaps)
    if not _hints().search(marked):
        return [ASSERTED] * len(spans)
    if not _KANA.search(text):  # in Chinese it parts the members of lists, in Japanese clauses too
        marked = marked.replace("、", " ")
    for step, sign in _steps():
        marked = step.sub(sign, marked)
    found, place = [], -1
    for later in _denied_behind(gaps[1:]):
        place = marked.index(_MENTION, place + 1)
        clause = _CLAUSE_END.split(marked[:place])[-1]
        found.append(DENIED if later else SUPPOSED if _IF in clause else DENIED if _NOT in clause else ASSERTED)
    return found


def _denied_behind(gaps):
    """Of each mention, whether what follows denies it. gaps: the text behind each, up to the next or the end.

    What denies the last of a list denies all of it: 怒りも悲しみもない, "anger, fear and sadness are absent".
    """
    after, value, later, later_idle, until, join = _behind()
    found, joined = [], False
    bare = [gap.strip() == "," for gap in gaps] + [False]  # a chain of them is a list without a conjunction
    for number, gap in reversed(list(enumerate(gaps))):
        clause, *further = _CLAUSE_END.split(gap.replace("、", ","), maxsplit=1)
        for idle, _ in (*_steps()[1:3], (later_idle, "")):
            clause = idle.sub(" ", clause)
        rest, *turned = until.split(clause, maxsplit=1)
        last = number == len(gaps) - 1
        own = last or further or turned  # else what denies belongs to the next mention: "sad, not angry"
        in_chain = bare[number] and (joined or bare[number + 1] or bare[number - 1])
        joined = not last and bool(in_chain or join.fullmatch(gap))
        denied = value.match(gap) or own and after.search(rest) or later.search(rest)
        found.append(bool(denied or joined and found[-1]))
    return found[::-1]


@cache
def _hints():
    """Matches somewhere in every text that denies or supposes anything."""
    own = [
        phrases("denial", name)
        for name in ("before", "supposed", "first", "more", "less", "after", "values", "headings")
    ]
    asian = [pattern("denial_east_asian", name) for name in ("before", "supposed", "near", "later")]
    return re.compile("|".join(["n't", "over", _KANA.pattern, "[\uac00-\ud7af]", *own, *asian]))


@cache
def _behind():
    words = rf"(?:\s+(?!{phrases('denial', 'halts')}){LETTER}+){{0,4}}?"
    joins = rf"{phrases('denial', 'join')}|{pattern('denial_east_asian', 'join')}"
    return (
        re.compile(rf"^{words}\s+(?:{LETTER}+n't|{phrases('denial', 'after')})"),
        re.compile(rf"\s*[(:=-]\s*{phrases('denial', 'values')}\s*(?:[),.;\n]|$)"),
        re.compile(rf"^[^.]{{0,12}}?{pattern('denial_east_asian', 'later')}"),
        re.compile(pattern("denial_east_asian", "later_idle")),
        re.compile(rf"{phrases('denial', 'until')}|{pattern('denial_east_asian', 'later_until')}"),
        re.compile(rf"\s*,?\s*(?:{joins})\s*(?:any\s+)?"),
    )


@cache
def _steps():
    """(pattern, what stands for it) in the order in which they rewrite a text."""
    words = {name: phrases("denial", name) for name in names_of("denial")}
    asian = {name: pattern("denial_east_asian", name) for name in names_of("denial_east_asian")}
    negation = rf"(?:(?<!{LETTER}){LETTER}+n't|{words['before']})"
    some = rf"(?:\s+(?:{LETTER}|')+)"
    run = rf"(?:(?![或和与及])[{EAST_ASIAN}]){{1,8}}+"  # possessive, as the word below: one way to part a text, not thousands
    member = rf"(?:(?:(?!{words['clause']}|{words['until']}){LETTER}++|{_MENTION}|{run})\s*+){{1,3}}"
    cause = rf"(?:(?!{words['evidence']}|{asian['evidence']})[^{_STOPS}{_MENTION}])"
    join = rf"(?:(?!i(?:'|\s+[^{_MENTION}])){words['join']}|[或和与及])"  # "i" is Polish, and English
    last = rf"(?:(?!{words['and']}){join}{some}{{0,3}}|(?!i\s+[^{_MENTION}]){words['and']}{some}?)\s*{_MENTION}"
    listing = rf",(?=(?:\s*{member},){{0,6}}\s*{member},?\s*{join}|\s*{last})"
    turn = rf"[^{_STOPS.replace(',', '')}]*{words['until']}(?!\s+(?:then|later|poi|potem|dann|puis|luego))"
    steps = [
        (rf"(?:{words['lacks']}|{asian['lacks']}){cause}+?(?:{words['signs']}|{asian['signs']})", " "),
        (rf"{words['idle']}|{asian['idle']}", " "),
        (rf"{negation}{some}{{0,3}}?\s+{words['affirmed']}", " "),
        (rf"{words['less']}{some}{{0,2}}?\s+{_MENTION}{some}?\s+{words['than']}", f"{_NOT}{_MENTION}{_END}"),
        (rf"({words['more']}{some}{{0,3}}?\s+{_MENTION}{some}{{0,2}}?)\s+{words['than']}", rf"\1 {_NOT}"),
        (rf"(?:{words['headings']}|[没未无][^{_STOPS}]{{0,5}})\s*:[^.;!?\n。{_NOT}]*", _all_denied),
        (rf"{words['nouns']}{some}{{0,2}}\s+{_MENTION}(?:\s*,\s*{_MENTION})+", _without_commas),
        (rf"{_MENTION}(?:\s*,\s*{_MENTION}){{2,}}", _without_commas),
        (listing, " "),
        (rf"{words['first']}(?={turn})", _IF),
        (rf"{_MENTION}(?={some}{{0,3}}\s+{_IF})", _IF + _MENTION + _END),
        (rf",(?=\s*{words['that']}|(?:\s+(?:{LETTER}+|{_MENTION})){{1,4}}\s+zu\s)", " "),
        (rf"({_MENTION}\s+)over(?=\s+{_MENTION})", rf"\1{_NOT}"),
        (rf"{_MENTION}(?=[^.;!?\n。{_MENTION}]*{words['retorts']}\s*(?:[.;!]|$))", _NOT + _MENTION + _END),
        (rf"({words['instead']}{some}{{0,3}}?\s+{_MENTION}(?:\s+{words['join']}{some}?\s+{_MENTION})*)", rf"\1{_END}"),
        (rf"{_MENTION}(?=\s+{words['subjects']})", _MENTION + _END),
        (rf"{negation}|{asian['before']}|{asian['korean']}(?={_MENTION})", _NOT),
        (rf"{words['supposed']}|{asian['supposed']}", _END + _IF),
        (rf"{asian['near']}(?=[^{_STOPS}\u3040-\u30ff{_MENTION}]{{0,4}}{_MENTION})", _NOT),
        (rf"{_NOT},[^{_STOPS}{_MENTION}]*,", f"{_NOT} "),  # "not, in my opinion, happy"
        (rf"({_NOT}{some}{{0,4}})\s*[\"“”„«»「]+|({_NOT})\s*\(", r"\1\2 "),  # 'not "happy"'
        (rf",[^{_STOPS}{_MENTION}]*,(?=\s*{words['clause']})", " "),  # "The speaker, a woman, is not happy"
        (rf"{_NOT}\s*(?:{words['until']})", _NOT),  # "not because she is angry"
        (rf"{words['until']}|{asian['until']}|{words['and']}\s+{words['clause']}", _END),
    ]
    return [(re.compile(step), sign) for step, sign in steps]


def _all_denied(found):
    return _NOT + re.sub(r"[^\w\s]", " ", found[0].partition(":")[2].replace(_MENTION, "_")).replace("_", _MENTION)


def _without_commas(found):
    return found[0].replace(",", " ")
