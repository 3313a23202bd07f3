# Stages 8 to 11: the language model, and training of C2SER. Sourced by c2ser.sh.

# The language model's folder and the marker of stage 8, of $fold; one from scratch has a tokenizer of the fold's texts
llm_dir() {
    case $llm in
    scratch) echo "$dir/llm" ;;
    *.gguf) echo "exp/llm/$(basename "$llm" .gguf)" ;;
    *) echo "$llm" ;;
    esac
}
llm_done() {
    case $llm in
    scratch) echo "$dir/.done.llm" ;;
    *.gguf) echo "exp/llm/.done.$(basename "$llm" .gguf)" ;;
    *) echo "$exp/.done.llm" ;;
    esac
}

prepare_llms() { if [ "$llm" = scratch ]; then each_fold prepare_llm; else prepare_llm; fi; }

prepare_llm() {
    local made texts
    made=$(llm_dir)
    case $llm in
    scratch)
        # The tokenizer may see training texts only
        stage_begin "$(llm_done)" --done "$(data_of)/.done.cot" $(texts) --file "$conf/llm.conf" --out "$made/*" || return 0
        texts=("$(set_of "$fold" "$train_set")"/cot_{explicit,implicit})
        if [ -f "${texts[0]%/*}/text" ]; then texts=("${texts[0]%/*}/text" "${texts[@]}"); fi
        python3 -m c2ser prepare-llm --out_dir "$made" $(cat "$conf/llm.conf") --texts "${texts[@]}"
        ;;
    *.gguf)
        stage_begin "$(llm_done)" --file "$llm" --out "$made/*" || return 0
        python3 -m c2ser prepare-llm --gguf "$llm" --out_dir "$made"
        ;;
    *)
        stage_begin "$(llm_done)" --glob "$llm/*" || return 0
        python3 -m c2ser prepare-llm --check "$llm"
        ;;
    esac
    stage_end
}

# Markers' inputs: the texts of the fold, which c2ser rewrite-cot or a hand may have changed since stage 4
texts() {
    local set name
    for set in "$train_set" "$dev_set"; do
        for name in text cot_explicit cot_implicit; do
            [ ! -f "$(set_of "$fold" "$set")/$name" ] || echo "--file $(set_of "$fold" "$set")/$name"
        done
    done
}

statistics() {
    local options=(--texts true) needs=()
    if hears e2v_s; then options+=(--emotion_scp "$dir/features/tokens.scp") needs+=(--done "$dir/features"); fi
    if [ "$text_only" = true ]; then options+=(--transcripts needed) needs+=(--value "text_only=true"); fi
    if [ "$normalise" = speaker ] && [ "$text_only" = false ]; then
        speaker_means
        options+=(--speaker_means "$dir/speakers") needs+=(--done "$dir/speakers")
    fi
    stage_begin "$dir/inputs" --done "$(data_of)/.done.cot" --done data/.done.dump $(texts) "${needs[@]}" \
        --value "seconds=$min_seconds-$max_seconds" --value "sets=$train_set $dev_set" || return 0
    for set in "$train_set" "$dev_set"; do inputs "$set" "$dir/inputs" "${options[@]}"; done
    stage_end
}

# What is heard of Whisper, where training keeps it or its means are taken off: once for all folds and experiments
whisper_frames() {
    local means=()
    hears whisper && needs_frames || return 0
    keeps_frames || means=(--means)
    stage_begin "$frames_dir" --done data/.done.dump "${whisper_input[@]}" --clean "$frames_dir" --out "$frames_dir/*" || return 0
    python3 -m c2ser whisper-frames --audio_scp dump/all/wav.scp --num_samples dump/all/utt2num_samples --whisper "$whisper" \
        ${blocks:+--whisper_blocks "$blocks"} "${means[@]}" --ngpu "$((ngpu > 0))" --out_dir "$frames_dir"
    stage_end
}

speaker_means() {
    local options=() needs=()
    if hears whisper; then options=(--frames_scp "$frames_dir/frames.scp") needs=(--done "$frames_dir"); fi
    if hears e2v_s; then options+=(--emotion_scp "$dir/features/tokens.scp") needs+=(--done "$dir/features"); fi
    stage_begin "$dir/speakers" --done data/.done.prepare "${needs[@]}" --clean "$dir/speakers" --out "$dir/speakers/*" || return 0
    python3 -m c2ser speaker-means --data_dir data/all --out_dir "$dir/speakers" "${options[@]}"
    stage_end
}

# Where the model of a mode lies. $1: explicit | implicit, $2: round of chosen rationales, 0 being before them; default: the last
trained() {
    if [ "$1" = explicit ] && [ "${2:-$cot_rounds}" -gt 0 ]; then echo "$dir/explicit_round${2:-$cot_rounds}"; else echo "$dir/$1"; fi
}

# Rationales that stage 10's model has drawn, those that are right. $1: round, from 1
choose_rationales() {
    local from out=$dir/chosen$1 train_dir options=()
    from=$(trained explicit "$(($1 - 1))")
    train_dir=$(set_of "$fold" "$train_set")
    if hears e2v_s; then options=(--emotion_scp "$dir/features/tokens.scp"); fi
    stage_begin "$out" --done "$from" --done "$dir/inputs" --file "$conf/decode.yaml" --value "seed=$seed" \
        --value "samples=$cot_samples" --out "$out/explicit" || return 0
    make_bundle "$train_dir" "$out" --mode explicit "$from/config.yaml" "$from/model.pth"
    python3 -m c2ser sample-cot --model "$out" --data_dir "$train_dir" --audio_scp dump/all/wav.scp "${options[@]}" \
        --config "$conf/decode.yaml" --texts "$dir/inputs/$train_set/explicit" --samples "$cot_samples" \
        --seed "$((seed + $1))" --ngpu "$((ngpu > 0))" --out_dir "$out"
    stage_end
}

explicit_rounds() {
    local round
    train_c2ser explicit 0
    for round in $(seq "$cot_rounds"); do
        choose_rationales "$round"
        train_c2ser explicit "$round"
    done
}

# $1: explicit | implicit, $2: round of chosen rationales that it is trained on, 0: without
train_c2ser() {
    local mode=$1 round=${2:-0} out start=() data=(implicit,implicit,text) hearing=(--whisper none --emotion_dim 0) needs=(--done "$dir/inputs")
    out=$(trained "$mode" "$round")
    if [ "$mode" = implicit ]; then start=("$(trained explicit)"); fi
    if [ "$round" -gt 0 ]; then start=("$(trained explicit "$((round - 1))")") needs+=(--done "$dir/chosen$round"); fi
    if hears whisper; then needs+=("${whisper_input[@]}" --done data/.done.dump); fi
    if hears whisper && keeps_frames; then needs+=(--done "$frames_dir"); fi
    if hears e2v_s; then needs+=(--done "$dir/features"); fi
    if [ ${#start[@]} -gt 0 ]; then needs+=(--done "${start[0]}"); fi
    stage_begin "$out" "${needs[@]}" --done "$(llm_done)" --file "$conf/train_$mode.yaml" --value "seed=$seed" \
        --value "answers=$answers" --value "text_only=$text_only" --value "normalise=$normalise" --value "blocks=$whisper_blocks" $(unless verdict last) $(unless measured_style false) $(unless style_questions 0) \
        $(balanced_by) --clean "$out" --out "$out/model.pth" || return 0
    if [ "$round" -gt 0 ]; then
        hearing+=(--model_conf align_batches=0 --train_data_path_and_name_and_type "$dir/chosen$round/explicit,explicit,text"
            --valid_data_path_and_name_and_type "$dir/inputs/$dev_set/explicit,explicit,text")
    elif [ "$answers" = cot ]; then
        data+=(explicit,explicit,text)
    fi
    if [ "$style_questions" != 0 ]; then
        data+=(style,style,text) hearing+=(--model_conf "style_questions=$style_questions" --model_conf "questions=[$(asked | paste -sd,)]")
        [ ! -f "$dir/inputs/$train_set/transcript" ] || data+=(transcript,words,text)
    fi
    [ "$measured_style" = false ] || data+=(style,measured,text) hearing+=(--measured_style true)
    # There is nothing to align a transcript with
    [ "$text_only" = false ] || data+=(transcript,transcript,text) hearing+=(--model_conf align_batches=0)
    if hears whisper; then
        data+=(wav.scp,speech,kaldi_ark) hearing[1]=$whisper hearing+=(${whisper_blocks:+--whisper_blocks "$whisper_blocks"})
        if keeps_frames && keeps_frames "$mode"; then hearing+=(--kept_frames "$frames_dir/frames.scp"); fi
    fi
    if hears e2v_s; then data+=(emotion.scp,emotion,kaldi_ark) hearing[3]=$(head -n 1 "$dir/features/dim"); fi
    if hears e2v_s && [ "$utterance_mode" = all_layers ]; then
        hearing+=(--model_conf "emotion_layers=$(sed -n 2p "$dir/features/dim")")
    fi
    if [ "$normalise" = speaker ] && [ "$text_only" = false ]; then
        hearing+=(--model_conf standardize=speaker)
        if hears whisper; then data+=(speaker_frames.scp,speaker_frames,kaldi_ark); fi
        if hears e2v_s; then data+=(speaker_emotion.scp,speaker_emotion,kaldi_ark); fi
    fi
    train train_c2ser "$out" "$dir/inputs" "$conf/train_$mode.yaml" "${hearing[@]}" --llm "$(llm_dir)" \
        --prompt_language "$language" --answers "$answers" --text_only "$text_only" --verdict "$verdict" \
        ${start:+--init_param "${start[0]}/model.pth"} $(data_options "$dir/inputs" "${data[@]}")
    python3 -m c2ser plot-curves --exp_dir "$out" --out "$out/curves.png" --title "C2SER, $mode"
    stage_end
}

# The questions of style that are asked, a line each
asked() {
    printf '%s\n' $measures lively
    [ ! -f "$(set_of "$fold" "$train_set")/text" ] || echo words
}

# A system's model.yaml. $1: training set, $2: folder, then further options of make-bundle
make_bundle() {
    local train_dir=$1 out=$2 options=()
    shift 2
    if hears whisper; then options+=(--whisper "$whisper"); fi
    if hears e2v_s; then
        options+=(--emotion_config "$(encoder)/config.yaml" --emotion_checkpoint "$(encoder)/model.pth"
            --utterance_mode "$utterance_mode")
    fi
    [ "$measured_style" = false ] || options+=(--style "$(data_of)/style.json")
    python3 -m c2ser make-bundle --train_dir "$train_dir" --llm "$(llm_dir)" --language "$cot_language" "${options[@]}" \
        --out_dir "$out" "$@"
}

bundle() {
    local folder mode options=() needs=()
    for mode in $modes; do needs+=(--done "$(trained "$mode")"); done
    stage_begin "$dir/.done.bundle" "${needs[@]}" --value "whisper=$whisper" --value "encoder=$(encoder) $utterance_mode" \
        --value "llm=$(llm_dir)" --value "language=$language" --value "folds=$folds" --out "$dir/model.yaml" || return 0
    for mode in $modes; do options+=(--mode "$mode" "$(trained "$mode")/config.yaml" "$(trained "$mode")/model.pth"); done
    for folder in "$dir" "$exp"; do
        [ "$folder" = "$dir" ] || [ "$fold" = "${folds%% *}" ] || continue
        make_bundle "$(set_of "$fold" "$train_set")" "$folder" "${options[@]}" --name "$(basename "$(dirname "$PWD")"): $tag"
    done
    stage_end
}
