#!/usr/bin/env bash
# Emo-Emilia: a test set only. From stage 12 on it needs a system trained elsewhere: --model ../../esd/c2ser1/exp/smollm2
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

../../TEMPLATE/c2ser1/c2ser.sh --corpus emo_emilia --db EMO_EMILIA --folds official --cot_language en --tag zero_shot "$@"
