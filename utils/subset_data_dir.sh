#!/usr/bin/env bash
# Take some utterances: utils/subset_data_dir.sh --utt-list F | --spk-list F | --first N | --per-class N [--seed S]
#                       data/train data/small
# The order of Kaldi, `--first data/train 100 data/small`, is understood as well.
if [ $# -eq 4 ] && [[ $1 =~ ^--(first|per[-_]class)$ && ! $2 =~ ^[0-9]+$ && $3 =~ ^[0-9]+$ ]]; then
    set -- "$1" "$3" "$2" "$4"
fi
exec "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/python.sh" -m c2ser subset-data-dir "$@"
