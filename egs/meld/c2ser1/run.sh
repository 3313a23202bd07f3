#!/usr/bin/env bash
# MELD: the official train, dev and test.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

../../TEMPLATE/c2ser1/c2ser.sh --corpus meld --db MELD --folds official --train_set train --cot_language en \
    --tag smollm2 "$@"
