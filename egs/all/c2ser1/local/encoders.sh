#!/usr/bin/env bash
# What does L_cate buy? Emotion2Vec-S with and without it, the same network supervised, Whisper, and what they give
# together: probes on frozen features, leave one speaker out, on each corpus by itself. Writes exp/encoders/<corpus>.md.
#   local/encoders.sh --corpora "casia emovo polish" --tested "casia emovo" --whisper base.pt
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

corpora=                # corpora to train on; default: those whose variable is set in db.sh
tested="casia emovo"    # corpora to probe, of those with folds
folds="1 2 3 4 5 6"     # folds to train
systems="frm_utt cate supervised" # encoders to train
whisper=                # openai-whisper checkpoint (.pt); default: tiny.en, fetched
conf=conf/small         # folder with train_e2v_s.yaml
seed=0                  # decides everything random
stage=1                 # 1: data, 2: encoders, 3: Whisper and prosody features, 4: probes, 5: tables
stop_stage=5            # last stage
force=false             # do stages again although they are up to date

. utils/parse_options.sh
. ./path.sh
. ./cmd.sh
. utils/stage.sh

want() { [ "$stage" -le "$1" ] && [ "$stop_stage" -ge "$1" ]; }
out=exp/encoders
whisper_dir=dump/whisper/$(basename "${whisper:-tiny.en.pt}" .pt)
shared=(--corpora "$corpora" --folds "$folds" --conf "$conf" --seed "$seed" --force "$force" ${whisper:+--whisper "$whisper"})

# What differs between the encoders; all else is conf/…/train_e2v_s.yaml
options_of() {
    case $1 in
    cate) echo "--model_conf category_weight=100" ;;
    frm_utt) echo "--model_conf category_weight=0" ;;
    supervised) echo "--best_model_criterion train,total_count,max" ;;
    *) echo "$0: unknown system $1" >&2 && exit 1 ;;
    esac
}

prosody() {
    stage_begin dump/functionals --done data/.done.dump --clean dump/functionals || return 0
    python3 -m c2ser.bin.prosody_features --data_dir data/all --audio_scp dump/all/wav.scp --out_dir dump/functionals
    stage_end
}

# One corpus' part of a joint set. $1: corpus, $2: joint set, $3: folder to write
part() {
    awk -v corpus="$1" '$2 == corpus' "$2/utt2corpus" >"$2/.list"
    subset_data_dir.sh --utt-list "$2/.list" "$2" "$3"
}

# $1: name, $2: none | speaker, then tables of features
probe() {
    local name=$1 normalise=$2 place=$out/$corpus/fold$fold
    shift 2
    stage_begin "$place/$name" --done "$place" --value "normalise=$normalise" --value "seed=$seed" \
        $(for table in "$@"; do echo "--file $table"; done) || return 0
    python3 -m c2ser.bin.probe --feats_scp "$@" --train_dir "$place/train" --test_dir "$place/test" \
        --choose_by cross_speaker --normalise "$normalise" --seed "$seed" --out_dir "$place/$name"
    stage_end
}

probes() {
    local place=$out/$corpus/fold$fold w=$whisper_dir/layers.scp p=dump/functionals/feats.scp
    local b=exp/frm_utt/fold$fold/features/layers.scp c=exp/cate/fold$fold/features/layers.scp
    local d=exp/supervised/fold$fold/features/layers.scp
    if stage_begin "$place" --done data/.done.prepare; then
        part "$corpus" "data/fold$fold/train" "$place/train"
        part "$corpus" "data/fold$fold/test" "$place/test"
        stage_end
    fi
    probe whisper none "$w"
    probe frm_utt none "$b"
    probe cate none "$c"
    probe supervised none "$d"
    probe whisper_cate none "$w" "$c"
    probe prosody none "$p"
    probe whisper_prosody none "$w" "$p"
    probe whisper_cate_prosody none "$w" "$c" "$p"
    probe whisper_speaker speaker "$w"
    probe cate_speaker speaker "$c"
    probe whisper_cate_prosody_speaker speaker "$w" "$c" "$p"
}

table() {
    local names=() tests=() fold place
    local tested_folds
    tested_folds=$(for fold in $folds; do [ ! -d "$out/$corpus/fold$fold/test" ] || echo "$fold"; done)
    for fold in $tested_folds; do tests+=("$out/$corpus/fold$fold/test"); done
    row() { names+=("$1=$(for fold in $tested_folds; do echo "$out/$corpus/fold$fold/$2"; done | paste -sd,)"); }
    row "(a) Whisper $(basename "$whisper_dir"), frozen" whisper
    row "(b) L_frm + L_utt" frm_utt
    row "(c) Emotion2Vec-S: L_frm + L_utt + L_cate" cate
    row "(d) the same network, supervised" supervised
    row "(e) (a) and (c)" whisper_cate
    row "Prosody functionals" prosody
    row "(a) and prosody" whisper_prosody
    row "(a), (c) and prosody" whisper_cate_prosody
    row "(a), features normalised by speaker" whisper_speaker
    row "(c), features normalised by speaker" cate_speaker
    row "(a), (c) and prosody, normalised by speaker" whisper_cate_prosody_speaker
    python3 -m c2ser.bin.compare --systems "${names[@]}" --data_dir "${tests[@]}" --reference "${names[0]%%=*}" --seed "$seed" \
        --published "../../$corpus/c2ser1/local/published.tsv" --out "$out/$corpus.md" --caption \
        "Probes on frozen features, $corpus, one speaker left out of each fold. No test speaker's label is seen by any encoder or \
probe, and none of their audio either, except by the rows marked: these normalise features with the mean and deviation of the \
test speaker's own unlabelled recordings. Encoders (b) to (d) are trained on $corpora, without the dev speaker of each fold. \
Layer and regularisation are chosen by leaving out one training speaker after the other."
    python3 -m c2ser.bin.plot_layers --out "$out/layers_$corpus.png" --part test --title "$corpus" --probes \
        "Whisper=$(for place in "${tests[@]}"; do echo "${place%test}whisper"; done | paste -sd,)" \
        "Emotion2Vec-S=$(for place in "${tests[@]}"; do echo "${place%test}cate"; done | paste -sd,)" \
        "L_frm + L_utt=$(for place in "${tests[@]}"; do echo "${place%test}frm_utt"; done | paste -sd,)"
    for name in frm_utt cate; do
        python3 -m c2ser.bin.plot_embeddings --feats_scp "exp/$name/fold1/features/layers.scp" --data_dir "${tests[0]}" \
            --method tsne --seed "$seed" --out "$out/tsne_${corpus}_$name.png" --title "$corpus, fold 1, test speaker: $name"
    done
}

if want 1; then ./run.sh "${shared[@]}" --stage 1 --stop_stage 2; fi
for system in $systems; do
    task=emotion2vec_s
    if [ "$system" = supervised ]; then task=emotion_classifier; fi
    if want 2; then
        ./run.sh "${shared[@]}" --tag "$system" --encoder_task "$task" --e2v_s_args "$(options_of "$system")" --stage 5 --stop_stage 6
    fi
done
if want 3; then prosody; fi
for corpus in $tested; do
    for fold in $folds; do
        if want 4 && [ -d "data/test/$corpus/fold$fold" ]; then probes; fi
    done
    if want 5; then table; fi
done
