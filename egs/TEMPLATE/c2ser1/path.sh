# Environment of every recipe; sourced from the recipe's folder.
C2SER_ROOT=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../../.." && pwd)
[ -d "$C2SER_ROOT/.venv" ] && . "$C2SER_ROOT/.venv/bin/activate"
export PATH=$PWD/utils:$PATH
export PYTHONPATH=$C2SER_ROOT${PYTHONPATH:+:$PYTHONPATH}
export LC_ALL=C PYTHONIOENCODING=UTF-8 PYTHONUTF8=1
# Threads: those of all jobs at once (utils/run.py divides them). They sleep while they wait: spinning costs more than
# it gains as soon as anybody else uses the machine.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-$(nproc)} OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-PASSIVE}
export HF_HUB_OFFLINE=1 TOKENIZERS_PARALLELISM=false
