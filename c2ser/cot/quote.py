"""Quoting a transcript inside a rationale, and telling the quoted words from the rest."""

import re
import unicodedata

from c2ser.transcript import spoken

_INNER_MARKS = str.maketrans({"“": "‘", "„": "‘", "«": "‘", "「": "‘", "”": "’", "»": "’", "」": "’", '"': "'"})
_QUOTED = re.compile('["“„«「].*["“”»」]', re.DOTALL)
_SENTENCE_ENDS = tuple(".!?…。！？")


def clean_transcript(transcript):
    """The transcript as a rationale quotes it: its words (`transcript.spoken`), double quotation marks made single.

    "" where it holds no letter or digit outside tags (`...`, `[LAUGHTER]`), since there is then nothing to quote.
    """
    return spoken(transcript).translate(_INNER_MARKS)


def quote(text, template):
    """A clean transcript in the language's quotation marks, with a full stop after them unless it ends a sentence."""
    opening, closing = template.QUOTES
    end = "" if text.endswith(_SENTENCE_ENDS) else template.FULL_STOP
    return f"{opening}{text}{closing}{end}"


def split_quoted(text):
    """(what stands outside quotation marks, what stands inside): from the first mark to the last counts as inside."""
    before, quoted, after = around_quoted(text)
    return (f"{before} {after}", quoted[1:-1]) if quoted else (text, "")


def around_quoted(text):
    """(what stands before the quotation, it with its marks, what stands after it); the text, "" and "" without one."""
    match = _QUOTED.search(text)
    return (text, "", "") if match is None else (text[: match.start()], match.group(), text[match.end() :])


def comparable(text):
    """A text for comparison: its letters and digits alone, NFKC, without case."""
    return "".join(char for char in unicodedata.normalize("NFKC", text).casefold() if char.isalnum())
