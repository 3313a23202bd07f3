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
corpus=                 # module of c2ser.corpora, the path of your own, or joint: those of --corpora together
corpora=                # joint: their modules, e.g. "casia emovo"; default: those whose variable is set in db.sh
leave_out=              # joint: corpora to leave out, e.g. "casia emovo": one system each in exp/<tag>_without, tested on it
db=                     # variable of db.sh that holds the corpus' path
folds=1                 # folds to run, e.g. "1 2 3 4 5"; all: those of the data; official: the corpus' own train, dev and test
train_set=train_nodev   # part of a fold that is trained on
dev_set=dev             # part of a fold that chooses checkpoints and probes
dev_speakers=1          # speakers cut from a fold's train for dev
allow_missing=0         # utterances of the published corpus that may be missing
allow_commands=false    # run wav.scp entries of the form `command |`
f0_method=swift         # swift | pyworld | praat | penn
style_population=auto   # over whom levels are cut: auto (a language, for pitch also a gender) | corpus | language | speaker | gender
measures="speed pitch volume" # what of the voice is told, the paper's three; further: range, intonation, articulation, pauses
reliable_only=false     # leave levels out that rest on too little voice or too few words
cot_language=auto       # language of the answers: auto (the speech's) | en | zh | it | pl
verdict=last            # where rationales have the emotion: last, or first, so that implicit answers are their beginning
measured_style=false    # tell the model the measured levels, too, in training and when it answers
style_questions=0       # share of the batches of stages 10 and 11 that ask for the style instead of the emotion; stage 12 asks, too
cot_rounds=0            # so often stage 10 goes on with rationales that its model has drawn and that were found right
cot_samples=4           # rationales drawn an utterance and round
balance=                # tables by which batches of stages 5, 10 and 11 are drawn, e.g. "label language corpus"; default: see conf
balance_temperature=2   # a group of it is drawn by count^(1/temperature): 1: as they come; .inf: all alike
silver=false            # in stage 5, take labels of utt2emo.silver where there are no others; c2ser make-silver writes it
encoder_task=emotion2vec_s # what stage 5 trains: emotion2vec_s | emotion_classifier (supervised only, a baseline)
e2v_s_args=             # further options of stage 5's training, e.g. "--model_conf category_weight=0"
e2v_s_teacher=          # layers of --whisper, e.g. 3 or "3,4", that stage 5 learns for its first teacher_updates; default: as conf says
init_e2v_s=             # folder of an emotion2vec (`c2ser convert`) or Emotion2Vec-S that stage 5 starts from
e2v_s=                  # Emotion2Vec-S folder to use instead of stage 5, {fold} being the fold; none: ablation
utterance_mode=extra_tokens # extra_tokens | first10_frames | mean | all_layers: of all, for a learned sum
precision=fp32          # of frozen features: fp32 | bf16 | auto (bf16 where the device has instructions for it)
probe_classifier=logistic # logistic | mlp | both
probe_choose_by=dev     # what chooses a probe: dev, or leaving out one speaker after the other: cross_speaker
whisper=                # openai-whisper checkpoint (.pt), or Hugging Face folder; default: tiny.en, fetched; none: ablation
whisper_blocks=         # C2SER hears with Whisper's first so many blocks alone, or mix: a learned sum over them; default: as conf says
llm=                    # language model: folder, .gguf file, or scratch for a small one; default: SmolLM2-135M, fetched
normalise=none          # speaker: take the mean of each speaker's own recordings off what is heard, in training and test
answers=cot             # cot | label: bare verdicts instead of rationales (ablation)
text_only=false         # read the transcript instead of hearing (ablation)
paraphrases=0           # prompts other than that of training to decode with, too (at most 5)
ensemble_prompts=0      # decode implicitly with that many paraphrases together, too: the mean of their posteriors (at most 5)
report_speech=true      # put recordings, transcripts and rationales of errors into report.html; false before publishing it
min_seconds=0.1         # shorter utterances leave training and dev sets
max_seconds=29          # longer utterances leave training and dev sets
model=                  # trained system (folder with model.yaml) to evaluate instead of training one
skip_train=false        # skip stages 5, 10 and 11; their results must be there
# --- end of options

[ ! -f run.sh ] || BASH_ARGV0=./run.sh # what messages call this script: the one that the user called
print_help() {
    local name text
    echo "Usage: $0 [--option value] …    (in $PWD)"
    while IFS=$'\t' read -r name text; do
        echo "  --$name [${!name}]: $text"
    done < <(sed -n '/^# --- options/,/^# --- end/p' "${BASH_SOURCE[0]}" | sed -nE 's/^([a-z0-9_]+)=[^#]*# (.*)/\1\t\2/p')
}
run_args=$(printf '%q ' "$@")
. utils/parse_options.sh
. ./path.sh
. ./cmd.sh
. ./db.sh
. utils/stage.sh

die() { echo "$0: $*" >&2 && exit 1; }
[ $# -eq 0 ] || die "unexpected argument '$1'; options are written --name value (--help lists them)"
parts=$(dirname "${BASH_SOURCE[0]}")/stages
. "$parts/options.sh"
check_options

want() { [ "$stage" -le "$1" ] && [ "$stop_stage" -ge "$1" ]; }
# What is not given is fetched once, checked against its hash: at the start, where a stage that is to run reads it.
# $1: option, $2: what is fetched, $3: its file, then the stages that read it
fetch() {
    local number
    [ -z "${!1}" ] || return 0
    printf -v "$1" %s "$C2SER_ROOT/downloads/$3"
    for number in "${@:4}"; do
        if want "$number" && [ -z "$model" ]; then
            python3 "$C2SER_ROOT/tools/download_pretrained.py" --out_dir "$C2SER_ROOT/downloads" "$2"
            return
        fi
    done
}
c2ser_conf() { cat "$conf/train_${1:-explicit}.yaml" 2>/dev/null || true; } # $1: explicit | implicit; whoever trains no C2SER has none
keeps_frames() { c2ser_conf "$@" | grep -q '^model_conf:.*keep_frames: true'; }
needs_frames() { keeps_frames || [ "$normalise" = speaker ]; } # whether stage 9 hears with Whisper
fetch whisper whisper-tiny.en tiny.en.pt ${e2v_s_teacher:+5} 6 $(needs_frames && echo 9) 10 11
fetch llm smollm2-135m-instruct SmolLM2-135M-Instruct.Q4_1.gguf 8

if [ -n "$leave_out" ]; then
    [ "$corpus" = joint ] || die "--leave_out $leave_out: there is one corpus; egs/all has several"
    folds=$(printf 'without_%s ' $leave_out) tag=${tag}_without
fi
exp=exp/$tag
whisper_dir=dump/whisper/$(basename "$whisper" .pt) whisper_input=(--file "$whisper")
[ ! -d "$whisper" ] || whisper_input=(--glob "$whisper/*")
# Blocks of Whisper that C2SER hears with, nothing for all, and where frames of them are kept
blocks=${whisper_blocks:-$(c2ser_conf | sed -n 's/^whisper_blocks: *\([0-9a-z]*\).*/\1/p')}
frames_dir=dump/$(keeps_frames && echo frames || echo frame_means)/$(basename "$whisper" .pt)${blocks:+_$blocks}
if [ "$answers" = label ]; then modes=implicit; else modes="explicit implicit"; fi
language=$cot_language
if [ "$language" = auto ]; then language=en; fi

# Which folds `all` are is known once the data are prepared
all_folds() {
    [ "$folds" = all ] || return 0
    folds=$(known_folds)
    [ -n "$folds" ] || die "--folds all: there are none in data; run stage 1, or give --folds official"
}
# A fold is a number, `official`, or `without_<corpus>`
fold_name() { case $1 in [0-9]*) echo "fold$1" ;; *) echo "$1" ;; esac; }
set_of() { if [ "$1" = official ]; then echo "data/$2"; else echo "data/$(fold_name "$1")/$2"; fi; }
data_of() { if [ "$fold" = official ]; then echo data; else echo "data/$(fold_name "$fold")"; fi; } # of $fold
exp_of() { echo "$exp/$(fold_name "$1")"; }
hears() { [ "$text_only" = false ] && [ "${!1}" != none ]; } # whether the system has $1: whisper | e2v_s
log() { stage_number=${1%%:*} && echo "$(date '+%Y-%m-%d %H:%M:%S') stage $*"; }
of_folds() { for fold in $folds; do echo "$(exp_of "$fold")/$1"; done; } # folders of all folds that have one name
tests_of_folds() { for fold in $folds; do set_of "$fold" test; done; }
leaks() {
    cat local/leaks.txt 2>/dev/null || echo "Test speakers are in no training set, labelled or not."
    [ "$normalise" = none ] || echo "Normalised by speaker: uses test audio, no labels (the mean of each speaker's recordings)."
}
each_fold() { for fold in $folds; do dir=$(exp_of "$fold"); "$@"; done; } # runs a stage with $fold and $dir set

for part in data encoder model results; do . "$parts/$part.sh"; done
stage_lock "$exp"

need_train() {
    [ -d "$(set_of "$fold" "$train_set")" ] || die "$(set_of "$fold" "$train_set") is not there: run stage 1 (--force true makes its folders again), or, where the" \
        "corpus is for testing only, give a trained system with --model"
}
trains() { [ "$skip_train" = false ] && [ -z "$model" ]; }

if want 1; then log "1: data preparation"; prepare_data; fi
all_folds
if [ "$stop_stage" -ge 2 ]; then check_folds; fi
if want 2; then log "2: audio dump"; dump_audio; fi
if want 3; then log "3: prosody and style"; prosody; each_fold style; fi
if want 4; then log "4: chain-of-thought texts"; each_fold chain_of_thought; fi
if [ "$stop_stage" -ge 5 ] && [ "$stage" -le 11 ] && [ -z "$model" ]; then each_fold need_train; fi
if want 5 && trains && [ -z "$e2v_s" ] && [ "$text_only" = false ]; then log "5: Emotion2Vec-S pretraining"; each_fold pretrain; fi
if want 6 && [ -z "$model" ]; then
    log "6: features"
    if hears e2v_s; then each_fold extract_features; fi
    if hears whisper; then whisper_features; fi
fi
if want 7 && [ -z "$model" ]; then log "7: probes on frozen features"; each_fold probes; probe_table; fi
if want 8 && [ -z "$model" ]; then log "8: language model and tokenizer"; prepare_llms; fi
if want 9 && [ -z "$model" ]; then log "9: statistics"; whisper_frames; each_fold statistics; fi
if want 10 && trains; then log "10: explicit chain of thought"; each_fold explicit_rounds; fi
if want 11 && trains; then
    log "11: implicit chain of thought by self-distillation"
    each_fold train_c2ser implicit
    each_fold bundle
fi
if want 12; then log "12: decoding"; each_fold decode_all; fi
if want 13; then log "13: scoring and report"; score_and_report; fi
if want 14 && [ -z "$model" ]; then log "14: packing"; pack; fi
