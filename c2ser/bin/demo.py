"""Serve a page on which a trained system labels what you record or upload (needs the extra `demo`: gradio).

Posteriors are shown as bars, pitch and loudness as curves, and a rationale while it is generated. The page is for this
machine alone unless --host says otherwise, loads nothing from elsewhere and reports to nobody.
"""

import argparse
import logging
import os
import signal
import tempfile
from pathlib import Path

from c2ser.errors import InputError
from c2ser.inference.decoding import DTYPES


def get_parser():
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="Folder with model.yaml: exp/<tag>, or a packed one")
    parser.add_argument("--host", default="127.0.0.1",
                        help="Address to serve on; 0.0.0.0 opens the page to the network, whose browsers can upload, but"
                        " record only over https (default: %(default)s)")  # fmt: skip
    parser.add_argument("--port", type=int, default=7860, help="Port to serve on (default: %(default)s)")
    parser.add_argument("--share", action="store_true",
                        help="Open the page to the internet, through a tunnel of gradio's servers")  # fmt: skip
    parser.add_argument("--max_seconds", type=float, default=60.0,
                        help="Longer recordings are refused (default: %(default)s)")  # fmt: skip
    parser.add_argument("--dtype", default="float32", choices=DTYPES, help="Precision of the language model")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    return parser


def main(argv=None):
    """Load, serve, until interrupted."""
    args = get_parser().parse_args(argv)
    if not 0 < args.port < 65536 or args.max_seconds <= 0:
        raise InputError("--port is a number from 1 to 65535, --max_seconds one above 0")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: recordings are deleted then, too
    logging.getLogger("httpx").setLevel(logging.WARNING)  # gradio's requests to its own page
    with tempfile.TemporaryDirectory(prefix="c2ser-demo-") as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder  # recordings; gone when the page ends
        from c2ser.demo.page import build_page, import_gradio, serve

        import_gradio()  # before the model, which takes longer
        from c2ser.demo.analysis import Analyst
        from c2ser.inference.predictor import Decoding, Predictor

        predictor = Predictor(args.model, args.device, Decoding(dtype=args.dtype))
        page = build_page(Analyst(predictor, args.max_seconds), f"C2SER · {predictor.bundle.name}")
        logging.info("http://%s:%d (end it with Ctrl-C)", args.host, args.port)
        serve(page, args.host, args.port, args.share)
