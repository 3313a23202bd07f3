#!/usr/bin/env bash
# Copy an experiment's RESULTS.md and the pictures it links, and probes.md where there is one, to results/<tag> beside
# exp/, to be committed:
#   tools/publish_results.sh egs/polish/c2ser1/exp/smollm2
set -euo pipefail
[ $# -eq 1 ] && [ -f "$1/RESULTS.md" ] || { echo "Usage: $0 <recipe>/exp/<tag>, in which stage 13 wrote RESULTS.md" >&2 && exit 1; }
tag=$(basename "$1")
out=$(dirname "$(dirname "$1")")/results/$tag
rm -rf "$out"
mkdir -p "$out"
cp "$1/RESULTS.md" "$out"
[ ! -f "$1/probes.md" ] || cp "$1/probes.md" "$out"
grep -oE '\]\([^)]*\.png\)' "$1/RESULTS.md" | sed -E 's/^\]\((.*)\)$/\1/' | sort -u | while read -r picture; do
    mkdir -p "$out/$(dirname "$picture")"
    cp "$1/$picture" "$out/$picture"
done
du -sh "$out"
