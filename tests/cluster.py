"""A real Slurm for tests, of this machine alone: Debian's daemons (`apt-get install slurm-wlm munge`), for any user.

Two nodes, both of them this machine, with two cores each and two GPUs that are none. All that it writes lies in a temporary
folder, its ports are free ones, and nothing of it outlives the block.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol", "sinfo", "srun", "setpriv")
NODES = ("one", "two")
PATIENCE = 180
"""Seconds that anything may take on a busy machine."""
# GPUs must be character devices. TaskPlugin and ProctrackType do without cgroups, MpiDefault without PMIx.
CONFIG = """\
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.log
SlurmdParameters=config_overrides
MailProg=/bin/true
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SchedulerType=sched/builtin
SchedulerParameters=batch_sched_delay=0
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
JobRequeue=0
KillWait=10
GresTypes=gpu
PartitionName=all Nodes=ALL Default=YES State=UP
"""
NODE = "NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=2 RealMemory=4000 Gres=gpu:2\n"
GPUS = "Name=gpu File=/dev/null\nName=gpu File=/dev/zero\n"


@contextmanager
def cluster():
    """A Cluster, up and idle, for the block. Skips the test, with the reason, where Slurm is absent or does not start."""
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    if absent:
        pytest.skip(f"no Slurm here ({', '.join(absent)}): apt-get install slurm-wlm munge")
    for _ in range(3):  # a port that was free may be taken meanwhile
        with tempfile.TemporaryDirectory(prefix="slurm-", ignore_cleanup_errors=True) as folder:
            started = Cluster(Path(folder))
            try:
                why = started.start()
                if why is None:
                    yield started
                    return
            finally:
                started.stop()
    pytest.skip(f"Slurm does not start here: {why}")


class Cluster:
    """What tests do with it. environment: in which its programs, and ours that use them, are to be run."""

    def __init__(self, folder):
        self.folder, self.daemons = folder, {}
        self.marker = f"SLURM_CONF={folder}/slurm.conf"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM_", "SBATCH_"))}
        self.environment = {**kept, "SLURM_CONF": f"{folder}/slurm.conf"}

    def start(self):
        """Start it and wait until its nodes are idle. Returns None, or why they are not."""
        self.folder.chmod(0o755)  # munged wants its socket to be reached
        ports = free_ports(1 + len(NODES))
        known = {"folder": self.folder, "user": os.getuid(), "host": socket.gethostname().partition(".")[0]}
        nodes = [NODE.format(node=node, port=port, **known) for node, port in zip(NODES, ports[1:])]
        (self.folder / "slurm.conf").write_text(CONFIG.format(port=ports[0], **known) + "".join(nodes))
        (self.folder / "gres.conf").write_text(GPUS)
        (self.folder / "munge.key").write_bytes(os.urandom(1024))
        (self.folder / "munge.key").chmod(0o400)
        files = ("key-file=munge.key", "socket=munge.socket", "pid-file=munge.pid", "seed-file=munge.seed")
        files = [f"--{name}={self.folder}/{file}" for name, file in (each.split("=") for each in files)]
        self._start("munged", "--foreground", *files)
        if not self.comes((self.folder / "munge.socket").exists):
            return self._complaint()
        self._start("slurmctld", "-D")
        for node in NODES:
            self._start("slurmd", "-D", "-N", node)
        idle = self.comes(lambda: self.run("sinfo", "-h", "-N", "-o", "%T").stdout.split() == ["idle"] * len(NODES))
        return None if idle else self._complaint()

    def _start(self, program, *options):
        name = f"{program}.{len(self.daemons)}"
        # If this process is killed, so are they
        with open(self.folder / f"{name}.out", "wb") as stream:
            self.daemons[name] = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", program, *options], env=self.environment, cwd=self.folder,
                stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, start_new_session=True,
            )  # fmt: skip

    def _complaint(self):
        """The last lines of the daemons that have ended, or of all."""
        dead = [name for name, daemon in self.daemons.items() if daemon.poll() is not None] or self.daemons
        said = [(self.folder / f"{name}.out").read_text(errors="replace").splitlines()[-1:] for name in dead]
        return "; ".join(line for lines in said for line in lines) or f"{', '.join(dead)}: no answer"

    def stop(self):
        """End every process that was started in its environment, the daemons and all jobs with their programs."""
        for _ in range(20):  # what has been started meanwhile, too
            found = self._processes()
            for process in found:
                try:
                    os.kill(process, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            for daemon in self.daemons.values():
                daemon.wait()
            if not found:
                return
            time.sleep(0.1)
        raise RuntimeError(f"processes of {self.marker} do not end: {found}")

    def _processes(self):
        """Process → its command line, of all that were started in its environment."""
        found = {}
        for path in Path("/proc").glob("[0-9]*"):
            try:
                if self.marker.encode() in (path / "environ").read_bytes().split(b"\0"):
                    found[int(path.name)] = (path / "cmdline").read_text(errors="replace")
            except OSError:
                continue  # it has ended meanwhile, or is another user's
        return found

    def comes(self, condition):
        """Wait until condition() is true and return it; after PATIENCE, or when a daemon has died, what it is then."""
        end = time.monotonic() + PATIENCE
        while not (found := condition()) and time.monotonic() < end:
            if any(daemon.poll() is not None for daemon in self.daemons.values()):
                break
            time.sleep(0.05)
        return found

    def run(self, *command, **options):
        """The finished process of a program, with its output as text."""
        options = {"env": self.environment, "capture_output": True, "text": True, "timeout": PATIENCE, **options}
        return subprocess.run([str(word) for word in command], **options)

    def jobs(self, *states):
        """The numbers of the jobs, or of their arrays, in one of these states (of its -t, squeue takes some for another)."""
        listed = self.run("squeue", "-h", "-r", "-t", "all", "-o", "%F %T").stdout.split()
        return [job for job, state in zip(listed[::2], listed[1::2]) if state in states]

    def requeue(self, job):
        """Take a running job from its node and let it start again soon, not in two minutes, which is Slurm's rule."""
        assert self.run("scontrol", "requeue", job).returncode == 0
        assert self.comes(lambda: job in self.jobs("PENDING"))
        time.sleep(2)  # slurmd refuses a job that starts in the second in which it was ended
        assert self.run("scontrol", "update", f"JobId={job}", "StartTime=now").returncode == 0


def free_ports(count):
    """Ports of this machine that nobody listens at just now."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
