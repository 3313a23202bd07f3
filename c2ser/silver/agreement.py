"""Keeping a label where two teachers agree (paper, semi-supervised training), and saying why others are left out."""

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from c2ser.datadir.faults import some
from c2ser.emotions import EMOTIONS, FURTHER_EMOTIONS
from c2ser.errors import InputError
from c2ser.evaluation.predictions import read_posteriors

REASONS = ("gold label", "no audio", "no text", "disagree", "class off", "speech below", "text below")
"""Why an utterance gets no silver label, in the order in which they are looked at: the first that holds counts.

gold label: it has a label of its own; no audio, no text: the speech or the text teacher says nothing of it; disagree:
they favour different classes; class off: no threshold gave the class the precision asked for; speech below, text below:
that teacher's confidence is under the threshold of the class.
"""


class Opinion(NamedTuple):
    """The class that a teacher favours and its posterior."""

    label: str
    confidence: float


@dataclass(frozen=True)
class Thresholds:
    """The confidence that a teacher must reach: `default`, or that of the class where it has one of its own.

    None for a class: it is never kept.
    """

    default: float
    classes: dict = field(default_factory=dict)

    @classmethod
    def parse(cls, text, option="threshold"):
        """Read "0.8 fearful=0.6". Raises InputError, naming the option, for anything else."""
        default, classes = None, {}
        for part in text.split():
            label, mark, value = part.rpartition("=")
            try:
                number = float(value)
            except ValueError:
                number = -1.0
            if not 0 <= number <= 1:
                raise InputError(f"{option} {text!r}: {value!r} is not a number from 0 to 1")
            if not mark and default is None:
                default = number
            elif mark and label not in classes and label in EMOTIONS + FURTHER_EMOTIONS:
                classes[label] = number
            else:
                what = f"unknown or repeated class {label!r}" if mark else "two numbers without a class"
                raise InputError(f'{option} {text!r}: {what}; write it as in "0.8 fearful=0.6"')
        if default is None:
            raise InputError(f"{option} {text!r}: no number for the classes that are not named; begin with one, as 0.8")
        return cls(default, classes)

    def of(self, label):
        """The threshold of a class."""
        return self.classes.get(label, self.default)


class Rule(NamedTuple):
    """The thresholds of both teachers."""

    speech: Thresholds
    text: Thresholds

    def reason(self, speech, text):
        """None where both opinions give a label, else one of `REASONS`. speech, text: Opinion, or None for none."""
        if speech is None:
            return "no audio"
        if text is None:
            return "no text"
        if speech.label != text.label:
            return "disagree"
        needed = self.speech.of(speech.label), self.text.of(speech.label)
        if None in needed:
            return "class off"
        if speech.confidence < needed[0]:
            return "speech below"
        return "text below" if text.confidence < needed[1] else None


class Silver(NamedTuple):
    """What came of a directory: utterance → label; → both opinions; and → reason for those left out."""

    labels: dict
    opinions: dict
    left_out: dict

    def counts(self):
        """(label → number kept, reason → number left out, every reason)."""
        kept, reasons = Counter(self.labels.values()), Counter(self.left_out.values())
        order = [label for label in EMOTIONS + FURTHER_EMOTIONS if label in kept]
        return {label: kept[label] for label in order}, {reason: reasons[reason] for reason in REASONS}


def read_teacher(folders):
    """What a teacher says, from one or several folders with `posteriors` and `labels`: utterance → Opinion.

    The first of equal posteriors counts. Raises InputError for a folder without them, for folders of different classes
    and for an utterance of which two folders say different things.
    """
    opinions, classes = {}, None
    for folder in folders:
        found = read_posteriors(folder)
        if found is None:
            raise InputError(f"{folder}: no posteriors and labels; c2ser probe, decode and classify-text write them")
        labels, rows = found
        if classes is not None and labels != classes:
            raise InputError(f"{folder}/labels: {', '.join(labels)}; in {folders[0]} they are {', '.join(classes)}")
        classes = labels
        for utterance, row in rows.items():
            best = int(row.argmax())
            opinion = Opinion(labels[best], float(row[best]))
            if opinions.setdefault(utterance, opinion) != opinion:
                raise InputError(
                    f"{folder}/posteriors: {utterance}: another folder says something else; name one of them"
                )
    return opinions


def make_silver(utterances, gold, speech, text, rule):
    """Label what both teachers agree on.

    utterances: ids of the directory; gold: utterance → label, never labelled again; speech, text: utterance → Opinion;
    rule: a Rule. Returns a Silver. Raises InputError where a teacher knows none of the unlabelled utterances.
    """
    open_ones = [utterance for utterance in utterances if utterance not in gold]
    if not open_ones:
        raise InputError("every utterance has a gold label: there is nothing to label")
    for name, opinions in (("speech", speech), ("text", text)):
        if not any(utterance in opinions for utterance in open_ones):
            raise InputError(
                f"--{name}: posteriors of none of the unlabelled utterances ({some(open_ones)}); name the folder "
                "that a teacher wrote for this directory"
            )
    silver = Silver({}, {}, {utterance: "gold label" for utterance in utterances if utterance in gold})
    for utterance in open_ones:
        reason = rule.reason(speech.get(utterance), text.get(utterance))
        if reason is None:
            silver.labels[utterance] = speech[utterance].label
            silver.opinions[utterance] = speech[utterance], text[utterance]
        else:
            silver.left_out[utterance] = reason
    return silver
