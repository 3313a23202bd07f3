"""The least that a system must beat: the class that is most frequent in training, whatever is said."""

from collections import Counter

from c2ser.emotions import EMOTIONS, FURTHER_EMOTIONS
from c2ser.errors import InputError


def class_shares(train):
    """Shares of the classes among the labelled utterances of a data directory.

    train: `DataDir`. Returns (class → share, in the project's order of classes; number of utterances with a label; list
    of those without). Raises InputError where no utterance has a label, or one has an unknown one.
    """
    labels, without = train.labels(), train.unlabelled()
    counts = Counter(labels[utterance] for utterance in set(train.utterances()).difference(without))
    total = sum(counts.values())
    if not total:
        raise InputError(f"{train.path}/utt2emo: no utterance has a label; give a labelled training set")
    strange = sorted(set(counts) - {*EMOTIONS, *FURTHER_EMOTIONS})
    if strange:
        raise InputError(f"{train.path}/utt2emo: unknown labels {', '.join(strange)}; utils/fix_data_dir.sh names them")
    return {label: counts[label] / total for label in (*EMOTIONS, *FURTHER_EMOTIONS) if label in counts}, total, without
