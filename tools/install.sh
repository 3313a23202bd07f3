#!/usr/bin/env bash
# Make .venv and install the pinned dependency set and this project into it. A second call takes seconds.
#
#   --test                   also what only the tests need (tools/requirements_test.lock)
#   PYTHON=python3.12        the interpreter to make the environment with (3.11 or newer)
#   TORCH_INDEX_URL=https://download.pytorch.org/whl/cpu   another index for torch, for instance that of the CPU builds;
#                            by default pip's own, whose Linux build of torch brings CUDA
#
# The lock cannot be resolved by pip: espnet pins setuptools<74, torch needs >=77 (metadata only; 81 serves both). Hence
# torch first, then everything else with --no-deps.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

case "${1:-}" in "" | --test) ;; *) echo "install: unknown option $1; there is --test only" >&2 && exit 2 ;; esac

# Install what only the tests need, where that is asked for and not done yet
install_test_extras() {
    local stamp=.venv/.installed_test key
    key=$(sha256sum <tools/requirements_test.lock | cut -d' ' -f1)-$PWD
    if [ "$1" != --test ] || { [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$key" ]; }; then return; fi
    echo "install: $(grep -c '^[a-z].*==' tools/requirements_test.lock) packages for tests"
    .venv/bin/python -m pip --disable-pip-version-check --quiet install --no-deps -r tools/requirements_test.lock
    echo "$key" >"$stamp"
}

torch="torch==2.13.0"
stamp=.venv/.installed
key=$(cat tools/requirements.lock tools/install.sh tools/check_install.py setup.py | sha256sum | cut -d' ' -f1)-$PWD
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$key" ]; then
    install_test_extras "${1:-}"
    echo "install: .venv is up to date"
    exit 0
fi

python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    { echo "install: Python 3.11 or newer is needed; $python is $("$python" -V 2>&1). Set PYTHON=…" >&2 && exit 1; }
"$python" -c 'import venv, ensurepip' 2>/dev/null ||
    { echo "install: $python has no venv module; on Debian: apt-get install python3-venv" >&2 && exit 1; }

# An environment of another interpreter, or one that was moved, cannot be mended: make it anew.
if [ -d .venv ] && ! .venv/bin/python -c "import sys; sys.exit(sys.prefix != '$PWD/.venv')" 2>/dev/null; then rm -rf .venv; fi
[ -x .venv/bin/python ] || "$python" -m venv .venv
pip=(.venv/bin/python -m pip --disable-pip-version-check --quiet)

if ! .venv/bin/python -c 'import torch' 2>/dev/null; then
    echo "install: $torch"
    "${pip[@]}" install ${TORCH_INDEX_URL:+--index-url "$TORCH_INDEX_URL"} "$torch"
fi
echo "install: $(grep -c == tools/requirements.lock) pinned packages"
"${pip[@]}" install --no-deps -r tools/requirements.lock

# torchaudio's compiled part wants the CUDA libraries that a CPU build of torch lacks; without it the package runs as
# plain Python, which is all that is used here.
if ! .venv/bin/python -c 'import torchaudio' 2>/dev/null; then
    rm -f .venv/lib/python3*/site-packages/torchaudio/lib/*.so
fi
"${pip[@]}" install --no-deps --no-build-isolation --editable .
.venv/bin/python tools/check_install.py
echo "$key" >"$stamp"
install_test_extras "${1:-}"
