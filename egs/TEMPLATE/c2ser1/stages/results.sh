# Stages 12 to 14: decoding, scoring, report, packing. Sourced by c2ser.sh.

decode_all() {
    local mode number
    for mode in $modes; do decode "$mode" 0 "$dir/decode_${mode}_test"; done
    for number in $(seq "$paraphrases"); do decode implicit "$number" "$dir/decode_implicit_p${number}_test"; done
    [ "$ensemble_prompts" = 0 ] || decode implicit 0 "$dir/decode_implicit_ensemble_test" --ensemble_prompts "$ensemble_prompts"
}

# $1: explicit | implicit, $2: number of the paraphrased prompt, 0 for that of training, $3: output folder, then options
decode() {
    local mode=$1 paraphrase=$2 out=$3 inputs=() file command
    shift 3
    if [ "$style_questions" != 0 ] && [ "$out" = "$dir/decode_implicit_test" ]; then set -- --ask $(asked); fi
    if [ -n "$model" ]; then
        inputs=(--file "$model/model.yaml")
        for file in "$model"/*.safetensors; do [ ! -f "$file" ] || inputs+=(--file "$file"); done
    else
        inputs=(--done "$(trained "$mode")" $(! hears e2v_s || echo "--done $dir/features"))
    fi
    stage_begin "$out" "${inputs[@]}" --done data/.done.dump --file "$conf/decode.yaml" ${1:+--value "options=$*"} \
        --out "$out/decode.json" || return 0
    echo "  log: $out/decode.log"
    command=(python3 -m c2ser decode --model "${model:-$dir}" --mode "$mode" --paraphrase "$paraphrase" "$@" --ngpu "$((ngpu > 0))"
        --data_dir "$(set_of "$fold" test)" --audio_scp dump/all/wav.scp --config "$conf/decode.yaml" --out_dir "$out"
        $([ -n "$model" ] || ! hears e2v_s || echo "--emotion_scp $dir/features/tokens.scp"))
    # One part a GPU; then the tables
    [ "$ngpu" -lt 2 ] || $decode_cmd --gpu 1 JOB=1:"$ngpu" "$out/decode.JOB.log" "${command[@]}" --num_jobs "$ngpu" --job JOB
    $decode_cmd --gpu "$((ngpu > 0))" "$out/decode.log" "${command[@]}"
    stage_end
}

# Score one kind of result over all folds. $1: name, $2: folder under exp/<tag>/fold<k>, $3: table of predictions
score() {
    scores+=(--scores "$1=$exp/scores/$2_$3.json")
    markers+=(--done "$exp/scores/.done.$2_$3")
    stage_begin "$exp/scores/.done.$2_$3" $(of_folds "$2" | sed 's/^/--done /') --done data/.done.prepare \
        --value "folds=$folds" --value "seed=$seed" --out "$exp/scores/$2_$3.json" || return 0
    python3 -m c2ser score --data_dir $(tests_of_folds) --decode_dir $(of_folds "$2") --pred "$3" --seed "$seed" \
        --out "$exp/scores/$2_$3.json"
    stage_end
}

stability() {
    local options=() markers=() number
    for number in $(seq "$paraphrases"); do
        options+=(--paraphrases $(of_folds "decode_implicit_p${number}_test"))
        markers+=($(of_folds "decode_implicit_p${number}_test" | sed 's/^/--done /'))
    done
    stage_begin "$exp/scores/.done.stability" $(of_folds decode_implicit_test | sed 's/^/--done /') "${markers[@]}" \
        $(of_folds decode_explicit_test | sed 's/^/--done /') --value "folds=$folds" --out "$exp/scores/stability.json" ||
        return 0
    python3 -m c2ser stability --data_dir $(tests_of_folds) --implicit $(of_folds decode_implicit_test) \
        --explicit $(of_folds decode_explicit_test) "${options[@]}" --out "$exp/scores/stability.json"
    stage_end
}

layer_curves() {
    markers+=(--done "$exp/scores/.done.layers")
    stage_begin "$exp/scores/.done.layers" $(of_folds probe_e2v_s | sed 's/^/--done /') \
        $(of_folds probe_whisper | sed 's/^/--done /') --value "folds=$folds" --out "$exp/scores/layers.png" || return 0
    python3 -m c2ser plot-layers --out "$exp/scores/layers.png" --title "Probes on frozen features" \
        --probes "Emotion2Vec-S=$(of_folds probe_e2v_s | paste -sd,)" "Whisper=$(of_folds probe_whisper | paste -sd,)"
    stage_end
}

# Frozen features of the first fold's test speakers in two dimensions. $1: name, $2: what it is called, $3: features
embedding() {
    local first=${folds%% *}
    markers+=(--done "$exp/scores/.done.embeddings_$1")
    pictures+=(--picture "Embeddings: $2, last layer, test speakers of fold $first=$exp/scores/embeddings_$1.png")
    stage_begin "$exp/scores/.done.embeddings_$1" --done "$3" --done data/.done.prepare --value "fold=$first" \
        --value "seed=$seed" --out "$exp/scores/embeddings_$1.png" || return 0
    python3 -m c2ser plot-embeddings --feats_scp "$3/layers.scp" --data_dir "$(set_of "$first" test)" --method tsne \
        --seed "$seed" --title "t-SNE" --out "$exp/scores/embeddings_$1.png"
    stage_end
}

score_and_report() {
    local scores=() markers=() pictures=() options=() mode first
    first=$(exp_of "${folds%% *}")
    for mode in $(echo "$modes" | tr ' ' '\n' | sort -r); do
        score "C2SER $mode, label scoring" "decode_${mode}_test" utt2scored
        score "C2SER $mode, free answer" "decode_${mode}_test" utt2pred
        score "C2SER $mode, constrained answer" "decode_${mode}_test" utt2constrained
    done
    if [ "$ensemble_prompts" != 0 ]; then
        score "C2SER implicit, mean of $((ensemble_prompts + 1)) prompts" decode_implicit_ensemble_test utt2scored
    fi
    if [ "$modes" != implicit ]; then
        stability
        options=(--stability "$exp/scores/stability.json") markers+=(--done "$exp/scores/.done.stability")
    fi
    options+=(--hardest "C2SER implicit, label scoring")
    if [ "$report_speech" = true ]; then
        options+=(--audio_scp dump/all/wav.scp) markers+=(--done data/.done.dump)
        [ "$modes" = implicit ] || options+=(--rationales $(of_folds decode_explicit_test))
    fi
    if [ -z "$model" ]; then
        if hears e2v_s; then score "Probe on Emotion2Vec-S" probe_e2v_s utt2pred; fi
        if hears whisper; then score "Probe on Whisper" probe_whisper utt2pred; fi
        if hears e2v_s && hears whisper; then
            score "Probe on both" probe_both utt2pred
            layer_curves
            pictures+=(--picture "Probes, layer by layer=$exp/scores/layers.png")
        fi
        if hears e2v_s; then embedding e2v_s Emotion2Vec-S "$first/features"; fi
        if hears whisper; then embedding whisper Whisper "$whisper_dir"; fi
        if hears e2v_s && [ -z "$e2v_s" ]; then
            pictures+=(--picture "Training curves: Emotion2Vec-S=$first/e2v_s/curves.png")
        fi
        pictures+=(--picture "Training curves: C2SER, explicit=$first/explicit/curves.png"
            --picture "Training curves: C2SER, explicit to implicit=$first/implicit/curves.png")
    fi
    if stage_begin "$exp/.done.report" "${markers[@]}" --value "folds=$folds" --value "speech=$report_speech" \
        --value "leaks=$(leaks)" --out "$exp/report.html" --out "$exp/RESULTS.md" --out "$exp/answers.tsv" --out "$exp/results.txt"; then
        python3 -m c2ser report --exp_dir "$exp" --title "$(basename "$(dirname "$PWD")"): $tag" \
            --command "./run.sh $run_args" "${scores[@]}" "${pictures[@]}" "${options[@]}" \
            $(for file in "$conf"/*.yaml; do echo "--config $file"; done) --leak "$(leaks)" >"$exp/.results.txt"
        mv "$exp/.results.txt" "$exp/results.txt"
        stage_end
    fi
    cat "$exp/results.txt"
    echo "report: $PWD/$exp/report.html   table: $PWD/$exp/RESULTS.md"
}

pack() {
    local names=("$corpus") inputs=() options=()
    if [ "$corpus" = joint ]; then names=($(ls data/corpora)); fi
    if [ -f "$exp/RESULTS.md" ]; then inputs=(--file "$exp/RESULTS.md"); fi
    if [[ $folds == *" "* ]]; then
        options=(--note "Packed is the system of fold ${folds%% *}. The results are those of folds $folds, each by its own system.")
    fi
    stage_begin "$exp/.done.packed" --file "$exp/model.yaml" --done "$(exp_of "${folds%% *}")/implicit" "${inputs[@]}" \
        --value "leaks=$(leaks)" --out "$exp/packed/*" || return 0
    python3 -m c2ser pack --model "$exp" --out_dir "$exp/packed" --corpus "${names[@]}" --leaks "$(leaks)" "${options[@]}"
    stage_end
}
