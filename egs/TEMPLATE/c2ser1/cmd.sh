# How jobs are run: `local` on this machine, `slurm` through sbatch with conf/slurm.conf.
cmd_backend=${cmd_backend:-local}

case "$cmd_backend" in
local)
    export train_cmd="run.py" cuda_cmd="run.py" decode_cmd="run.py"
    ;;
slurm)
    # ESPnet's launcher knows Slurm by the name slurm.pl, a link to slurm.py
    export train_cmd="slurm.py" cuda_cmd="slurm.pl" decode_cmd="slurm.py"
    ;;
*)
    echo "cmd.sh: unknown cmd_backend '$cmd_backend'; known are local, slurm" >&2
    exit 1
    ;;
esac
