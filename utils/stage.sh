# Stage markers for recipes; to be sourced. A finished stage is skipped, a half-finished one is resumed or done again,
# and one whose inputs have changed is done again:
#
#     . utils/stage.sh
#     if stage_begin exp/fold1/e2v_s --file conf/train_e2v_s.yaml --value "seed=$seed" --done data/fold1; then
#         …
#         stage_end
#     fi
#
# stage_begin MARKER [--file F] [--glob 'PATTERN'] [--value NAME=VALUE] [--done MARKER] [--clean PATH] …
#   MARKER is a file `.done…`, or a directory, in which .done is meant. What the stage depends on is named by --file,
#   --glob and --value and, for what another stage has made, --done. Prints one line and returns 0 where the work must
#   be done, 1 where it is up to date. $stage_verdict then is
#       skip     up to date
#       run      never done
#       resume   interrupted, with the same inputs: what it has made so far may be built upon
#       redo     the inputs have changed (the line says which), or $force is true
#   With run and redo the paths named by --clean are removed first. A missing input ends the script.
# stage_end writes the marker. Only a stage that reaches it counts as done, hence `set -e`; bash ignores that inside a
# function called as `f || …` or `if f`, so do not call one that holds a stage in this way.

_stage_python=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/python.sh
_stage_marker=

stage_begin() {
    local line options=()
    [ "${force:-false}" != true ] || options=(--force)
    line=$("$_stage_python" -m c2ser.recipe.done begin "$@" ${options[@]+"${options[@]}"}) || exit 1
    printf '%s\n' "$line"
    line=${line#[}
    stage_verdict=${line%%]*}
    [ "$stage_verdict" != skip ] || return 1
    case "${1##*/}" in
    .done*) _stage_marker=$1 ;;
    *) _stage_marker=$1/.done ;;
    esac
}

stage_end() {
    [ -n "$_stage_marker" ] || { echo "stage_end: no stage has begun" >&2 && exit 1; }
    mv -- "$_stage_marker.begun" "$_stage_marker"
    _stage_marker=
}
