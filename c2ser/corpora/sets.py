"""Which utterances go into which data directory: all, folds by speaker, official splits."""

from c2ser.errors import InputError

SPLITS = ("train", "dev", "test")


def compose(corpus, utterances, wanted_folds=None, dev_speakers=1):
    """Sort utterances into sets. Returns ({name of the set: utterances}, remarks on what was left out).

    `all` holds everything. A corpus with folds gets `fold<k>/test` (the table's speakers) and `fold<k>/train` (all
    others), and for model selection `fold<k>/dev` and `fold<k>/train_nodev`, which together are train: dev holds the
    first `dev_speakers` speakers tested in the folds that follow k, cyclically. Other corpora get their official
    splits. A fold or split with nothing in it is left out and remarked on. wanted_folds: numbers, or None for all.
    Raises InputError for an unknown fold and where dev would leave nothing for train_nodev.
    """
    sets, remarks = {"all": utterances}, []
    folds = corpus.read_folds()
    unknown = [fold for fold in wanted_folds or () if fold not in folds]
    if unknown:
        known = " ".join(map(str, folds)) or "none: its splits are official"
        raise InputError(f"--folds {' '.join(map(str, unknown))}: the folds of {corpus.name} are {known}")
    if not folds:
        return _official(utterances, sets, remarks)
    present = {utterance.speaker for utterance in utterances}
    strangers = present.difference(*folds.values())
    if strangers:
        raise InputError(f"{corpus.name}: no fold tests {', '.join(sorted(strangers))}; mend {corpus.folds}")
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
            dev = choose_dev_speakers(folds, fold, present, dev_speakers)
            train = sets[f"fold{fold}/train"]
            sets[f"fold{fold}/train_nodev"] = [utterance for utterance in train if utterance.speaker not in dev]
            sets[f"fold{fold}/dev"] = [utterance for utterance in train if utterance.speaker in dev]
    return sets, remarks


def choose_dev_speakers(folds, fold, present, number):
    """The first `number` speakers tested in the folds after `fold`, cyclically, of those present."""
    order = list(folds)
    following = order[order.index(fold) + 1 :] + order[: order.index(fold)]
    candidates = [speaker for other in following for speaker in folds[other] if speaker in present]
    if number >= len(candidates):
        raise InputError(
            f"--dev_speakers {number}: fold {fold} has {len(candidates)} training speakers, and one must stay there; "
            "0 makes no dev"
        )
    return set(candidates[:number])


def _official(utterances, sets, remarks):
    if not any(utterance.split for utterance in utterances):
        return sets, remarks
    for split in SPLITS:
        chosen = [utterance for utterance in utterances if utterance.split == split]
        if chosen:
            sets[split] = chosen
        else:
            remarks.append(f"no set {split}: the corpus has none or nothing of it is there")
    return sets, remarks
