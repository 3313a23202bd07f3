#!/usr/bin/env bash
# Linux 6.18 and Python 3.11.7: the peak memory of a child process, as wait4 and getrusage(RUSAGE_CHILDREN) tell it (ru_maxrss,
# what /usr/bin/time -v prints), begins with the pages that its parent holds when it starts it. /bin/true, which takes 2 MB,
# is said to have taken 200 MB where a program of 200 MB has run it, through subprocess as through fork and exec: a
# benchmark that loads its data and then measures commands measures itself. One would have guessed that exec, which gives
# the child a new memory, starts its count anew. Fails if that changes.
set -euo pipefail
python3 - <<'PY'
import os
import platform
import subprocess


def peak():
    child = subprocess.Popen(["/bin/true"])
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return used.ru_maxrss / 1024


def peak_by_fork():
    pid = os.fork()
    if not pid:
        os.execv("/bin/true", ["true"])
    return os.wait4(pid, 0)[2].ru_maxrss / 1024


small = peak()
held = bytearray(b"x") * (200 << 20)
large, forked = peak(), peak_by_fork()
print(f"{platform.system()} {platform.release()}, Python {platform.python_version()}: peak of /bin/true started by a small "
      f"program {small:.0f} MB, by one that holds {len(held) >> 20} MB {large:.0f} MB, by fork and exec {forked:.0f} MB")
assert small < 40 and large > 150 and forked > 150
PY
