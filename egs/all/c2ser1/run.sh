#!/usr/bin/env bash
# Joint training over the corpora whose folders db.sh names, or those of --corpora. Fold k joins the folds k of all of
# them; a corpus with fewer folds takes part in training alone there. Batches are drawn by class, language and corpus, so
# that neither the largest corpus nor the commonest emotion rules. Answers are in English, as in the other recipes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

../../TEMPLATE/c2ser1/c2ser.sh --corpus joint --folds all --cot_language en --tag smollm2 \
    --balance "label language corpus" --probe_choose_by cross_speaker "$@"
