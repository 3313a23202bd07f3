#!/usr/bin/env bash
# python3 with this project on its path, from wherever it is called: utils/python.sh -m c2ser <command> …
# An active environment is used as it is; without one, the one that tools/install.sh made.
root=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
python=python3
if [ -z "${VIRTUAL_ENV:-}${CONDA_PREFIX:-}" ] && [ -x "$root/.venv/bin/python3" ]; then
    python=$root/.venv/bin/python3
fi
PYTHONPATH=$root${PYTHONPATH:+:$PYTHONPATH} exec "$python" "$@"
