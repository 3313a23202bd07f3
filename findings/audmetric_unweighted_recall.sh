#!/usr/bin/env bash
# audmetric 1.4.2 and scikit-learn 1.9.1: unweighted average recall, one measure with two values. A class that was
# answered but never true counts as recall 0 in audmetric's unweighted_average_recall and scikit-learn's
# recall_score(average="macro"), and is left out by scikit-learn's balanced_accuracy_score: 0.44 and 0.67 for the same
# six answers. With all the labels named a class that occurs nowhere takes the first to 0.33, without a word. A system
# pays for its rare stray answers in one and not in the other. One would have guessed one value, for each is named after
# the mean recall of the classes. Fails if that changes.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" --quiet --disable-pip-version-check install audmetric==1.4.2 scikit-learn==1.9.1 numpy==2.4.6 2>/dev/null
"$dir/venv/bin/python" - <<'PY'
import warnings
from importlib.metadata import version

import audmetric
from sklearn.metrics import balanced_accuracy_score, recall_score

true = ["angry", "angry", "sad", "sad", "angry", "sad"]
said = ["angry", "fear", "sad", "sad", "angry", "angry"]
labels = ["angry", "fear", "happy", "sad"]
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    theirs = audmetric.unweighted_average_recall(true, said)
    named = audmetric.unweighted_average_recall(true, said, labels=labels)
silent = not caught
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    balanced, macro = balanced_accuracy_score(true, said), recall_score(true, said, average="macro")
print(f"audmetric {version('audmetric')}: {theirs:.3f}, with four labels named {named:.3f}{', no warning' * silent}; "
      f"scikit-learn {version('scikit-learn')}: balanced_accuracy_score {balanced:.3f}, recall_score macro {macro:.3f}")
# Recalls: angry 2 of 3, sad 2 of 3; fear and happy are never true.
assert abs(balanced - 2 / 3) < 1e-9 and abs(theirs - 4 / 9) < 1e-9 and abs(macro - 4 / 9) < 1e-9
assert abs(named - 1 / 3) < 1e-9 and silent
PY
