#!/usr/bin/env bash
# ESD: five folds, four speakers left out of each; the next fold's four are the development set, so that it holds both
# languages. Answers are in English, the one language of the embedded SmolLM2.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

../../TEMPLATE/c2ser1/c2ser.sh --corpus esd --db ESD --folds "1 2 3 4 5" --dev_speakers 4 --cot_language en --tag smollm2 "$@"
