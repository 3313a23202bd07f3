#!/usr/bin/env bash
# All stages of C2SER, from a corpus to a results table. A recipe's run.sh calls this from the recipe's folder.
set -euo pipefail

# --- options: name=default  # help
stage=1                 # first stage
stop_stage=14           # last stage
force=false             # do stages again although they are up to date
nj=2                    # parallel jobs of stages 2 and 3
ngpu=0                  # GPUs for training, features and decoding; 0: CPU
num_nodes=1             # machines for training
seed=0                  # decides everything random
tag=base                # experiment's name: exp/<tag>
conf=conf/small         # folder of configurations: train_e2v_s, train_explicit, train_implicit, decode .yaml
corpus=                 # module of c2ser.corpora, or the path of your own
db=                     # variable of db.sh that holds the corpus' path
folds=1                 # folds to run, e.g. "1 2 3 4 5"; official: the corpus' own train, dev and test
train_set=train_nodev   # part of a fold that is trained on
dev_set=dev             # part of a fold that chooses checkpoints and probes
dev_speakers=1          # speakers cut from a fold's train for dev
allow_missing=0         # utterances of the published corpus that may be missing
allow_commands=false    # run wav.scp entries of the form `command |`
f0_method=swift         # swift | pyworld | praat | penn
style_population=corpus # over whom low, medium and high are cut: corpus | language | speaker | gender
cot_language=auto       # language of the answers: auto (the speech's) | en | zh | it | pl
e2v_s=                  # an Emotion2Vec-S folder (config.yaml, model.pth) to use instead of stage 5
utterance_mode=extra_tokens # extra_tokens | first10_frames | mean
whisper=                # openai-whisper checkpoint (.pt); default: tiny.en, fetched
llm=                    # language model: folder, .gguf file, or scratch for a small one; default: SmolLM2-135M, fetched
min_seconds=0.1         # shorter utterances leave training and dev sets
max_seconds=29          # longer utterances leave training and dev sets
model=                  # trained system (folder with model.yaml) to evaluate instead of training one
skip_train=false        # skip stages 5, 10 and 11; their results must be there
# --- end of options

help_message="Usage: $0 [--option value] …
$(sed -n '/^# --- options/,/^# --- end/p' "${BASH_SOURCE[0]}" | sed -nE 's/^([a-z0-9_]+)=("?[^ #]*"?) *# (.*)/  --\1 [\2]: \3/p')"
run_args=$(printf '%q ' "$@")
. utils/parse_options.sh
. ./path.sh
. ./cmd.sh
. ./db.sh
. utils/stage.sh

die() { echo "$0: $*" >&2 && exit 1; }
[ $# -eq 0 ] || die "unexpected argument '$1'; options are written --name value (--help lists them)"
for name in stage stop_stage nj ngpu num_nodes seed dev_speakers allow_missing; do
    [[ ${!name} =~ ^[0-9]+$ ]] || die "--$name ${!name}: expected a whole number"
done
[ -n "$corpus" ] || die "--corpus is not set"
[ -d "$conf" ] || die "--conf $conf: no such folder"

# What is not given is fetched once, checked against its hash
fetch() { python3 "$C2SER_ROOT/tools/download_pretrained.py" --out_dir "$C2SER_ROOT/downloads" "$1"; }
if [ -z "$whisper" ]; then fetch whisper-tiny.en && whisper=$C2SER_ROOT/downloads/tiny.en.pt; fi
if [ -z "$llm" ]; then fetch smollm2-135m-instruct && llm=$C2SER_ROOT/downloads/SmolLM2-135M-Instruct.Q4_1.gguf; fi

exp=exp/$tag
llm_dir=$llm llm_done=$exp/.done.llm
if [ "$llm" = scratch ]; then llm_dir=$exp/llm; fi
if [[ $llm == *.gguf ]]; then llm_dir=exp/llm/$(basename "$llm" .gguf) llm_done=exp/llm/.done.$(basename "$llm" .gguf); fi
language=$cot_language
if [ "$language" = auto ]; then language=en; fi

want() { [ "$stage" -le "$1" ] && [ "$stop_stage" -ge "$1" ]; }
set_of() { if [ "$1" = official ]; then echo "data/$2"; else echo "data/fold$1/$2"; fi; }
exp_of() { if [ "$1" = official ]; then echo "$exp/official"; else echo "$exp/fold$1"; fi; }
log() { echo "$(date '+%Y-%m-%d %H:%M:%S') stage $*"; }
each_fold() { for fold in $folds; do dir=$(exp_of "$fold"); "$@"; done; } # runs a stage with $fold and $dir set

# Train one ESPnet2 task through its launcher. $1: command, $2: output folder, $3: inputs, $4: configuration, then options
train() {
    local command=$1 out=$2 inputs=$3 config=$4
    shift 4
    mkdir -p "$out"
    echo "./run.sh $run_args" >"$out/run.sh"
    echo "  log: $out/train.log"
    python3 -m espnet2.bin.launch --cmd "$cuda_cmd" --log "$out/train.log" --ngpu "$ngpu" --num_nodes "$num_nodes" \
        --init_file_prefix "$out/.dist_init_" --multiprocessing_distributed true -- \
        python3 -m "c2ser.bin.$command" --config "$config" --output_dir "$out" --seed "$seed" --resume true \
        --train_shape_file "$inputs/$train_set/speech_shape" --valid_shape_file "$inputs/$dev_set/speech_shape" "$@"
    ln -sf "$(cd "$out" && ls ./*.ave.pth)" "$out/model.pth"
}

# Options that name the data of both sets. $1: inputs, then pairs file,name,type
data_options() {
    local inputs=$1 entry
    shift
    for entry in "$@"; do
        echo "--train_data_path_and_name_and_type $inputs/$train_set/$entry"
        echo "--valid_data_path_and_name_and_type $inputs/$dev_set/$entry"
    done
}

prepare_data() {
    [ -n "${!db:-}" ] || die "set $db in db.sh: the folder of the corpus"
    stage_begin data/.done.prepare --value "corpus=$corpus" --value "root=${!db}" --value "allow_missing=$allow_missing" \
        --value "dev_speakers=$dev_speakers" || return 0
    python3 -m c2ser.bin.prepare_data --corpus "$corpus" --root "${!db}" --data_dir data --allow_missing "$allow_missing" \
        --dev_speakers "$dev_speakers"
    for set in data/all $(each_fold echo_sets); do validate_data_dir.sh "$set"; done
    stage_end
}

# The parts of a fold that there are; a corpus may be for testing only
echo_sets() {
    local part
    for part in "$train_set" "$dev_set" test; do
        if [ -d "$(set_of "$fold" "$part")" ]; then set_of "$fold" "$part"; fi
    done
}

dump_audio() {
    stage_begin data/.done.dump --done data/.done.prepare --value "allow_commands=$allow_commands" --clean dump/all || return 0
    split_data_dir.sh --per-utt data/all "$nj"
    $train_cmd JOB=1:"$nj" dump/all/log/dump.JOB.log python3 -m c2ser.bin.dump_audio \
        --data_dir "data/all/split${nj}utt/JOB" --out_dir dump/all --job JOB --allow_commands "$allow_commands"
    python3 -m c2ser.bin.collect_parts --data_dir data/all --table "dump/all/audio.*.scp" dump/all/wav.scp \
        --table "dump/all/utt2num_samples.*" dump/all/utt2num_samples
    stage_end
}

prosody() {
    stage_begin data/.done.prosody --done data/.done.dump --value "f0_method=$f0_method" --clean dump/prosody || return 0
    split_data_dir.sh --per-utt data/all "$nj"
    $train_cmd --num-threads 1 JOB=1:"$nj" dump/prosody/log/prosody.JOB.log python3 -m c2ser.bin.extract_prosody \
        --data_dir "data/all/split${nj}utt/JOB" --audio_scp dump/all/wav.scp --f0_method "$f0_method" \
        --out_dir dump/prosody/JOB
    local tables=()
    for table in utt2f0 utt2loudness utt2rate; do tables+=(--table "dump/prosody/*/$table" "dump/prosody/$table"); done
    python3 -m c2ser.bin.collect_parts --data_dir data/all "${tables[@]}"
    stage_end
}

style() {
    local sets
    sets=$(echo_sets)
    stage_begin "$dir/.done.style" --done data/.done.prosody --value "population=$style_population" || return 0
    for set in $sets; do
        python3 -m c2ser.bin.filter_tables --data_dir "$set" dump/prosody/utt2f0 dump/prosody/utt2loudness dump/prosody/utt2rate
    done
    # Cut by the training part, which comes first; a corpus for testing only, by itself
    python3 -m c2ser.bin.make_style --train_dir "${sets%%$'\n'*}" --out_dirs $sets \
        --population "$style_population" --stats "$dir/style.json"
    stage_end
}

chain_of_thought() {
    stage_begin "$dir/.done.cot" --done "$dir/.done.style" --value "language=$cot_language" --value "seed=$seed" || return 0
    for set in $(echo_sets); do
        python3 -m c2ser.bin.make_cot --data_dir "$set" --language "$cot_language" --seed "$seed"
    done
    stage_end
}

# What a training reads. $1: folder, then options of make_inputs
inputs() {
    local out=$1 part
    shift
    for part in "$train_set" "$dev_set"; do
        python3 -m c2ser.bin.make_inputs --data_dir "$(set_of "$fold" "$part")" --audio_scp dump/all/wav.scp \
            --num_samples dump/all/utt2num_samples --min_seconds "$min_seconds" --max_seconds "$max_seconds" \
            --out_dir "$out/$part" "$@"
    done
}

pretrain() {
    stage_begin "$dir/e2v_s" --done data/.done.dump --file "$conf/train_e2v_s.yaml" --value "seed=$seed" \
        --value "seconds=$min_seconds-$max_seconds" --value "sets=$train_set $dev_set" --clean "$dir/e2v_s" || return 0
    inputs "$dir/e2v_s/inputs"
    train train_emotion2vec_s "$dir/e2v_s" "$dir/e2v_s/inputs" "$conf/train_e2v_s.yaml" \
        $(data_options "$dir/e2v_s/inputs" wav.scp,speech,kaldi_ark label,label,text_int)
    python3 -m c2ser.bin.plot_curves --exp_dir "$dir/e2v_s" --out "$dir/e2v_s/curves.png" --title "Emotion2Vec-S"
    stage_end
}

extract_features() {
    local from=${e2v_s:-$dir/e2v_s}
    stage_begin "$dir/features" ${e2v_s:+--file "$e2v_s/model.pth"} $([ -n "$e2v_s" ] || echo "--done $from") \
        --done data/.done.dump --value "mode=$utterance_mode" --clean "$dir/features" || return 0
    python3 -m c2ser.bin.extract_features --audio_scp dump/all/wav.scp --num_samples dump/all/utt2num_samples --ngpu "$ngpu" \
        --config "$from/config.yaml" --checkpoint "$from/model.pth" --utterance_mode "$utterance_mode" --out_dir "$dir/features"
    stage_end
}

whisper_features() {
    stage_begin "dump/whisper/$(basename "$whisper" .pt)" --file "$whisper" --done data/.done.dump || return 0
    python3 -m c2ser.bin.extract_features --audio_scp dump/all/wav.scp --num_samples dump/all/utt2num_samples --ngpu "$ngpu" \
        --checkpoint "$whisper" --out_dir "dump/whisper/$(basename "$whisper" .pt)"
    stage_end
}

probe_both() {
    probe e2v_s "$dir/features" "$dir/features"
    probe whisper "dump/whisper/$(basename "$whisper" .pt)" "dump/whisper/$(basename "$whisper" .pt)"
}

# $1: name, $2: features, $3: marker of what made them
probe() {
    stage_begin "$dir/probe_$1" --done "$3" --done data/.done.prepare --value "sets=$train_set $dev_set" || return 0
    python3 -m c2ser.bin.probe --feats_scp "$2/pooled.scp" --train_dir "$(set_of "$fold" "$train_set")" --seed "$seed" \
        --dev_dir "$(set_of "$fold" "$dev_set")" --test_dir "$(set_of "$fold" test)" --out_dir "$dir/probe_$1"
    stage_end
}

prepare_llm() {
    case "$llm" in
    scratch)
        # The tokenizer may see training texts only, of the first fold run
        local first=${folds%% *}
        stage_begin "$llm_done" --done "$(exp_of "$first")/.done.cot" --file "$conf/llm.conf" || return 0
        python3 -m c2ser.bin.prepare_llm --out_dir "$llm_dir" $(cat "$conf/llm.conf") \
            --texts "$(set_of "$first" "$train_set")"/{text,cot_explicit,cot_implicit}
        ;;
    *.gguf)
        stage_begin "$llm_done" --file "$llm" || return 0
        python3 -m c2ser.bin.prepare_llm --gguf "$llm" --out_dir "$llm_dir"
        ;;
    *)
        stage_begin "$llm_done" --file "$llm_dir/config.json" || return 0
        ;;
    esac
    stage_end
}

statistics() {
    stage_begin "$dir/inputs" --done "$dir/.done.cot" --done "$dir/features" --value "seconds=$min_seconds-$max_seconds" \
        --value "sets=$train_set $dev_set" || return 0
    inputs "$dir/inputs" --texts true --emotion_scp "$dir/features/tokens.scp"
    stage_end
}

# $1: explicit | implicit, then what it depends on and starts from
train_c2ser() {
    local mode=$1
    stage_begin "$dir/$mode" --done "$dir/inputs" --done "$llm_done" --file "$conf/train_$mode.yaml" --file "$whisper" \
        --value "seed=$seed" $([ "$mode" = explicit ] || echo "--done $dir/explicit") --clean "$dir/$mode" || return 0
    train train_c2ser "$dir/$mode" "$dir/inputs" "$conf/train_$mode.yaml" --whisper "$whisper" --llm "$llm_dir" \
        --prompt_language "$language" --emotion_dim "$(head -n 1 "$dir/features/dim")" \
        $([ "$mode" = explicit ] || echo "--init_param $dir/explicit/model.pth") \
        $(data_options "$dir/inputs" wav.scp,speech,kaldi_ark explicit,explicit,text implicit,implicit,text \
            emotion.scp,emotion,kaldi_ark)
    python3 -m c2ser.bin.plot_curves --exp_dir "$dir/$mode" --out "$dir/$mode/curves.png" --title "C2SER, $mode"
    stage_end
}

bundle() {
    local folder
    for folder in "$dir" "$exp"; do
        [ "$folder" = "$dir" ] || [ "$fold" = "${folds%% *}" ] || continue
        python3 -m c2ser.bin.make_bundle --train_dir "$(set_of "$fold" "$train_set")" --llm "$llm_dir" --whisper "$whisper" \
            --language "$language" --emotion_config "${e2v_s:-$dir/e2v_s}/config.yaml" \
            --emotion_checkpoint "${e2v_s:-$dir/e2v_s}/model.pth" --utterance_mode "$utterance_mode" --out_dir "$folder" \
            --mode explicit "$dir/explicit/config.yaml" "$dir/explicit/model.pth" \
            --mode implicit "$dir/implicit/config.yaml" "$dir/implicit/model.pth"
    done
}

# $1: explicit | implicit
decode() {
    local out=$dir/decode_$1_test
    if [ -n "$model" ]; then
        stage_begin "$out" --file "$model/model.yaml" --file "$conf/decode.yaml" --done data/.done.dump || return 0
    else
        stage_begin "$out" --done "$dir/$1" --done "$dir/features" --file "$conf/decode.yaml" || return 0
    fi
    echo "  log: $out/decode.log"
    $decode_cmd --gpu "$ngpu" "$out/decode.log" python3 -m c2ser.bin.decode --model "${model:-$dir}" --mode "$1" \
        --data_dir "$(set_of "$fold" test)" --audio_scp dump/all/wav.scp --config "$conf/decode.yaml" --ngpu "$ngpu" \
        ${model:---emotion_scp "$dir/features/tokens.scp"} --out_dir "$out"
    stage_end
}

# Score one kind of result over all folds. $1: name, $2: folder under exp/<tag>/fold<k>, $3: table of predictions
score() {
    local data_dirs=() decode_dirs=() markers=()
    for fold in $folds; do
        data_dirs+=("$(set_of "$fold" test)") decode_dirs+=("$(exp_of "$fold")/$2") markers+=(--done "$(exp_of "$fold")/$2")
    done
    scores+=(--scores "$1=$exp/scores/$2_$3.json")
    stage_begin "$exp/scores/.done.$2_$3" "${markers[@]}" --done data/.done.prepare --value "folds=$folds" || return 0
    python3 -m c2ser.bin.score --data_dir "${data_dirs[@]}" --decode_dir "${decode_dirs[@]}" --pred "$3" --seed "$seed" \
        --out "$exp/scores/$2_$3.json"
    stage_end
}

score_and_report() {
    local scores=() markers=() curves=() first
    first=$(exp_of "${folds%% *}")
    score "C2SER implicit, label scoring" decode_implicit_test utt2scored
    score "C2SER implicit, free answer" decode_implicit_test utt2pred
    score "C2SER explicit, label scoring" decode_explicit_test utt2scored
    score "C2SER explicit, free answer" decode_explicit_test utt2pred
    if [ -z "$model" ]; then
        score "Probe on Emotion2Vec-S" probe_e2v_s utt2pred
        score "Probe on Whisper" probe_whisper utt2pred
        curves=(--curves "Emotion2Vec-S=$first/e2v_s/curves.png" --curves "C2SER, explicit=$first/explicit/curves.png"
            --curves "C2SER, explicit to implicit=$first/implicit/curves.png")
        [ -z "$e2v_s" ] || curves=("${curves[@]:2}")
    fi
    for marker in "$exp"/scores/.done.*; do markers+=(--done "$marker"); done
    if stage_begin "$exp/.done.report" "${markers[@]}" --value "folds=$folds"; then
        python3 -m c2ser.bin.report --exp_dir "$exp" --title "$(basename "$(dirname "$PWD")"): $tag" \
            --command "./run.sh $run_args" "${scores[@]}" "${curves[@]}" \
            $(for file in "$conf"/*.yaml; do echo "--config $file"; done) --note "$(cat local/leaks.txt 2>/dev/null ||
                echo "Test speakers are in no training set, labelled or not.")" >"$exp/results.txt"
        stage_end
    fi
    cat "$exp/results.txt"
    echo "report: $PWD/$exp/report.html   table: $PWD/$exp/RESULTS.md"
}

pack() {
    stage_begin "$exp/.done.packed" --file "$exp/model.yaml" --done "$(exp_of "${folds%% *}")/implicit" || return 0
    python3 -m c2ser.bin.pack --model "$exp" --out_dir "$exp/packed"
    stage_end
}

need_train() {
    [ -d "$(set_of "$fold" "$train_set")" ] || die "$(set_of "$fold" "$train_set") is not there: run stage 1, or, where the" \
        "corpus is for testing only, give a trained system with --model"
}
trains() { [ "$skip_train" = false ] && [ -z "$model" ]; }

if want 1; then log "1: data preparation"; prepare_data; fi
if want 2; then log "2: audio dump"; dump_audio; fi
if want 3; then log "3: prosody and style"; prosody; each_fold style; fi
if want 4; then log "4: chain-of-thought texts"; each_fold chain_of_thought; fi
if [ "$stop_stage" -ge 5 ] && [ "$stage" -le 11 ] && [ -z "$model" ]; then each_fold need_train; fi
if want 5 && trains && [ -z "$e2v_s" ]; then log "5: Emotion2Vec-S pretraining"; each_fold pretrain; fi
if want 6 && [ -z "$model" ]; then log "6: features"; each_fold extract_features; whisper_features; fi
if want 7 && [ -z "$model" ]; then
    log "7: probes on frozen features"
    each_fold probe_both
fi
if want 8 && [ -z "$model" ]; then log "8: language model and tokenizer"; prepare_llm; fi
if want 9 && [ -z "$model" ]; then log "9: statistics"; each_fold statistics; fi
if want 10 && trains; then log "10: explicit chain of thought"; each_fold train_c2ser explicit; fi
if want 11 && trains; then
    log "11: implicit chain of thought by self-distillation"
    each_fold train_c2ser implicit
    each_fold bundle
fi
if want 12; then log "12: decoding"; each_fold decode implicit; each_fold decode explicit; fi
if want 13; then log "13: scoring and report"; score_and_report; fi
if want 14 && [ -z "$model" ]; then log "14: packing"; pack; fi
