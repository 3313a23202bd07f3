# Stages 1 to 4: from a corpus to data directories, audio, prosody and texts. Sourced by c2ser.sh.

prepare_data() {
    if [ "$corpus" = joint ]; then prepare_joint; return; fi
    [ -n "${!db:-}" ] || die "set $db in db.sh: the folder of the corpus"
    stage_begin data/.done.prepare --value "corpus=$corpus" --value "root=${!db}" --value "allow_missing=$allow_missing" \
        --value "dev_speakers=$dev_speakers" $(earlier_texts) || return 0
    python3 -m c2ser.bin.prepare_data --corpus "$corpus" --root "${!db}" --data_dir data --allow_missing "$allow_missing" \
        --dev_speakers "$dev_speakers"
    validate_sets
    stage_end
}

# Several corpora, each prepared by itself under data/corpora, then together
prepare_joint() {
    local name variable roots=() sources=()
    if [ -z "$corpora" ]; then
        for variable in $(sed -nE 's/^([A-Z0-9_]+)=.*/\1/p' db.sh); do
            if [ -n "${!variable}" ]; then corpora+="${variable,,} "; fi
        done
    fi
    [ -n "$corpora" ] || die "no corpus: set their folders in db.sh, or name them with --corpora"
    for name in $corpora; do
        variable=${name^^}
        [ -n "${!variable:-}" ] || die "set $variable in db.sh, or leave $name out of --corpora"
        roots+=(--value "$name=${!variable}")
    done
    stage_begin data/.done.prepare "${roots[@]}" --value "allow_missing=$allow_missing" --value "dev_speakers=$dev_speakers" \
        --clean data/corpora $(earlier_sets) $(earlier_texts) || return 0
    for name in $corpora; do
        variable=${name^^}
        python3 -m c2ser.bin.prepare_data --corpus "$name" --root "${!variable}" --data_dir "data/corpora/$name" \
            --allow_missing "$allow_missing" --dev_speakers "$dev_speakers"
        sources+=(--corpus "$name=data/corpora/$name")
    done
    python3 -m c2ser.bin.combine_corpora "${sources[@]}" --data_dir data --leave_out
    validate_sets
    stage_end
}

# What other corpora may have left
earlier_sets() {
    local set
    for set in data/fold[0-9]* data/without_* data/test; do [ ! -d "$set" ] || echo "--clean $set"; done
}

# Markers of stages 3 and 4, whose tables go with the data directories that they stand in
earlier_texts() {
    [ ! -d data ] || find data -maxdepth 2 \( -name .done.style -o -name .done.cot \) -printf '--clean %p\n'
}

validate_sets() {
    local set
    all_folds
    for set in data/all $(each_fold echo_sets); do validate_data_dir.sh "$set"; done
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
    for table in utt2f0 utt2loudness utt2rate utt2articulation; do
        tables+=(--table "dump/prosody/*/$table" "dump/prosody/$table")
    done
    python3 -m c2ser.bin.collect_parts --data_dir data/all "${tables[@]}"
    stage_end
}

style() {
    local sets
    sets=$(echo_sets)
    stage_begin "$(data_of)/.done.style" --done data/.done.prosody --value "population=$style_population" \
        --value "sets=$train_set $dev_set" || return 0
    for set in $sets; do
        python3 -m c2ser.bin.filter_tables --data_dir "$set" dump/prosody/utt2f0 dump/prosody/utt2loudness dump/prosody/utt2rate
    done
    # Cut by the training part, which comes first; a corpus for testing only, by itself
    python3 -m c2ser.bin.make_style --train_dir "${sets%%$'\n'*}" --out_dirs $sets \
        --population "$style_population" --stats "$(data_of)/style.json"
    stage_end
}

chain_of_thought() {
    stage_begin "$(data_of)/.done.cot" --done "$(data_of)/.done.style" --value "language=$cot_language" \
        --value "seed=$seed" || return 0
    for set in $(echo_sets); do
        python3 -m c2ser.bin.make_cot --data_dir "$set" --language "$cot_language" --seed "$seed"
    done
    stage_end
}
