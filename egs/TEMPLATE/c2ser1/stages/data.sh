# Stages 1 to 4: from a corpus to data directories, audio, prosody and texts. Sourced by c2ser.sh.

# What decides about a corpus' data beside its folder: its module, and the tables that it names (folds, transcripts).
# $1: name, or path of a module
corpus_code() {
    local module=$1 place table
    [[ $module == *.py ]] || module=$C2SER_ROOT/c2ser/corpora/$1.py
    [ -f "$module" ] || die "--corpus $1: there is no $module"
    printf -- '--file\n%s\n' "$module"
    for table in $(grep -oE '[A-Za-z0-9_./-]+\.tsv' "$module" | sort -u); do
        for place in "${module%/*}" "${module%/*}/folds"; do
            [ ! -f "$place/$table" ] || printf -- '--file\n%s\n' "$place/$table"
        done
    done
}

# The folder of a corpus. $1: variable of db.sh, $2: what to do without it
corpus_root() {
    [ -n "${!1:-}" ] || die "set $1 in db.sh$2"
    [ -d "${!1}" ] || die "$1=${!1}: no such folder; set it in db.sh or the environment"
}

prepare_data() {
    local code
    if [ "$corpus" = joint ]; then prepare_joint; return; fi
    corpus_root "$db" ": the folder of the corpus"
    mapfile -t code < <(corpus_code "$corpus")
    stage_begin data/.done.prepare --value "corpus=$corpus" --value "root=${!db}" --value "allow_missing=$allow_missing" \
        --value "dev_speakers=$dev_speakers" --tree "${!db}" "${code[@]}" $(earlier_texts) --out data/all || return 0
    python3 -m c2ser prepare-data --corpus "$corpus" --root "${!db}" --data_dir data --allow_missing "$allow_missing" \
        --dev_speakers "$dev_speakers"
    validate_sets
    stage_end
}

# Several corpora, each prepared by itself under data/corpora, then together
prepare_joint() {
    local name variable roots=() sources=() code
    if [ -z "$corpora" ]; then
        for variable in $(sed -nE 's/^([A-Z0-9_]+)=.*/\1/p' db.sh); do
            if [ -n "${!variable}" ]; then corpora+="${variable,,} "; fi
        done
    fi
    [ -n "$corpora" ] || die "no corpus: set their folders in db.sh, or name them with --corpora"
    for name in $corpora; do
        variable=${name^^}
        corpus_root "$variable" ", or leave $name out of --corpora"
        mapfile -t code < <(corpus_code "$name")
        roots+=(--value "$name=${!variable}" --tree "${!variable}" "${code[@]}")
    done
    stage_begin data/.done.prepare "${roots[@]}" --value "allow_missing=$allow_missing" --value "dev_speakers=$dev_speakers" \
        --clean data/corpora $(earlier_sets) $(earlier_texts) --out data/all --out data/corpora || return 0
    for name in $corpora; do
        variable=${name^^}
        python3 -m c2ser prepare-data --corpus "$name" --root "${!variable}" --data_dir "data/corpora/$name" \
            --allow_missing "$allow_missing" --dev_speakers "$dev_speakers"
        sources+=(--corpus "$name=data/corpora/$name")
    done
    python3 -m c2ser combine-corpora "${sources[@]}" --data_dir data --leave_out
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
    [ ! -d data ] || find data -maxdepth 2 -not -path 'data/.*' \( -name .done.style -o -name .done.cot \) -printf '--clean %p\n'
}

validate_sets() {
    local set
    all_folds
    for set in data/all $(each_fold echo_sets); do
        validate_data_dir.sh $([ -f data/all/text ] || echo --no-text) "$set"
    done
}

# The parts of a fold that there are; a corpus may be for testing only
echo_sets() {
    local part
    for part in "$train_set" "$dev_set" test; do
        if [ -d "$(set_of "$fold" "$part")" ]; then set_of "$fold" "$part"; fi
    done
}

# Remove files NAME.JOB… that an interrupted run with more jobs has left
surplus_jobs() {
    local path job
    for path in "$@"; do
        job=${path##*/} job=${job#*.} job=${job%%.*}
        if [[ $job =~ ^[0-9]+$ ]] && [ "$job" -gt "$nj" ]; then rm "$path"; fi
    done
}

dump_audio() {
    stage_begin data/.done.dump --done data/.done.prepare --value "allow_commands=$allow_commands" --clean dump/all \
        --out 'dump/all/audio.*.ark' --out dump/all/wav.scp --out dump/all/utt2num_samples || return 0
    surplus_jobs dump/all/audio.* dump/all/utt2num_samples.* dump/all/excluded.*
    split_data_dir.sh --per-utt data/all "$nj"
    $train_cmd JOB=1:"$nj" dump/all/log/dump.JOB.log python3 -m c2ser dump-audio \
        --data_dir "data/all/split${nj}utt/JOB" --out_dir dump/all --job JOB --allow_commands "$allow_commands"
    python3 -m c2ser collect-parts --data_dir data/all --table "dump/all/audio.*.scp" dump/all/wav.scp \
        --table "dump/all/utt2num_samples.*" dump/all/utt2num_samples
    stage_end
}

# What the first versions of stage 3 did not measure
further_measures() { [[ " $measures $reliable_only" != *@(range|intonation|articulation|pauses|true)* ]] || echo "--value tables=all"; }

prosody() {
    stage_begin data/.done.prosody --done data/.done.dump --value "f0_method=$f0_method" --clean dump/prosody \
        --glob "$C2SER_ROOT/c2ser/prosody/phonemes/*.py" $(further_measures) --out 'dump/prosody/utt2*' || return 0
    rm -rf dump/prosody
    split_data_dir.sh --per-utt data/all "$nj"
    $train_cmd --num-threads 1 JOB=1:"$nj" dump/prosody/log/prosody.JOB.log python3 -m c2ser extract-prosody \
        --data_dir "data/all/split${nj}utt/JOB" --audio_scp dump/all/wav.scp --f0_method "$f0_method" \
        --out_dir dump/prosody/JOB
    local tables=()
    for table in utt2{f0,loudness,rate,articulation,range,intonation,pauses,reliable}; do
        tables+=(--table "dump/prosody/*/$table" "dump/prosody/$table")
    done
    python3 -m c2ser collect-parts --data_dir data/all "${tables[@]}"
    stage_end
}

style() {
    local sets
    sets=$(echo_sets)
    stage_begin "$(data_of)/.done.style" --done data/.done.prosody --value "population=$style_population" \
        --value "sets=$train_set $dev_set" $(unless measures "speed pitch volume") $(unless reliable_only false) || return 0
    for set in $sets; do
        python3 -m c2ser filter-tables --data_dir "$set" dump/prosody/utt2*
    done
    # Cut by the training part, which comes first; a corpus for testing only, by itself
    python3 -m c2ser make-style --train_dir "${sets%%$'\n'*}" --out_dirs $sets \
        --population "$style_population" --measures $measures --reliable_only "$reliable_only" --f0_method "$f0_method" --stats "$(data_of)/style.json"
    stage_end
}

chain_of_thought() {
    stage_begin "$(data_of)/.done.cot" --done "$(data_of)/.done.style" --value "language=$cot_language" \
        --value "seed=$seed" $(unless verdict last) --glob "$C2SER_ROOT/c2ser/cot/templates/*.yaml" || return 0
    for set in $(echo_sets); do
        python3 -m c2ser make-cot --data_dir "$set" --language "$cot_language" --seed "$seed" --verdict "$verdict"
    done
    stage_end
}
