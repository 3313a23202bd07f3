#!/usr/bin/env bash
# Mend a data directory: utils/fix_data_dir.sh [--no-spk-sort] [--emotions "angry sad"] data/train
exec "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/python.sh" -m c2ser fix-data-dir "$@"
