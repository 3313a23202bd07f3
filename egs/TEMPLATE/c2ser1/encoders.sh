#!/usr/bin/env bash
# What does L_cate buy? Emotion2Vec-S with and without it, the same network supervised, Whisper, and what they give
# together, as probes on frozen features. From a recipe's folder; Emotion2Vec-S itself is that of its run.sh:
#   ../../TEMPLATE/c2ser1/encoders.sh --tag smollm2 --folds "1 2 3 4" --whisper base.pt
# or with the encoders of another recipe, trained over several corpora, fold k without the speakers of fold k here:
#   ../../TEMPLATE/c2ser1/encoders.sh --tag joint --from ../../all/c2ser1/exp/gpu --folds "1 2 3 4" --whisper base.pt
# Writes exp/<tag>_encoders.md, its half on L_cate alone to exp/<tag>_encoders_cate.md, and pictures into exp/<tag>_encoders.
set -euo pipefail

# --- options: name=default  # help
tag=base                # the recipe's, whose stage 5 trains the encoder with L_cate
folds=1                 # folds to run
systems="frm_utt supervised" # encoders to train beside it
whisper=                # openai-whisper checkpoint (.pt), or Hugging Face folder; default: tiny.en, fetched
conf=conf/small         # folder with train_e2v_s.yaml
ngpu=0                  # GPUs for training and features
from=                   # experiment whose encoders are taken, <from>[_<system>]/fold<k>/e2v_s, instead of training any
trained_on=             # words for the caption on what those were trained on; default: train_nodev of each fold
seed=0                  # decides everything random
tables_only=false       # train nothing; compare what there is
# --- end of options

print_help() {
    sed -n '2,8s/^# \?//p' "$0"
    sed -n '/^# --- options/,/^# --- end/p' "$0" | sed -nE 's/^([a-z0-9_]+)=("?[^#]*[^# ]"?)? *# (.*)/  --\1 [\2]: \3/p'
}
. utils/parse_options.sh
. ./path.sh
. utils/stage.sh

out=exp/${tag}_encoders
whisper_dir=dump/whisper/$(basename "${whisper:-tiny.en.pt}" .pt)
shared=(--folds "$folds" --conf "$conf" --seed "$seed" --ngpu "$ngpu" ${whisper:+--whisper "$whisper"})

prosody() {
    stage_begin dump/functionals --done data/.done.dump --clean dump/functionals || return 0
    python3 -m c2ser prosody-features --data_dir data/all --audio_scp dump/all/wav.scp --out_dir dump/functionals
    stage_end
}

# $1: name, $2: none | speaker, then folders of features
probe() {
    local place=$out/fold$fold/$1 normalise=$2 needs=() tables=() folder
    shift 2
    for folder in "$@"; do
        needs+=(--done "$folder")
        tables+=("$folder/$([ "$folder" = dump/functionals ] && echo feats || echo layers).scp")
    done
    stage_begin "$place" "${needs[@]}" --done data/.done.prepare --value "normalise=$normalise" --value "seed=$seed" || return 0
    python3 -m c2ser probe --feats_scp "${tables[@]}" --train_dir "data/fold$fold/train" --test_dir "data/fold$fold/test" \
        --choose_by cross_speaker --normalise "$normalise" --seed "$seed" --out_dir "$place"
    stage_end
}

probes() {
    local w=$whisper_dir b=exp/${tag}_frm_utt/fold$fold/features c=exp/$tag/fold$fold/features
    local d=exp/${tag}_supervised/fold$fold/features p=dump/functionals
    probe whisper none "$w"
    probe frm_utt none "$b"
    probe cate none "$c"
    probe supervised none "$d"
    probe whisper_cate none "$w" "$c"
    probe prosody none "$p"
    probe whisper_prosody none "$w" "$p"
    probe all none "$w" "$c" "$p"
    probe whisper_speaker speaker "$w"
    probe cate_speaker speaker "$c"
    probe all_speaker speaker "$w" "$c" "$p"
}

of_folds() { for fold in $folds; do echo "$out/fold$fold/$1"; done | paste -sd,; }
tests_of_folds() { for fold in $folds; do echo "data/fold$fold/test"; done; }

table() {
    local first=${folds%% *} name
    python3 -m c2ser compare --out "$out.md" --data_dir $(tests_of_folds) --seed "$seed" --reference "(a) Whisper, frozen" \
        $([ ! -f local/published.tsv ] || echo "--published local/published.tsv") --systems \
        "(a) Whisper, frozen=$(of_folds whisper)" \
        "(b) L_frm + L_utt=$(of_folds frm_utt)" \
        "(c) Emotion2Vec-S, L_cate too=$(of_folds cate)" \
        "(d) same network, supervised=$(of_folds supervised)" \
        "(e) (a) and (c)=$(of_folds whisper_cate)" \
        "prosody functionals=$(of_folds prosody)" \
        "(a) and prosody=$(of_folds whisper_prosody)" \
        "(a), (c) and prosody=$(of_folds all)" \
        "(a), normalised by speaker=$(of_folds whisper_speaker)" \
        "(c), normalised by speaker=$(of_folds cate_speaker)" \
        "(a), (c) and prosody, normalised by speaker=$(of_folds all_speaker)" \
        --caption "Probes on frozen features (Whisper: $(basename "$whisper_dir")), one speaker left out of each fold. No test \
speaker's label is seen by any encoder or probe, nor any of their audio, except in the rows marked: those normalise features \
by mean and deviation of the test speaker's own recordings, without labels. Encoders (b) to (d) are trained on \
${trained_on:-train_nodev of each fold}; layer and regularisation are chosen by leaving out one training speaker after the other."
    python3 -m c2ser compare --out "${out}_cate.md" --data_dir $(tests_of_folds) --seed "$seed" \
        --reference "(b) L_frm + L_utt" --systems "(b) L_frm + L_utt=$(of_folds frm_utt)" \
        "(c) Emotion2Vec-S, L_cate too=$(of_folds cate)" "(d) same network, supervised=$(of_folds supervised)" \
        --caption "What L_cate buys: the same probes as in $(basename "$out").md, against the encoder without it."
    python3 -m c2ser plot-layers --out "$out/layers.png" --part test --title "$(basename "$(dirname "$PWD")")" --probes \
        "Whisper=$(of_folds whisper)" "Emotion2Vec-S=$(of_folds cate)" "L_frm + L_utt=$(of_folds frm_utt)" \
        "supervised=$(of_folds supervised)"
    for name in frm_utt cate; do
        python3 -m c2ser plot-embeddings --data_dir "data/fold$first/test" --method tsne --seed "$seed" --feats_scp \
            "exp/$tag$([ $name = cate ] || echo "_$name")/fold$first/features/layers.scp" --out "$out/tsne_$name.png" \
            --title "Fold $first, test speaker: $name"
    done
}

# Features of one system's encoders, trained here or taken. $1: system, "" for the recipe's own, then its first stage
encode() {
    local suffix=${1:+_$1} first=$2 options=()
    case $1 in
    "") ;;
    frm_utt) options=(--e2v_s_args "--model_conf category_weight=0") ;;
    supervised) options=(--encoder_task emotion_classifier) ;;
    *) echo "$0: unknown system $1" >&2 && exit 1 ;;
    esac
    [ -z "$from" ] || options=(--e2v_s "$from$suffix/fold{fold}/e2v_s")
    ./run.sh "${shared[@]}" --tag "$tag$suffix" "${options[@]}" --stage "$first" --stop_stage 6
}

if [ "$tables_only" = false ]; then
    encode "" 1
    for system in $systems; do encode "$system" 5; done
    prosody
    for fold in $folds; do probes; done
fi
table
