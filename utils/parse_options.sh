# Command-line options for a script, with the semantics of Kaldi's file of this name. To be sourced, after the options
# have been given their defaults as variables and, if wanted, help_message its text:
#
#     nj=8
#     skip_train=false
#     . utils/parse_options.sh || exit 1
#
# `--skip-train true` sets $skip_train. A name that is no variable is an error; one that holds true or false takes only
# these; a value may hold blanks and may start with dashes. `--config FILE` sources a file of assignments first, so that
# the command line overrides it. `--help` prints $help_message, or what a function print_help prints, which sees the
# options before it, and ends the script. Options end at the first argument that is none; what follows stays in "$@".

_po_fail() {
    echo "$0: $1" >&2
    exit 1
}

_po_walk=("$@")
for ((_po_i = 0; _po_i < ${#_po_walk[@]}; _po_i += 2)); do
    [[ ${_po_walk[_po_i]} == --?* ]] || break
    if [ "${_po_walk[_po_i]}" = --config ] && ((_po_i + 1 < ${#_po_walk[@]})); then
        _po_config=${_po_walk[_po_i + 1]}
        [ -r "$_po_config" ] || _po_fail "--config: no such file: $_po_config"
        [[ $_po_config == */* ]] || _po_config=./$_po_config # a bare name would be searched for in PATH
        . "$_po_config"
    fi
done

while [ -n "${1:-}" ]; do
    case "$1" in
    --help | -h)
        if declare -F print_help >/dev/null; then
            print_help >&2
        elif [ -n "${help_message:-}" ]; then
            printf '%s\n' "$help_message" >&2
        else
            echo "No help found." >&2
        fi
        exit 0
        ;;
    --*=*) _po_fail "options are written \`--name value\`: got '$1', write '${1%%=*} ${1#*=}'" ;;
    --config)
        [ $# -ge 2 ] || _po_fail "--config: a file name is missing"
        [ -z "${config+set}" ] || config=$2
        ;;
    --*)
        _po_name=${1#--}
        _po_name=${_po_name//-/_}
        [[ $_po_name =~ ^[A-Za-z_][A-Za-z0-9_]*$ ]] || _po_fail "invalid option $1"
        [ -n "${!_po_name+set}" ] || _po_fail "invalid option $1; $0 --help lists them"
        [ $# -ge 2 ] || _po_fail "$1: a value is missing"
        if [[ ${!_po_name} == true || ${!_po_name} == false ]] && [[ $2 != true && $2 != false ]]; then
            _po_fail "$1 takes true or false, not '$2'"
        fi
        printf -v "$_po_name" '%s' "$2"
        ;;
    *) break ;;
    esac
    shift 2
done

# An empty --cmd is nearly always an unset variable of the caller.
[ -z "${cmd+set}" ] || [ -n "$cmd" ] || _po_fail "empty argument to --cmd"
unset -v _po_walk _po_i _po_config _po_name
unset -f _po_fail
