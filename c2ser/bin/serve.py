"""Serve a trained system over HTTP (needs the extra `serve`): a file or OpenAI's chat with sound in, the emotion out.

POST /v1/emotion (a form with `file`), POST /v1/chat/completions (input_audio), GET /v1/models, /health, /metrics. Requests
that come together are answered together. SIGTERM or Ctrl-C: those at work are finished, no new ones taken. There are no
accounts: --host other than this machine belongs behind a proxy that asks who comes.
"""

import argparse
import logging
import signal
from pathlib import Path

from c2ser.bin.common import limit_caches
from c2ser.errors import InputError
from c2ser.inference.decoding import DTYPES

GRACE = 60
"""Seconds in which what is at work may finish after a signal to end."""


def get_parser():
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="Folder with model.yaml: exp/<tag>, or a packed one")
    parser.add_argument("--host", default="127.0.0.1", help="Address to serve on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8000, help="Port to serve on (default: %(default)s)")
    parser.add_argument("--max_batch", type=int, default=8, help="Recordings answered together (default: %(default)s)")
    parser.add_argument("--max_wait", type=float, default=20.0,
                        help="Milliseconds that one waits for others (default: %(default)s)")  # fmt: skip
    parser.add_argument("--max_queue", type=int, default=64, help="Requests at work; more get 429 (default: %(default)s)")
    parser.add_argument("--max_mb", type=float, default=25.0, help="MiB of a request; more gets 413 (default: %(default)s)")
    parser.add_argument("--max_seconds", type=float, default=60.0, help="Of a recording; more gets 413 (default: %(default)s)")
    parser.add_argument("--dtype", default="float32", choices=DTYPES, help="Precision of the language model")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    return parser


def main(argv=None):
    """Load, serve, until told to end."""
    args = get_parser().parse_args(argv)
    if not 0 < args.port < 65536 or min(args.max_batch, args.max_queue) < 1 or min(args.max_mb, args.max_seconds) <= 0 or args.max_wait < 0:
        raise InputError("--port is a number from 1 to 65535, --max_batch and --max_queue from 1, the other limits above 0")
    limit_caches()
    try:
        import uvicorn

        from c2ser.serving.app import Limits, build_app
    except ImportError as error:
        raise InputError(f"the service needs more packages ({error}): pip install fastapi uvicorn python-multipart prometheus-client") from None
    from c2ser.inference.predictor import Decoding, Predictor

    predictor = Predictor(args.model, args.device, Decoding(batch_size=args.max_batch, dtype=args.dtype))
    for mode in filter(predictor.by_speaker, predictor.bundle.modes):
        logging.warning("%s is normalised by speaker (%s): training speakers' means stand for every one's", args.model, mode)
    limits = Limits(round(args.max_mb * 2**20), args.max_seconds, args.max_queue, args.max_batch, args.max_wait / 1000)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)  # uvicorn, which ends by them, hands them on afterwards
    uvicorn.run(build_app(predictor, limits), host=args.host, port=args.port, log_level="info", access_log=False,
                timeout_graceful_shutdown=GRACE)  # fmt: skip
