#!/usr/bin/env bash
# M3ED: the official train, dev and test. Answers are in English, the one language of the embedded SmolLM2; a
# Chinese-speaking model (--llm) answers in Chinese with --cot_language zh.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

../../TEMPLATE/c2ser1/c2ser.sh --corpus m3ed --db M3ED --folds official --train_set train --cot_language en \
    --tag smollm2 "$@"
