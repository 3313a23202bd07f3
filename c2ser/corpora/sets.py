"""Which utterances go into which data directory: all, folds by speaker, official splits."""

from itertools import combinations, islice

from c2ser.datadir.faults import some
from c2ser.emotions import UNLABELLED
from c2ser.errors import InputError

SPLITS = ("train", "dev", "test")

TRIED = 20000
"""How many choices of development speakers are looked at."""


def compose(corpus, utterances, wanted_folds=None, dev_speakers=1):
    """Sort utterances into sets. Returns ({name of the set: utterances}, remarks on what was left out).

    `all` holds everything. A corpus with folds gets `fold<k>/test` (the table's speakers) and `fold<k>/train` (all
    others), and for model selection `fold<k>/dev` and `fold<k>/train_nodev`, which together are train; for dev's
    speakers see `choose_dev_speakers`. Other corpora get their official splits. A fold or split with nothing in it is left out
    and remarked on, as is a dev that lacks classes. wanted_folds: numbers, or None for all. Raises InputError for an
    unknown fold, a fold table that names other speakers than the corpus has, and where dev would leave nothing for
    train_nodev.
    """
    sets, remarks = {"all": utterances}, []
    folds = corpus.read_folds()
    unknown = [fold for fold in wanted_folds or () if fold not in folds]
    if unknown:
        known = " ".join(map(str, folds)) or "none: its splits are official"
        raise InputError(f"--folds {' '.join(map(str, unknown))}: the folds of {corpus.name} are {known}")
    if corpus.folds and not folds:
        speakers = some(sorted({utterance.speaker for utterance in utterances}), limit=20)
        raise InputError(
            f"{corpus.folds}: there are no folds in it; write a line `fold<TAB>test speakers` for each fold, so that "
            f"every speaker is tested in one: {speakers}"
        )
    if not folds:
        return _official(utterances, sets, remarks)
    classes = {}
    for utterance in utterances:
        classes.setdefault(utterance.speaker, set()).update({utterance.emotion} - {UNLABELLED})
    present = classes.keys()
    _check_table(corpus, folds, present)
    for fold in wanted_folds or folds:
        test = set(folds[fold]) & present
        absent = sorted(set(folds[fold]) - present)
        if not test or test == present:
            part = "test" if not test else "train"
            remarks.append(f"fold {fold} is skipped: nothing of its {part} speakers is there")
            continue
        if absent:
            remarks.append(f"fold {fold}: test speakers {' '.join(absent)} are not there")
        sets[f"fold{fold}/train"] = [utterance for utterance in utterances if utterance.speaker not in test]
        sets[f"fold{fold}/test"] = [utterance for utterance in utterances if utterance.speaker in test]
        if dev_speakers:
            dev = choose_dev_speakers(folds, fold, classes, dev_speakers)
            train = sets[f"fold{fold}/train"]
            sets[f"fold{fold}/train_nodev"] = [utterance for utterance in train if utterance.speaker not in dev]
            sets[f"fold{fold}/dev"] = [utterance for utterance in train if utterance.speaker in dev]
            remedy = "raise --dev_speakers, or choose probes by"
            remarks += _lacking(f"fold{fold}/dev", sets[f"fold{fold}/dev"], train, remedy)
    return sets, remarks


def _check_table(corpus, folds, present):
    """Refuse a fold table whose speakers are not those of the corpus: published, or else found."""
    known = present | corpus.expected.keys() if corpus.counted_by == "speaker" else present
    named = dict.fromkeys(speaker for speakers in folds.values() for speaker in speakers)
    unknown, strangers = [name for name in named if name not in known], sorted(present - named.keys())
    if unknown:
        raise InputError(
            f"{corpus.folds}: names {some(unknown)}, of whom {corpus.name} has no utterance; its speakers are "
            f"{some(sorted(known), limit=20)}"
        )
    if strangers:
        raise InputError(f"{corpus.name}: no fold tests {', '.join(strangers)}; mend {corpus.folds}")


def choose_dev_speakers(folds, fold, classes, number):
    """The speakers of a fold's dev: the first `number` tested in the folds after it, cyclically, of those present.

    Where these lack a class that train has, or would take the last of one from train_nodev, the first choice of
    `number` speakers, in that order, takes their place of which this is not so; where there is none (`TRIED` are looked at), the
    first that leaves train_nodev the most classes and, of those, has the most itself. classes: speaker → classes of
    all who are present.
    """
    present = classes.keys()
    order = list(folds)
    following = order[order.index(fold) + 1 :] + order[: order.index(fold)]
    candidates = [speaker for other in following for speaker in folds[other] if speaker in present]
    if number >= len(candidates):
        raise InputError(
            f"--dev_speakers {number}: fold {fold} has {len(candidates)} training speakers, and one must stay there; "
            "0 makes no dev"
        )
    everything = set().union(*(classes[speaker] for speaker in candidates))

    def lacking(chosen):
        rest = set().union(*(classes[speaker] for speaker in candidates if speaker not in chosen))
        return len(everything - rest), len(everything.difference(*(classes[speaker] for speaker in chosen)))

    return set(min(islice(combinations(candidates, number), TRIED), key=lacking))


def _lacking(name, members, train, remedy):
    """A remark where a development set lacks classes of the training set."""
    there = {utterance.emotion for utterance in members}
    absent = sorted({utterance.emotion for utterance in train} - there - {UNLABELLED})
    if not absent:
        return []
    return [
        f"WARNING: {name} has no {', '.join(absent)}, which train has: what is chosen on it may suit the other classes "
        f"alone; {remedy} --probe_choose_by cross_speaker"
    ]


def _official(utterances, sets, remarks):
    if not any(utterance.split for utterance in utterances):
        return sets, remarks
    for split in SPLITS:
        chosen = [utterance for utterance in utterances if utterance.split == split]
        if chosen:
            sets[split] = chosen
        else:
            remarks.append(f"no set {split}: the corpus has none or nothing of it is there")
    if "train" in sets and "dev" in sets:
        remarks += _lacking("dev", sets["dev"], sets["train"], "choose probes by")
    return sets, remarks
