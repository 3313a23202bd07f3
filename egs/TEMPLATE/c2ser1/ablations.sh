#!/usr/bin/env bash
# The paper's ablations, each a system of its own: without Emotion2Vec-S, without Whisper, without chain of thought, the
# transcript alone. From a recipe's folder, after its run.sh with the same folds:
#   ../../TEMPLATE/c2ser1/ablations.sh --tag smollm2 --folds "1 2 3 4"
# Writes exp/<tag>_ablations.md: each against the full system, with paired tests. Options that are not its own go to run.sh.
set -euo pipefail

tag=base                # the full system's
folds=1                 # folds to run
systems="no_e2v_s no_whisper no_cot text_only" # ablations to run
mode=implicit           # whose answers are compared
pred=utt2scored         # table of predictions: utt2scored | utt2pred | utt2constrained
seed=0                  # decides everything random

more=()
while [ $# -gt 0 ]; do
    case $1 in
    --tag | --folds | --systems | --mode | --pred | --seed) printf -v "${1#--}" '%s' "$2" ;;
    --help) sed -n 's/^# \?//; 2,6p' "$0" && exit 0 ;;
    *) more+=("$1" "$2") ;;
    esac
    shift 2
done
. ./path.sh

shared=(--folds "$folds" --seed "$seed" "${more[@]}")
rows=("full=$(for fold in $folds; do echo "exp/$tag/fold$fold/decode_${mode}_test"; done | paste -sd,)")
for system in $systems; do
    case $system in
    no_e2v_s) options=(--e2v_s none) ;;
    no_whisper) options=(--whisper none --e2v_s "exp/$tag/fold{fold}/e2v_s") ;;
    no_cot) options=(--answers label --e2v_s "exp/$tag/fold{fold}/e2v_s") ;;
    text_only) options=(--text_only true) ;;
    *) echo "$0: unknown system $system" >&2 && exit 1 ;;
    esac
    ./run.sh "${shared[@]}" --tag "${tag}_$system" "${options[@]}" --stage 3 --stop_stage 13
    rows+=("$system=$(for fold in $folds; do echo "exp/${tag}_$system/fold$fold/decode_implicit_test"; done | paste -sd,)")
done
for probe in e2v_s whisper both; do
    rows+=("probe on ${probe}=$(for fold in $folds; do echo "exp/$tag/fold$fold/probe_$probe"; done | paste -sd,)")
done
tables=()
for system in full $systems; do tables+=("$system=$pred"); done
python3 -m c2ser.bin.compare --systems "${rows[@]}" --pred "${tables[@]}" --reference full --seed "$seed" \
    --data_dir $(for fold in $folds; do echo "data/fold$fold/test"; done) --out "exp/${tag}_ablations.md" \
    --caption "Ablations of $tag: one system each, trained alike, $mode answers by $pred. Test speakers are in no training set."
