#!/usr/bin/env bash
# Copy the pages of an experiment with their answers to results/<tag> beside exp/, to be committed:
#   tools/publish_results.sh egs/polish/c2ser1/exp/smollm2
# RESULTS.md with the pictures it links and comparison.md, made from its answers.tsv; and those of c2ser compare and
# benchmark, in the experiment or named after it: exp/<tag>/probes.md, exp/<tag>_ablations.md, exp/<tag>_benchmark.md. A
# page without its answers is not published.
set -euo pipefail
shopt -s nullglob
[ $# -eq 1 ] || { echo "Usage: $0 <recipe>/exp/<tag>" >&2 && exit 1; }
tables=("$1"/*answers.tsv "$1"_*.answers.tsv)
[ ${#tables[@]} -gt 0 ] || { echo "$0: $1: no answers.tsv; run stage 13, or stage 7, again" >&2 && exit 1; }
tag=$(basename "$1")
out=$(dirname "$(dirname "$1")")/results/$tag
rm -rf "$out"
mkdir -p "$out"
for table in "$1"/*.answers.tsv "$1"_*.answers.tsv; do
    page=${table%.answers.tsv}
    name=$(basename "$page")
    name=${name#"${tag}_"}
    cp "$page.md" "$out/$name.md"
    for part in "$table" "$page".answers.*.tsv; do cp "$part" "$out/$name${part#"$page"}"; done
done
[ ! -f "$1/answers.tsv" ] || {
    cp "$1/RESULTS.md" "$1/answers.tsv" "$1"/answers.*.tsv "$out"
    PYTHONPATH="$(dirname "$0")/..${PYTHONPATH:+:$PYTHONPATH}" \
        python3 -m c2ser compare --answers "$out/answers.tsv" --out "$out/comparison.md"
    rm "$out/comparison.json"
    { grep -oE '\]\([^)]*\.png\)' "$1/RESULTS.md" || true; } | sed -E 's/^\]\((.*)\)$/\1/' | sort -u | while read -r picture; do
        mkdir -p "$out/$(dirname "$picture")"
        cp "$1/$picture" "$out/$picture"
    done
}
du -sh "$out"
