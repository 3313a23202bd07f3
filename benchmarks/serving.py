"""Load on `c2ser serve`: requests a second, how long an answer takes, and whether memory stays flat.

    python benchmarks/serving.py --model egs/polish/c2ser1/exp/demo
    python benchmarks/serving.py --model FOLDER --requests 1000 --clients 64 --seconds 2

A service of its own is started on this machine and asked by so many clients, each of whom sends its next request as soon as
the last is answered; sounds are noise of various lengths. Clients run beside the service and take their share of the machine.
Memory is the service's own, resident, in MB: after a tenth of the requests, and at the end.
"""

import argparse
import asyncio
import io
import socket
import subprocess
import sys
import time

import httpx
import numpy as np
import psutil
import soundfile


def get_parser():
    """The benchmark's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="folder with model.yaml")
    parser.add_argument("--requests", type=int, default=10_000, help="requests in all (default: %(default)s)")
    parser.add_argument("--clients", type=int, default=64, help="clients at once (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=2.0, help="of the longest sound; the shortest has half (default: %(default)s)")
    parser.add_argument("--max_batch", type=int, default=8, help="of the service (default: %(default)s)")
    return parser


def sounds(seconds, count=16):
    """WAV files of 16 kHz noise, from half of `seconds` to all of it."""
    source, made = np.random.default_rng(0), []
    for length in np.linspace(seconds / 2, seconds, count):
        stream = io.BytesIO()
        soundfile.write(stream, 0.1 * source.standard_normal(round(length * 16000)), 16000, format="WAV")
        made.append(stream.getvalue())
    return made


async def load(address, requests, clients, files, watch=lambda done: None):
    """Ask `requests` times; returns the seconds of each answer. watch: called with the number of answers so far. Raises
    httpx.HTTPStatusError for an answer that is none."""
    taken, numbers = [], iter(range(requests))

    async def client(asking):
        for number in numbers:
            start = time.perf_counter()
            answer = await asking.post(f"{address}/v1/emotion", files={"file": files[number % len(files)]})
            answer.raise_for_status()
            taken.append(time.perf_counter() - start)
            watch(len(taken))

    limits = httpx.Limits(max_connections=clients)
    async with httpx.AsyncClient(timeout=600, limits=limits) as asking:
        await asyncio.gather(*(client(asking) for _ in range(clients)))
    return taken


def main(argv=None):
    """Start a service, load it, print a line."""
    args = get_parser().parse_args(argv)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "c2ser", "serve", "--model", args.model, "--port", str(port),
               "--max_queue", str(args.clients), "--max_batch", str(args.max_batch)]  # fmt: skip
    address, memory = f"http://127.0.0.1:{port}", []
    with subprocess.Popen(command) as service:
        try:
            while not started(address):
                if service.poll() is not None:
                    raise SystemExit("the service did not start")
                time.sleep(0.2)
            process = psutil.Process(service.pid)

            def watch(done):
                if done in (max(args.requests // 10, 1), args.requests):
                    memory.append(process.memory_info().rss / 1e6)

            start = time.perf_counter()
            taken = asyncio.run(load(address, args.requests, args.clients, sounds(args.seconds), watch))
            elapsed = time.perf_counter() - start
        finally:
            service.terminate()
    middle, late = np.percentile(taken, [50, 99]) * 1000
    print(f"{args.requests} requests of {args.clients} clients: {args.requests / elapsed:.1f} a second, p50 {middle:.0f} ms, "
          f"p99 {late:.0f} ms; memory {memory[0]:.0f} MB after a tenth, {memory[-1]:.0f} MB at the end")  # fmt: skip


def started(address):
    """Whether the service answers."""
    try:
        return httpx.get(f"{address}/health").status_code == 200
    except httpx.ConnectError:
        return False


if __name__ == "__main__":
    main()
