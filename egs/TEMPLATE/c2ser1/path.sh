# Environment of every recipe; sourced from the recipe's folder.
C2SER_ROOT=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../../.." && pwd)
[ -d "$C2SER_ROOT/.venv" ] && . "$C2SER_ROOT/.venv/bin/activate"
export PATH=$PWD/utils:$PATH
export PYTHONPATH=$C2SER_ROOT${PYTHONPATH:+:$PYTHONPATH}
export LC_ALL=C PYTHONIOENCODING=UTF-8 PYTHONUTF8=1
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-$(nproc)}
export HF_HUB_OFFLINE=1 TOKENIZERS_PARALLELISM=false
