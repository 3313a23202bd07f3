#!/usr/bin/env bash
# Check a data directory: utils/validate_data_dir.sh [--no-wav] [--no-text] [--no-emo] [--no-spk-sort]
#                              [--check-audio true] [--allow-commands true] [--emotions "angry sad"] data/train
exec "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/python.sh" -m c2ser validate-data-dir "$@"
