#!/usr/bin/env bash
# Polish, the embedded default and the demo: the speech is fetched where db.sh names none, the language model is a small
# Llama that is trained from scratch, and fold 2 is shown (README.md says why). Answers are in English.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
. ./path.sh
. ./db.sh

if [ -z "$POLISH" ] && [[ " $* " != *" --help "* && " $* " != *" -h "* ]]; then
    python3 "$C2SER_ROOT/tools/download_pretrained.py" --out_dir "$C2SER_ROOT/downloads" polish
    export POLISH=$C2SER_ROOT/downloads/POLISH
fi
../../TEMPLATE/c2ser1/c2ser.sh --corpus polish --db POLISH --cot_language en --tag demo --folds 2 --train_set train \
    --conf conf/scratch --llm scratch --whisper_blocks 1 --normalise speaker --probe_choose_by cross_speaker "$@"
