#!/usr/bin/env bash
# Polish, the embedded default: speech and models are fetched into downloads/ where db.sh names none.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
. ./path.sh

downloads=$C2SER_ROOT/downloads
case " $* " in
*" --help "*) ;; # help needs nothing fetched
*)
    . ./db.sh
    [ -n "$POLISH" ] && speech=() || speech=(polish)
    python3 "$C2SER_ROOT/tools/download_pretrained.py" --out_dir "$downloads" "${speech[@]}" whisper-tiny.en smollm2-135m-instruct
    export POLISH=${POLISH:-$downloads/POLISH}
    ;;
esac

# Answers are in English, the one language of SmolLM2.
../../TEMPLATE/c2ser1/c2ser.sh --corpus polish --db POLISH --cot_language en --tag smollm2 \
    --whisper "$downloads/tiny.en.pt" --llm "$downloads/SmolLM2-135M-Instruct.Q4_1.gguf" "$@"
