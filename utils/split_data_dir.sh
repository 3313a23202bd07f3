#!/usr/bin/env bash
# Split a data directory: utils/split_data_dir.sh data/train 8 → data/train/split8/{1..8}, by speaker;
#                         utils/split_data_dir.sh --per-utt data/train 8 → data/train/split8utt/{1..8}
exec "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/python.sh" -m c2ser split-data-dir "$@"
