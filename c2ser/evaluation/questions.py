"""Does it hear pitch? What a system answered to questions of style, scored like classes."""

from collections import Counter

from c2ser.cot.questions import ANSWERED, levels_of, true_level
from c2ser.evaluation.rationales import quote_accuracy


def score_questions(asked, styles):
    """Answers to questions of style against the measured levels.

    asked: utterance → {question: level}; styles: utterance → {measure: level}, of the same utterances at least. Returns
    question → `n` (utterances whose level is known), `right`, `accuracy`, `ua` (mean recall of the levels that occur),
    `majority` and `majority_accuracy` (always the level that is the most frequent in this very set), `confusion`
    (measured level → answered level → number). A question whose level is known of none is left out.
    """
    found = {}
    for question in (one for one in ANSWERED if any(one in row for row in asked.values())):
        rows = {utterance: row[question] for utterance, row in asked.items() if question in row}
        counts, levels = Counter((true_level(question, styles[one]), said) for one, said in rows.items()), levels_of(question)
        table = {truth: {said: counts[truth, said] for said in levels} for truth in levels}
        known = {truth: sum(row.values()) for truth, row in table.items()}
        number, right = sum(known.values()), sum(table[level][level] for level in levels)
        if not number:
            continue
        recalls = [table[level][level] / known[level] for level in levels if known[level]]
        most = max(levels, key=known.get)
        found[question] = {
            "n": number, "right": right, "accuracy": right / number, "ua": sum(recalls) / len(recalls),
            "majority": most, "majority_accuracy": known[most] / number, "confusion": table,
        }  # fmt: skip
    return found


def score_words(asked, transcripts):
    """`quote_accuracy` of words that were answered: utterance → words, and what was said."""
    return quote_accuracy({utterance: f"“{words}”" for utterance, words in asked.items()}, transcripts)
