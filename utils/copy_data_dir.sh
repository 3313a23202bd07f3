#!/usr/bin/env bash
# Copy a data directory: utils/copy_data_dir.sh [--utt-prefix P] [--utt-suffix S] [--spk-prefix P] [--spk-suffix S]
#                        [--no-spk-sort] data/train data/copy
exec "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/python.sh" -m c2ser copy-data-dir "$@"
