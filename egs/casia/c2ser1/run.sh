#!/usr/bin/env bash
# CASIA: four folds, one speaker left out of each. Answers are in English, the one language of the embedded SmolLM2; a
# Chinese-speaking model (--llm) answers in Chinese with --cot_language zh.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

../../TEMPLATE/c2ser1/c2ser.sh --corpus casia --db CASIA --folds "1 2 3 4" --cot_language en --tag smollm2 \
    --probe_choose_by cross_speaker "$@"
