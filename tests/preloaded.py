"""`python3 -m c2ser …` of recipes without the seconds that torch, ESPnet and transformers take to import.

A server has imported them and forks for every command; `utils/python3` of a recipe's folder, which stands first in its PATH,
asks it to. What a command does is the same code in a process of its own, with its own arguments, folder, environment and
streams; the environment that modules read while they are imported is the server's. For runs that are not about how
processes start or are killed.
"""

import json
import os
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
IMPORTED = (
    "espnet2.bin.launch", "c2ser.tasks.c2ser", "c2ser.tasks.emotion2vec_s", "c2ser.tasks.emotion_classifier", "transformers.models.llama",
    "c2ser.inference.predictor", "c2ser.inference.extraction", "c2ser.evaluation.environment", "sklearn.linear_model", "matplotlib.pyplot",
)  # fmt: skip
CLIENT = """\
#!/usr/bin/python3 -IS
import json, os, signal, socket, sys
words, address, real = sys.argv[1:], {address!r}, {real!r}
if words[:1] != ["-m"] or not words[1].startswith("c2ser"):
    os.execv(real, [real, *words])
with socket.socket(socket.AF_UNIX) as asked:
    asked.connect(address)
    wish = json.dumps([words, os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(asked, [len(wish).to_bytes(8, "big")], [0, 1, 2])
    asked.sendall(wish)
    answer = asked.makefile()
    process = int(answer.readline())
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        signal.signal(number, lambda number, frame: os.kill(process, number))
    status = answer.readline()
sys.exit(int(status) if status else 1)
"""


@contextmanager
def preloaded():
    """Start a server; gives a function that puts its client into the `utils` of a recipe's folder."""
    with tempfile.TemporaryDirectory() as folder:
        address = os.path.join(folder, "socket")
        command = [sys.executable, "-m", "tests.preloaded", address]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as server:
            try:
                assert any(line == b"ready\n" for line in server.stdout)  # imports print, too

                def use(recipe):
                    utils = Path(recipe, "utils")
                    place = utils.resolve()
                    utils.unlink()  # the link that setup.sh makes
                    utils.mkdir()
                    for path in place.iterdir():
                        (utils / path.name).symlink_to(path)
                    client = utils / "python3"
                    client.write_text(CLIENT.format(address=address, real=sys.executable), encoding="utf-8")
                    client.chmod(0o755)

                yield use
            finally:
                server.kill()


def leave(recipe):
    """Give a recipe's folder its link to utils back."""
    shutil.rmtree(Path(recipe, "utils"))  # a folder of links, which are not followed
    Path(recipe, "utils").symlink_to(ROOT / "utils")


def serve(address):
    """Fork for everyone who asks, until killed."""
    for name in IMPORTED:
        __import__(name)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen()
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who answer
        print("ready", flush=True)
        while True:
            asking, _ = listening.accept()
            if not os.fork():
                listening.close()
                os._exit(answer(asking))
            asking.close()


def answer(asking):
    """Start what is asked for, tell its process, wait for it and tell its status."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    size, streams, _, _ = socket.recv_fds(asking, 8, 3)
    wish = asking.recv(int.from_bytes(size, "big"), socket.MSG_WAITALL)
    process = os.fork()
    if not process:
        asking.close()
        work(*json.loads(wish), streams)
    asking.sendall(f"{process}\n".encode())
    asking.sendall(f"{os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) % 256}\n".encode())
    return 0


def work(words, folder, environment, streams):
    """Be the process of `python3 -m MODULE …`; does not return."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    import torch

    torch.set_num_threads(int(environment.get("OMP_NUM_THREADS", 1)))
    sys.argv = words[1:]
    status = 1
    try:
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
        status = 0
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
        if isinstance(ended.code, str):
            print(ended.code, file=sys.stderr)
    except BaseException:  # as the interpreter would
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    serve(sys.argv[1])
