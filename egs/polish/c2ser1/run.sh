#!/usr/bin/env bash
# Polish, the embedded default: the speech is fetched where db.sh names none. Answers are in English, the one language of
# the embedded SmolLM2.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
. ./path.sh
. ./db.sh

if [ -z "$POLISH" ] && [[ " $* " != *" --help "* ]]; then
    python3 "$C2SER_ROOT/tools/download_pretrained.py" --out_dir "$C2SER_ROOT/downloads" polish
    export POLISH=$C2SER_ROOT/downloads/POLISH
fi
../../TEMPLATE/c2ser1/c2ser.sh --corpus polish --db POLISH --cot_language en --tag smollm2 \
    --probe_choose_by cross_speaker "$@"
