# Stage markers for recipes; to be sourced. A finished stage is skipped, a half-finished one is resumed or done again,
# and one whose inputs have changed is done again:
#
#     . utils/stage.sh
#     if stage_begin exp/fold1/e2v_s --file conf/train_e2v_s.yaml --value "seed=$seed" --done data/fold1; then
#         …
#         stage_end
#     fi
#
# stage_begin MARKER [--file F] [--glob 'PATTERN'] [--tree DIR] [--value NAME=VALUE] [--done MARKER] [--out 'PATTERN']
#             [--clean PATH] …
#   MARKER is a file `.done…`, or a directory, in which .done is meant. What the stage depends on is named by --file and
#   --glob (content), --tree (names, sizes and times of all files below), --value and, for what another stage has made,
#   --done. --out names what it makes. Prints one line and returns 0 where the work must be done, 1 where it is up to
#   date. $stage_verdict then is
#       skip     up to date
#       run      never done
#       resume   interrupted, with the same inputs: what it has made so far may be built upon
#       redo     the inputs have changed or what it made is gone (the line says which), or $force is true
#   With run and redo the paths named by --clean make room first: folders are set aside until the stage has ended. A
#   missing input ends the script, as does one whose files are gone: the line says which stage makes them again.
# stage_end writes the marker, with the files that match --out. Only a stage that reaches it counts as done, hence
# `set -e`; bash ignores that inside a function called as `f || …` or `if f`, so do not call one that holds a stage in
# this way.
# stage_lock DIR takes the lock of an experiment for this script, or ends it where another run holds it. Stages outside
# DIR, which other runs share, are then kept from two runs at once. The lock is given back when the script ends.
# While it runs the lock is renewed, which tells other machines that it lives.
# $stage_number, where it is set, is what messages call the stage.

_stage_utils=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
_stage_marker=
_stage_run=

# Without what `site` brings: the standard library is enough, and starts in half the time
_stage_done() { "$_stage_utils/python.sh" -S -m c2ser.recipe.done "$@"; }

stage_begin() {
    local line options=()
    [ "${force:-false}" != true ] || options+=(--force)
    [ -z "$_stage_run" ] || options+=(--run "$_stage_run" --pid $$)
    [ -z "${stage_number:-}" ] || options+=(--stage "$stage_number")
    line=$(_stage_done begin "$@" ${options[@]+"${options[@]}"}) || exit $?
    printf '%s\n' "$line"
    line=${line#[}
    stage_verdict=${line%%]*}
    [ "$stage_verdict" != skip ] || return 1
    _stage_marker=$1
}

stage_end() {
    [ -n "$_stage_marker" ] || { echo "stage_end: no stage has begun" >&2 && exit 1; }
    _stage_done end "$_stage_marker" || exit $?
    _stage_marker=
}

stage_lock() {
    _stage_done lock "$1" $$ || exit $?
    _stage_run=$1
    (exec "$_stage_utils/python.sh" -S -m c2ser.recipe.done keep "$1" $$) </dev/null >/dev/null 2>&1 &
    _stage_keeper=$!
    disown "$_stage_keeper"
    trap 'kill "$_stage_keeper" 2>/dev/null; _stage_done unlock "$_stage_run" $$' EXIT
}
