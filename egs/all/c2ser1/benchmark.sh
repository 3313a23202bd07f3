#!/usr/bin/env bash
# One table of every system on every corpus you have: the joint model in every mode, each corpus' own model, models that
# never heard the corpus, probes on frozen features, the majority class, and what you add. From this folder:
#   CASIA=/corpora/casia EMOVO=/corpora/EMOVO ./benchmark.sh --tag smollm2 --corpora "casia emovo"
# Trains what is not up to date (--train none: only the table), then writes exp/<tag>_benchmark.md and .json. Options
# that are not its own go to all run.sh, so that files named by them need whole paths.
set -euo pipefail

tag=smollm2             # the joint model's; models that leave a corpus out are in exp/<tag>_without
own_tag=                # tag of the corpora's own recipes, egs/<corpus>; default: the same
probe_tag=              # tag of the probes on frozen features, everywhere; default: the same
corpora=                # corpora to join and test; default: those whose variable is set in db.sh
folds=all               # folds to run and to pool, e.g. "1 2"
train="joint own without" # of these what is trained first; also cross: each corpus' own model on the others; none
mode=implicit           # whose answers stand for C2SER in the comparison: implicit | explicit
pred=utt2scored         # table of predictions: utt2scored | utt2pred | utt2constrained
asr=                    # text-only cascade: Whisper model that writes down the words, .pt or Hugging Face folder
judge=                  # text-only cascade: Hugging Face folder of the model that judges them
others=                 # further rows, "name=path;name=path=trained=table": decodings or .txt files; {corpus}, {fold} in a path
tested=                 # further rows, ";" between, that the joint model is tested against, e.g. "Probe on both, joint"
note=                   # what else the page should say of how the systems came about
seed=0                  # decides everything random

run_args=$(printf '%q ' "$@")
more=()
while [ $# -gt 0 ]; do
    case $1 in
    --help) sed -nE '2,7s/^# ?//p; s/^([a-z_]+)=("?[^#]*[^# ]"?)? *# (.*)/  --\1 [\2]: \3/p' "$0" && exit 0 ;;
    --tag | --own_tag | --probe_tag | --corpora | --folds | --train | --mode | --pred | --asr | --judge | --others | \
        --tested | --note | --seed)
        printf -v "${1#--}" '%s' "$2" ;;
    *) more+=("$1" "$2") ;;
    esac
    shift 2
done
cd "$(dirname "${BASH_SOURCE[0]}")"
. ./path.sh
. utils/stage.sh

own_tag=${own_tag:-$tag}
shared=(--folds "$folds" --seed "$seed" ${corpora:+--corpora "$corpora"} ${more[@]+"${more[@]}"})
wants() { [[ " $train " == *" $1 "* ]]; }
for name in $train; do
    [[ " joint own without cross none " == *" $name "* ]] || { echo "$0: --train $name: unknown" >&2 && exit 1; }
done

# The folds of the data directory, or those of one corpus' own recipe, that are wanted. $1: folder that holds them
folds_in() {
    local number
    for number in $(find "$1" -maxdepth 1 -name 'fold[0-9]*' | sed 's/.*fold//' | sort -n); do
        if [ "$folds" = all ] || [[ " $folds " == *" $number "* ]]; then echo "$number"; fi
    done
}
own_folds() { if [ -d "data/corpora/$1/train" ]; then echo official; else folds_in "data/corpora/$1" | paste -sd' '; fi; }
trainable() { for name in data/without_*; do [ ! -d "$name" ] || echo "${name#data/without_}"; done; }
beside() { trainable | grep -vxF "$1" | paste -sd' '; } # all trainable corpora but $1

if wants joint; then ./run.sh "${shared[@]}" --tag "$tag" --stop_stage 13; fi
[ -d data/test ] || { echo "$0: no data/test: run ./run.sh --stop_stage 4 first" >&2 && exit 1; }
if wants without && [ -n "$(trainable)" ]; then
    ./run.sh "${shared[@]}" --tag "$tag" --leave_out "$(trainable | paste -sd' ')" --stop_stage 13
fi
for name in $(trainable); do
    recipe=../../$name/c2ser1
    [ -x "$recipe/run.sh" ] || continue
    if wants own; then
        own=$(own_folds "$name") # of this folder's data
        (cd "$recipe" && ./run.sh --tag "$own_tag" --folds "$own" --seed "$seed" ${more[@]+"${more[@]}"} --stop_stage 12)
    fi
    if wants cross; then
        ./run.sh "${shared[@]}" --tag "${tag}_from_$name" --model "$recipe/exp/$own_tag" --leave_out "$(beside "$name")" \
            --stage 12 --stop_stage 12
    fi
done

majority() {
    stage_begin "exp/majority/fold$fold" --done data/.done.prepare || return 0
    python3 -m c2ser majority --train_dir "data/fold$fold/train" --data_dir "data/fold$fold/test" \
        --out_dir "exp/majority/fold$fold"
    stage_end
}

cascade() {
    local words=(--file "$asr")
    [ ! -d "$asr" ] || words=(--glob "$asr/*")
    stage_begin exp/cascade --done data/.done.dump "${words[@]}" --glob "$judge/*" || return 0
    python3 -m c2ser transcribe --data_dir data/all --audio_scp dump/all/wav.scp --whisper "$asr" \
        --out_dir exp/cascade
    python3 -m c2ser cascade --data_dir data/all --text exp/cascade/text.asr --model "$judge" --out_dir exp/cascade
    stage_end
}

for fold in $(folds_in data); do majority; done
if [ -n "$asr" ] && [ -n "$judge" ]; then cascade; fi

# One row for each way of training. $1: name, $2: what stands in its folder under exp, $3: table, $4: tag, $5: own tag
rows=()
trained_ways() {
    local own=../../{corpus}/c2ser1/exp/$5
    rows+=(--system "$1, joint" "exp/$4/fold{fold}/$2" joint "$3"
        --system "$1, each corpus by itself" "$own/fold{fold}/$2,$own/official/$2" own "$3"
        --system "$1, corpus left out" "exp/$4_without/without_{corpus}/$2" others "$3")
}

trained_ways C2SER "decode_${mode}_test" "$pred" "$tag" "$own_tag"
if wants cross; then
    for name in $(trainable); do
        own=../../$name/c2ser1/exp/$own_tag
        rows+=(--system "C2SER, $name alone" "exp/${tag}_from_${name}_without/without_{corpus}/decode_${mode}_test,\
$own/fold{fold}/decode_${mode}_test,$own/official/decode_${mode}_test" "$name" "$pred")
    done
fi
for way in "implicit utt2scored label scoring" "implicit utt2pred free answer" \
    "implicit utt2constrained constrained answer" "explicit utt2scored label scoring" "explicit utt2pred free answer" \
    "explicit utt2constrained constrained answer"; do
    read -r one table how <<<"$way"
    [ "$one $table" != "$mode $pred" ] || continue
    rows+=(--system "C2SER, joint, $one, $how" "exp/$tag/fold{fold}/decode_${one}_test" joint "$table")
done
probes=(utt2pred "${probe_tag:-$tag}" "${probe_tag:-$own_tag}")
trained_ways "Probe on Emotion2Vec-S" probe_e2v_s "${probes[@]}"
trained_ways "Probe on Whisper" probe_whisper "${probes[@]}"
trained_ways "Probe on both" probe_both "${probes[@]}"
rows+=(--system "Majority class of training" "exp/majority/fold{fold}" joint utt2pred)
if [ -d exp/cascade ]; then rows+=(--system "Text-only cascade" exp/cascade none utt2pred); fi
against=("C2SER, each corpus by itself" "C2SER, corpus left out")
while IFS='=' read -r -d ';' name path trained table; do
    [ -n "$name" ] || continue
    if [[ $path == *.txt ]]; then default=answers; else default=utt2pred; fi
    rows+=(--system "$name" "$path" "${trained:-unknown}" "${table:-$default}") against+=("$name")
done <<<"$others;"
while IFS= read -r -d ';' name; do [ -z "$name" ] || against+=("$name"); done <<<"$tested;"

leaks=$(cat local/leaks.txt 2>/dev/null || echo "Test speakers are in no training set, labelled or not.")
python3 -m c2ser benchmark --data_dir data "${rows[@]}" --reference "C2SER, joint" --against "${against[@]}" \
    --corpora $corpora $([ "$folds" = all ] || echo "--folds $folds") --seed "$seed" --out "exp/${tag}_benchmark.md" \
    --title "Benchmark: $tag" --command "./benchmark.sh $run_args" \
    --caption "$leaks${note:+ $note} C2SER answers in mode $mode, table $pred, where a row does not say otherwise."
echo "table: $PWD/exp/${tag}_benchmark.md"
