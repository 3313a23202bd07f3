"""What generated rationales are worth beside their verdict: do they state the true style, and quote the true words?"""

from c2ser.cot import templates
from c2ser.cot.check import detect_language, parse_style_levels
from c2ser.cot.quote import clean_transcript, comparable, split_quoted
from c2ser.prosody.style import MEASURES, STATES


def style_accuracy(answers, styles, languages):
    """Prosody-tag accuracy: the levels that rationales state against the measured ones.

    Args:
        answers: utterance → rationale.
        styles: utterance → {measure: level}, for the same utterances.
        languages: in which the rationales may be; with several, each is read in the one that it is written in.
    Returns:
        measure → `known` (utterances whose level was measured), `stated` (of these, how many rationales give one
        level), `right`, `accuracy` (right / known), `accuracy_stated` (right / stated), `invented` (a level is stated,
        but none was measured). The two accuracies are None where there is nothing to divide by.
    """
    stated = {utterance: parse_style_levels(text, language_of(text, languages)) for utterance, text in answers.items()}
    found = {}
    for measure in [one for one in MEASURES if any(one in style for style in styles.values())]:
        pairs = [(styles[utterance].get(measure), stated[utterance].get(measure)) for utterance in answers]
        known = [pair for pair in pairs if pair[0] in STATES[measure]]
        said = [pair for pair in known if pair[1]]
        right = sum(level == truth for truth, level in said)
        found[measure] = {
            "known": len(known), "stated": len(said), "right": right, "accuracy": _share(right, len(known)),
            "accuracy_stated": _share(right, len(said)),
            "invented": sum(truth not in STATES[measure] and level is not None for truth, level in pairs),
        }  # fmt: skip
    return found


def quote_accuracy(answers, transcripts):
    """How well rationales quote what was said.

    answers: utterance → rationale; transcripts: utterance → text. Compared are letters and digits alone, without case.
    Returns `utterances` (with words to quote), `cer` (edits / characters of the transcripts, a missing quote being all
    deletions; it can exceed 1), `exact` (share quoted without an edit), `missing` (rationales without a quote), and,
    of the utterances without words, `without_words` and for how many a quote was `invented`. The shares are None
    without utterances.
    """
    import editdistance

    edits = length = exact = missing = without = invented = 0
    for utterance, text in answers.items():
        quoted = split_quoted(text)[1]
        wanted, given = (comparable(clean_transcript(one)) for one in (transcripts[utterance], quoted))
        if not wanted:
            without += 1
            invented += bool(comparable(quoted))
            continue
        distance = editdistance.eval(wanted, given)
        edits, length = edits + distance, length + len(wanted)
        exact, missing = exact + (not distance), missing + (not given)
    count = len(answers) - without
    return {
        "utterances": count, "cer": _share(edits, length), "exact": _share(exact, count), "missing": missing,
        "without_words": without, "invented": invented,
    }  # fmt: skip


def language_of(text, languages):
    """Which of `languages` a rationale is read in: by its answer lead, by its words, or else the first."""
    leads = [language for language in languages if templates.load(language).ANSWER_LEAD in text]
    found = leads[0] if len(leads) == 1 else detect_language(text)
    return found if found in languages else languages[0]


def _share(part, whole):
    return part / whole if whole else None
