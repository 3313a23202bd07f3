#!/usr/bin/env bash
# EMOVO: six folds, one speaker left out of each. Answers are in English, the one language of the embedded SmolLM2; an
# Italian-speaking model (--llm) answers in Italian with --cot_language it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

../../TEMPLATE/c2ser1/c2ser.sh --corpus emovo --db EMOVO --folds "1 2 3 4 5 6" --cot_language en --tag smollm2 \
    --probe_choose_by cross_speaker "$@"
