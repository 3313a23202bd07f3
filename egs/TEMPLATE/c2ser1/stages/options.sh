# Options are checked before anything is touched. Sourced by c2ser.sh.

# $1: option, then what it may be
one_of() {
    local name=$1 value
    shift
    for value in "$@"; do [ "${!name}" != "$value" ] || return 0; done
    die "--$name ${!name}: expected $(printf '%s, ' "${@:1:$#-1}" | sed 's/, $//') or ${!#}"
}

# For a stage's marker, an option that is not as it was before it came: $1: option, $2: its default
unless() { [ "${!1}" = "$2" ] || echo "--value $1=${!1// /,}"; }

# $1: option, then of what it names one or more, each once
several_of() {
    local name=$1 value
    shift
    [ -n "${!name// /}" ] || die "--$name is empty; expected some of $*"
    for value in ${!name}; do
        [[ " $* " == *" $value "* ]] || die "--$name ${!name}: $value is none of $*"
    done
    [ -z "$(tr ' ' '\n' <<<"${!name}" | sort | uniq -d)" ] || die "--$name ${!name}: one is there twice"
}

# $1: option, $2: the least, $3: the most, if there is one
whole() {
    [[ ${!1} =~ ^[0-9]+$ ]] && [ "${!1}" -ge "$2" ] && [ "${!1}" -le "${3:-${!1}}" ] ||
        die "--$1 ${!1}: expected a whole number from $2${3:+ to $3}"
}

# $1: option, a number above 0
above_zero() { [[ ${!1} =~ ^[0-9]*\.?[0-9]+$ && ${!1} =~ [1-9] ]] || die "--$1 ${!1}: expected a number above 0"; }

languages() { for file in "$C2SER_ROOT"/c2ser/cot/templates/*.yaml; do basename "$file" .yaml; done; }

check_options() {
    local name fold
    whole stage 1 14
    whole stop_stage 1 14
    [ "$stage" -le "$stop_stage" ] || die "--stop_stage $stop_stage: comes before --stage $stage"
    whole nj 1
    whole ngpu 0
    whole num_nodes 1
    whole seed 0 4294967295
    for name in dev_speakers allow_missing; do whole "$name" 0; done
    for name in paraphrases ensemble_prompts; do whole "$name" 0 5; done
    whole cot_rounds 0
    whole cot_samples 1
    [[ $style_questions =~ ^0?\.[0-9]+$|^0$ ]] || die "--style_questions $style_questions: expected a share from 0 to below 1"
    [ -z "$whisper_blocks" ] || [ "$whisper_blocks" = mix ] || whole whisper_blocks 1
    [[ $e2v_s_teacher =~ ^([0-9]+(,[0-9]+)*)?$ ]] || die "--e2v_s_teacher $e2v_s_teacher: expected layers, as 3 or 3,4"
    [ -z "$e2v_s_teacher" ] || [ "$whisper" != none ] || die "--e2v_s_teacher $e2v_s_teacher: there is no --whisper to learn from"
    above_zero max_seconds
    [[ $min_seconds =~ ^[0-9]*\.?[0-9]+$ ]] || die "--min_seconds $min_seconds: expected a number from 0"
    awk "BEGIN { exit !($min_seconds < $max_seconds) }" || die "--min_seconds $min_seconds: not below --max_seconds $max_seconds"
    [ "$balance_temperature" = .inf ] || above_zero balance_temperature
    one_of f0_method swift pyworld praat penn
    one_of style_population auto corpus language speaker gender
    several_of measures speed pitch volume range intonation articulation pauses
    one_of cot_language auto $(languages)
    one_of encoder_task emotion2vec_s emotion_classifier
    one_of utterance_mode extra_tokens first10_frames mean all_layers
    one_of precision fp32 bf16 auto
    one_of probe_classifier logistic mlp both
    one_of probe_choose_by dev cross_speaker
    one_of normalise none speaker
    one_of answers cot label
    one_of verdict last first
    [ "$answers" = cot ] || [ "$cot_rounds" = 0 ] || die "--cot_rounds $cot_rounds: --answers $answers has no rationales to draw"
    [ "$verdict" = last ] || [ "$cot_rounds" = 0 ] || die "--cot_rounds $cot_rounds: rationales are drawn with --verdict last"
    [[ $tag =~ ^[A-Za-z0-9_][A-Za-z0-9._-]*$ ]] || die "--tag '$tag': expected letters, digits and . _ -"
    [ -n "$corpus" ] || die "--corpus is not set"
    [ -n "$folds" ] || die "--folds is empty"
    for fold in $folds; do
        [[ $fold =~ ^[1-9][0-9]*$ ]] || [ "$fold" = "$folds" ] && [[ $fold =~ ^([1-9][0-9]*|all|official)$ ]] ||
            die "--folds $folds: expected numbers such as \"1 2\", all, or official"
    done
    [ -d "$conf" ] || die "--conf $conf: no such folder"
    [ "$whisper" = none ] || [ -z "$whisper" ] || [ -f "$whisper" ] || [ -f "$whisper/config.json" ] ||
        die "--whisper $whisper: expected an openai-whisper file (.pt), or a folder with config.json"
    [ -z "$llm" ] || [ "$llm" = scratch ] || [ -f "$llm" ] || [ -f "$llm/config.json" ] ||
        die "--llm $llm: expected a folder with config.json, a .gguf file, or scratch"
    [ -z "$model" ] || [ -f "$model/model.yaml" ] || die "--model $model: no model.yaml in it; stage 11 writes it"
    [ -z "$init_e2v_s" ] || [ -f "$init_e2v_s/model.pth" ] || die "--init_e2v_s $init_e2v_s: no model.pth in it"
    if [ "$stop_stage" -ge 5 ] && [ "$cmd_backend" = local ]; then check_gpus; fi
}

check_gpus() {
    local there
    [ "$ngpu" -gt 0 ] && [ ! -e /dev/kfd ] || return 0 # AMD's are not listed by nvidia-smi
    if [ -n "${CUDA_VISIBLE_DEVICES+set}" ]; then
        there=$(tr ',' '\n' <<<"$CUDA_VISIBLE_DEVICES" | grep -c '[^ ]') || true
    else
        there=$({ nvidia-smi -L 2>/dev/null || true; } | grep -c '^GPU ') || true
    fi
    [ "$ngpu" -le "$there" ] || die "--ngpu $ngpu: $there GPUs are to be seen here; --ngpu 0 uses the CPU"
}

# Numbers of the folds that stage 1 has written
known_folds() { { ls -d data/fold[0-9]*/test 2>/dev/null || true; } | sed 's|data/fold||; s|/test||' | sort -n | paste -sd' '; }

# Which folds a corpus has is known once its data are prepared
check_folds() {
    local fold
    [ -f data/.done.prepare ] || die "data/.done.prepare is not there: run stage 1 first (--stage 1 --stop_stage 1)"
    for fold in $folds; do
        [ -d "$(set_of "$fold" test)" ] || die "--folds $fold: $(set_of "$fold" test) is not there; there are:" \
            "$(known_folds)$([ ! -d data/test ] || echo " official") (--stage 1 --force true makes all of them again)"
    done
}
