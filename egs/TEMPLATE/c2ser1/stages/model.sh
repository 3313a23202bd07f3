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

speaker_means() {
    local options=() needs=()
    if hears whisper; then
        options=(--whisper "$whisper" --config "$conf/train_explicit.yaml" ${whisper_blocks:+--whisper_blocks "$whisper_blocks"})
        needs=("${whisper_input[@]}" --value "blocks=$whisper_blocks")
    fi
    if hears e2v_s; then options+=(--emotion_scp "$dir/features/tokens.scp") needs+=(--done "$dir/features"); fi
    stage_begin "$dir/speakers" --done data/.done.dump "${needs[@]}" --file "$conf/train_explicit.yaml" --clean "$dir/speakers" \
        --out "$dir/speakers/*" || return 0
    python3 -m c2ser speaker-means --data_dir data/all --audio_scp dump/all/wav.scp --num_samples dump/all/utt2num_samples \
        --ngpu "$((ngpu > 0))" --out_dir "$dir/speakers" "${options[@]}"
    stage_end
}

# $1: explicit | implicit, then what it depends on and starts from
train_c2ser() {
    local mode=$1 data=(implicit,implicit,text) hearing=(--whisper none --emotion_dim 0) needs=(--done "$dir/inputs")
    if hears whisper; then needs+=("${whisper_input[@]}" --done data/.done.dump); fi
    if hears e2v_s; then needs+=(--done "$dir/features"); fi
    if [ "$mode" = implicit ]; then needs+=(--done "$dir/explicit"); fi
    stage_begin "$dir/$mode" "${needs[@]}" --done "$(llm_done)" --file "$conf/train_$mode.yaml" --value "seed=$seed" \
        --value "answers=$answers" --value "text_only=$text_only" --value "normalise=$normalise" --value "blocks=$whisper_blocks" $(balanced_by) --clean "$dir/$mode" --out "$dir/$mode/model.pth" || return 0
    [ "$answers" = label ] || data+=(explicit,explicit,text)
    # There is nothing to align a transcript with
    [ "$text_only" = false ] || data+=(transcript,transcript,text) hearing+=(--model_conf align_batches=0)
    if hears whisper; then data+=(wav.scp,speech,kaldi_ark) hearing[1]=$whisper hearing+=(${whisper_blocks:+--whisper_blocks "$whisper_blocks"}); fi
    if hears e2v_s; then data+=(emotion.scp,emotion,kaldi_ark) hearing[3]=$(head -n 1 "$dir/features/dim"); fi
    if hears e2v_s && [ "$utterance_mode" = all_layers ]; then
        hearing+=(--model_conf "emotion_layers=$(sed -n 2p "$dir/features/dim")")
    fi
    if [ "$normalise" = speaker ] && [ "$text_only" = false ]; then
        hearing+=(--model_conf standardize=speaker)
        if hears whisper; then data+=(speaker_frames.scp,speaker_frames,kaldi_ark); fi
        if hears e2v_s; then data+=(speaker_emotion.scp,speaker_emotion,kaldi_ark); fi
    fi
    train train_c2ser "$dir/$mode" "$dir/inputs" "$conf/train_$mode.yaml" "${hearing[@]}" --llm "$(llm_dir)" \
        --prompt_language "$language" --answers "$answers" --text_only "$text_only" \
        $([ "$mode" = explicit ] || echo "--init_param $dir/explicit/model.pth") $(data_options "$dir/inputs" "${data[@]}")
    python3 -m c2ser plot-curves --exp_dir "$dir/$mode" --out "$dir/$mode/curves.png" --title "C2SER, $mode"
    stage_end
}

bundle() {
    local folder mode options=() needs=()
    for mode in $modes; do needs+=(--done "$dir/$mode"); done
    stage_begin "$dir/.done.bundle" "${needs[@]}" --value "whisper=$whisper" --value "encoder=$(encoder) $utterance_mode" \
        --value "llm=$(llm_dir)" --value "language=$language" --value "folds=$folds" --out "$dir/model.yaml" || return 0
    for mode in $modes; do options+=(--mode "$mode" "$dir/$mode/config.yaml" "$dir/$mode/model.pth"); done
    if hears whisper; then options+=(--whisper "$whisper"); fi
    if hears e2v_s; then
        options+=(--emotion_config "$(encoder)/config.yaml" --emotion_checkpoint "$(encoder)/model.pth"
            --utterance_mode "$utterance_mode")
    fi
    for folder in "$dir" "$exp"; do
        [ "$folder" = "$dir" ] || [ "$fold" = "${folds%% *}" ] || continue
        python3 -m c2ser make-bundle --train_dir "$(set_of "$fold" "$train_set")" --llm "$(llm_dir)" \
            --language "$cot_language" "${options[@]}" --name "$(basename "$(dirname "$PWD")"): $tag" --out_dir "$folder"
    done
    stage_end
}
