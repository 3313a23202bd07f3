# Stages 5 to 7: the emotion encoder, frozen features and probes on them. Sourced by c2ser.sh.

# Train one ESPnet2 task through its launcher. $1: command, $2: output folder, $3: inputs, $4: configuration, then options
train() {
    local command=$1 out=$2 inputs=$3 config=$4
    shift 4
    mkdir -p "$out"
    echo "./run.sh $run_args" >"$out/run.sh" || die "$out/run.sh cannot be written"
    echo "  log: $out/train.log"
    python3 -m c2ser.tasks.launch --cmd "$cuda_cmd" --log "$out/train.log" --ngpu "$ngpu" --num_nodes "$num_nodes" \
        --multiprocessing_distributed true -- \
        python3 -m c2ser "${command//_/-}" --config "$config" --output_dir "$out" --seed "$seed" --resume true \
        --train_shape_file "$inputs/$train_set/speech_shape" --valid_shape_file "$inputs/$dev_set/speech_shape" \
        $(balanced) "$@"
    ln -sf "$(cd "$out" && ls ./*.ave.pth)" "$out/model.pth"
}

# Options of batches drawn by --balance, where it is given; the inputs hold its tables
balanced() {
    [ -z "$balance" ] || echo "--sampler balanced --sampler_conf by=[${balance// /,}]" \
        "--sampler_conf temperature=$balance_temperature"
}

# The same for a stage's marker
balanced_by() { [ -z "$balance" ] || echo "--value balance=${balance// /,}:$balance_temperature"; }

# Options that name the data of both sets. $1: inputs, then pairs file,name,type
data_options() {
    local inputs=$1 entry
    shift
    for entry in "$@"; do
        echo "--train_data_path_and_name_and_type $inputs/$train_set/$entry"
        echo "--valid_data_path_and_name_and_type $inputs/$dev_set/$entry"
    done
}

# What a training reads of one set. $1: train or dev set, $2: folder, then options of make_inputs
inputs() {
    local part=$1 out=$2
    shift 2
    python3 -m c2ser make-inputs --data_dir "$(set_of "$fold" "$part")" --audio_scp dump/all/wav.scp \
        --num_samples dump/all/utt2num_samples --min_seconds "$min_seconds" --max_seconds "$max_seconds" \
        --out_dir "$out/$part" "$@"
}

pretrain() {
    local config=$conf/train_e2v_s.yaml start=() labels teacher=()
    if [ -n "$init_e2v_s" ]; then start=(--file "$init_e2v_s/config.yaml" --file "$init_e2v_s/model.pth"); fi
    if [ "$encoder_task" = emotion_classifier ]; then config=$conf/train_classifier.yaml; fi
    labels=$(set_of "$fold" "$train_set")/utt2emo.silver
    if [ "$silver" = true ] && [ -f "$labels" ]; then start+=(--file "$labels"); fi
    if [ -n "$e2v_s_teacher" ]; then
        start+=("${whisper_input[@]}" --value "teacher=$e2v_s_teacher")
        teacher=(--model_conf "teacher=whisper:$whisper:$e2v_s_teacher")
    fi
    stage_begin "$dir/e2v_s" --done data/.done.dump --file "$config" --out "$dir/e2v_s/model.pth" --value "seed=$seed" \
        --value "seconds=$min_seconds-$max_seconds" --value "sets=$train_set $dev_set" --value "task=$encoder_task" \
        --value "silver=$silver" --value "args=$e2v_s_args" "${start[@]}" $(balanced_by) --clean "$dir/e2v_s" || return 0
    inputs "$train_set" "$dir/e2v_s/inputs" --silver "$silver"
    inputs "$dev_set" "$dir/e2v_s/inputs"
    train "train_$encoder_task" "$dir/e2v_s" "$dir/e2v_s/inputs" "$config" \
        $(data_options "$dir/e2v_s/inputs" wav.scp,speech,kaldi_ark label,label,text_int) \
        ${init_e2v_s:+--init_backbone "$init_e2v_s"} "${teacher[@]}" $e2v_s_args
    python3 -m c2ser plot-curves --exp_dir "$dir/e2v_s" --out "$dir/e2v_s/curves.png" --title "Emotion encoder"
    stage_end
}

# $1: output folder, then what names the encoder; one job a GPU
extract() {
    local out=$1 jobs=$((ngpu > 1 ? ngpu : 1)) table tables=()
    shift
    echo "  log: $out/log/extract.*.log"
    $cuda_cmd --gpu "$((ngpu > 0))" JOB=1:"$jobs" "$out/log/extract.JOB.log" python3 -m c2ser extract-features \
        --audio_scp dump/all/wav.scp --num_samples dump/all/utt2num_samples --ngpu "$((ngpu > 0))" \
        --precision "$precision" --job JOB --num_jobs "$jobs" --out_dir "$out" "$@"
    [ "$jobs" -gt 1 ] || return 0
    for table in "$out/split$jobs"/1/*.scp; do
        table=$(basename "$table")
        tables+=(--table "$out/split$jobs/*/$table" "$out/$table")
    done
    python3 -m c2ser collect-parts --data_dir data/all "${tables[@]}"
    cp "$out/split$jobs"/1/layers "$out/"
    [ ! -f "$out/split$jobs/1/dim" ] || cp "$out/split$jobs/1/dim" "$out/"
}

# The fold's emotion encoder
encoder() { if [ -n "$e2v_s" ]; then echo "${e2v_s//\{fold\}/$fold}"; else echo "$dir/e2v_s"; fi; }

extract_features() {
    local from needs=(--done "$dir/e2v_s")
    from=$(encoder)
    if [ -n "$e2v_s" ]; then needs=(--file "$from/config.yaml" --file "$from/model.pth"); fi
    stage_begin "$dir/features" "${needs[@]}" --done data/.done.dump --value "mode=$utterance_mode" \
        --value "precision=$precision" --clean "$dir/features" --out "$dir/features/**/*.ark" \
        --out "$dir/features/*.scp" || return 0
    extract "$dir/features" --config "$from/config.yaml" --checkpoint "$from/model.pth" --utterance_mode "$utterance_mode"
    stage_end
}

whisper_features() {
    stage_begin "$whisper_dir" "${whisper_input[@]}" --done data/.done.dump --value "precision=$precision" \
        --clean "$whisper_dir" --out "$whisper_dir/**/*.ark" --out "$whisper_dir/*.scp" || return 0
    extract "$whisper_dir" --checkpoint "$whisper"
    stage_end
}

probes() {
    hears e2v_s && probe e2v_s "$dir/features"
    hears whisper && probe whisper "$whisper_dir"
    hears e2v_s && hears whisper && probe both "$dir/features" "$whisper_dir"
    return 0
}

# $1: name, then folders of features, joined where there are several
probe() {
    local name=$1 markers=() tables=() folder
    shift
    for folder in "$@"; do markers+=(--done "$folder") tables+=("$folder/layers.scp"); done
    stage_begin "$dir/probe_$name" "${markers[@]}" --done data/.done.prepare --value "sets=$train_set $dev_set" \
        --value "how=$probe_classifier $probe_choose_by" --value "seed=$seed" --out "$dir/probe_$name/utt2pred" || return 0
    # Its many small fits get slower with every further thread
    OMP_NUM_THREADS=1 python3 -m c2ser probe --feats_scp "${tables[@]}" --train_dir "$(set_of "$fold" "$train_set")" --seed "$seed" \
        --dev_dir "$(set_of "$fold" "$dev_set")" --test_dir "$(set_of "$fold" test)" --out_dir "$dir/probe_$name" \
        --classifier "$probe_classifier" --choose_by "$probe_choose_by"
    stage_end
}

# The probes over all folds in one table
probe_table() {
    local rows=() options=() texts=() fitted=$train_set
    if [ "$probe_choose_by" = cross_speaker ]; then fitted="$train_set and $dev_set"; fi
    if hears whisper; then rows+=("Whisper $(basename "$whisper" .pt)=$(of_folds probe_whisper | paste -sd,)"); fi
    if hears e2v_s; then rows+=("Emotion2Vec-S, ours=$(of_folds probe_e2v_s | paste -sd,)"); fi
    if [ "${#rows[@]}" -eq 2 ]; then rows+=("both=$(of_folds probe_both | paste -sd,)"); fi
    [ "${#rows[@]}" -gt 0 ] || return 0
    if [ -f local/published.tsv ]; then options=(--published local/published.tsv) texts=(--file local/published.tsv); fi
    stage_begin "$exp/.done.probes" $(for row in "${rows[@]}"; do echo "${row#*=}"; done | tr ',' '\n' | sed 's/^/--done /') \
        --value "folds=$folds" --value "seed=$seed" --value "leaks=$(leaks)" "${texts[@]}" --out "$exp/probes.md" \
        --out "$exp/probes.answers.tsv" || return 0
    python3 -m c2ser compare --systems "${rows[@]}" --reference "${rows[0]%%=*}" --data_dir $(tests_of_folds) \
        --seed "$seed" "${options[@]}" --out "$exp/probes.md" --caption "Probes ($probe_classifier, chosen by \
$probe_choose_by) on frozen features, folds $folds, fitted on $fitted. $(leaks)"
    stage_end
}
