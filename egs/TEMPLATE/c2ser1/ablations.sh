#!/usr/bin/env bash
# The paper's ablations, each a system of its own: without Emotion2Vec-S, without Whisper, without chain of thought, the
# transcript alone. From a recipe's folder, after its run.sh with the same folds:
#   ../../TEMPLATE/c2ser1/ablations.sh --tag smollm2 --folds "1 2 3 4"
# Writes exp/<tag>_ablations.md: each against the full system, with paired tests; beside them the full system's other mode
# and its answers to paraphrased prompts, where it was run with --paraphrases, probes on the same features, and the
# majority class. Options that are not its own go to run.sh.
set -euo pipefail

# --- options: name=default  # help
tag=base                # the full system's
folds=1                 # folds to run
systems="no_e2v_s no_whisper no_cot text_only" # ablations to run
e2v_s=                  # Emotion2Vec-S folder that the full system was given, {fold} being the fold; default: its own
train=true              # false: only the table, of what there is
mode=implicit           # whose answers are compared: implicit | explicit
pred=utt2scored         # table of predictions: utt2scored | utt2pred | utt2constrained
note=                   # what else the table should say
seed=0                  # decides everything random
# --- end of options

more=()
while [ $# -gt 0 ]; do
    case $1 in
    --help)
        sed -n '2,7s/^# \?//p' "$0"
        sed -n '/^# --- options/,/^# --- end/p' "$0" | sed -nE 's/^([a-z0-9_]+)=("?[^#]*[^# ]"?)? *# (.*)/  --\1 [\2]: \3/p'
        exit 0
        ;;
    --tag | --folds | --systems | --e2v_s | --train | --mode | --pred | --note | --seed) printf -v "${1#--}" '%s' "$2" ;;
    *) more+=("$1" "$2") ;;
    esac
    shift 2
done
. ./path.sh
first=${folds%% *}

# One row. $1: name, $2: tag, $3: what stands in its folders, $4: table
rows=() tables=()
row() {
    rows+=("$1=$(for fold in $folds; do echo "exp/$2/fold$fold/$3"; done | paste -sd,)")
    tables+=("$1=$4")
}

row full "$tag" "decode_${mode}_test" "$pred"
for other in implicit explicit; do
    if [ "$other" != "$mode" ] && [ -d "exp/$tag/fold$first/decode_${other}_test" ]; then
        row "full, $other" "$tag" "decode_${other}_test" "$pred"
    fi
done
for number in 1 2 3 4 5; do
    if [ "$mode" = implicit ] && [ -d "exp/$tag/fold$first/decode_implicit_p${number}_test" ]; then
        row "full, asked in other words ($number)" "$tag" "decode_implicit_p${number}_test" "$pred"
    fi
done

encoder=${e2v_s:-exp/$tag/fold{fold\}/e2v_s}
for system in $systems; do
    case $system in
    no_e2v_s) options=(--e2v_s none) ;;
    no_whisper) options=(--whisper none --e2v_s "$encoder") ;;
    no_cot) options=(--answers label --e2v_s "$encoder") ;;
    text_only) options=(--text_only true) ;;
    *) echo "$0: unknown system $system" >&2 && exit 1 ;;
    esac
    if [ "$train" = true ]; then
        ./run.sh --folds "$folds" --seed "$seed" "${more[@]}" --tag "${tag}_$system" "${options[@]}" --stage 3 --stop_stage 13
    fi
    # Bare labels have no explicit mode
    answered=$mode && [ "$system" != no_cot ] || answered=implicit
    row "$system" "${tag}_$system" "decode_${answered}_test" "$pred"
done

for probe in e2v_s whisper both; do
    if [ -d "exp/$tag/fold$first/probe_$probe" ]; then row "probe on $probe" "$tag" "probe_$probe" utt2pred; fi
done
for fold in $folds; do
    python3 -m c2ser majority --train_dir "data/fold$fold/train" --data_dir "data/fold$fold/test" \
        --out_dir "exp/majority/fold$fold"
done
row "majority class" majority "" utt2pred
case $pred in utt2scored) method="label scoring" ;; utt2pred) method="free answer" ;; *) method="constrained answer" ;; esac

python3 -m c2ser compare --systems "${rows[@]}" --pred "${tables[@]}" --reference full --seed "$seed" \
    --data_dir $(for fold in $folds; do echo "data/fold$fold/test"; done) --out "exp/${tag}_ablations.md" \
    --caption "Ablations of $tag: one system each, trained alike, folds $folds, $mode mode by $method.${note:+ $note} Test \
speakers are in no training set."
