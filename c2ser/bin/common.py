"""What commands share: how they end on bad input, how they read true and false, options of the bootstrap."""

import argparse
import errno
import glob
import logging
import os
import sys
from pathlib import Path

from c2ser.datadir.tables import read_lines
from c2ser.errors import InputError
from c2ser.fileio import told_of
from c2ser.rows import FORMATS

REMEDIES = {
    errno.ENOSPC: "make room, then run the same command again",
    errno.EDQUOT: "make room within your quota, then run the same command again",
    errno.EROFS: "write elsewhere, or mount it for writing",
    errno.EACCES: "your user may not; change its permissions, or name another place",
    errno.EPERM: "your user may not; change its permissions, or name another place",
}
"""Failures of a file system that are the user's to mend, and how."""


def run(main):
    """Run a command's `main` and exit with its status.

    What a user can mend ends in one line without a traceback and status 1: an InputError, a full disk, a folder that
    may not be written, a package that is not installed. Ctrl-C ends in one line and status 130; a reader that went away
    (`| head`), in silence.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        status = main()
        with told_of("standard output"):
            sys.stdout.flush()
    except InputError as error:
        status = _fail(str(error), 1)
    except ModuleNotFoundError as error:
        package = (error.name or "c2ser").partition(".")[0]
        if package == "c2ser":
            raise
        status = _fail(f"this needs the package {package}, which is not installed; c2ser doctor says how to get it", 1)
    except KeyboardInterrupt:
        status = _fail("interrupted", 128 + 2)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter complains as it ends
        status = 128 + 13
    except OSError as error:
        if error.errno not in REMEDIES:
            raise
        where = f"{error.filename}: " if error.filename else ""
        status = _fail(f"{where}{with_remedy(error)}", 1)
    sys.exit(status)


def with_remedy(error):
    """An OSError's words, with what to do where it is the user's to mend."""
    return f"{error.strerror}; {REMEDIES[error.errno]}" if error.errno in REMEDIES else error.strerror


def _fail(message, status):
    print(f"error: {message}", file=sys.stderr)
    return status


def limit_caches():
    """Keep memory flat: oneDNN, and torch's layer above it, each keep the code and buffers of the last 1024 shapes,
    which comes to more than a gigabyte where every batch has another length. Both read this at their first use."""
    for name in ("LRU_CACHE_CAPACITY", "ONEDNN_PRIMITIVE_CACHE_CAPACITY"):
        os.environ.setdefault(name, "128")


def add_audio(parser):
    """Add the sound files that a command labels: by name, or --files; and how it writes its answers."""
    parser.add_argument(
        "audio", nargs="*",
        help="Files of any rate: wav, flac, ogg and what else libsndfile or FFmpeg reads; a folder: all below it that"
        " are called so; a pattern in quotation marks, such as 'talks/**/*.wav'",
    )  # fmt: skip
    parser.add_argument("--files", help="A text file of their names instead, one a line; it may hold any number")
    parser.add_argument(
        "--format", default="table", choices=FORMATS,
        help="Of the answers: table; json, an object a line; csv, tsv, a column p_CLASS for each class (default: %(default)s)",
    )  # fmt: skip


def audio_files(args):
    """The files of those options, of folders and patterns in order. Raises InputError unless exactly one of the two is
    given, and where one of them names no file."""
    if bool(args.audio) == bool(args.files):
        raise InputError("name the files to label, or a list of them with --files, and not both")
    files = [path for name in args.audio for path in _expand(name)]
    files = files or [line for _, line in read_lines(args.files) if line.strip()]
    if not files:
        raise InputError(f"--files {args.files}: the list is empty")
    return files


def _expand(name):
    """The files that an argument stands for. What is there is no pattern, whatever its name."""
    if os.path.isdir(name):
        from c2ser.corpora.files import AUDIO_SUFFIXES, walk_audio

        found, kind = [path for path, *_ in walk_audio(name)], f"no file that ends in {' '.join(AUDIO_SUFFIXES)} in it"
    elif glob.has_magic(name) and not os.path.exists(name):
        found, kind = sorted(path for path in glob.glob(name, recursive=True) if os.path.isfile(path)), "fits no file"
    else:
        return [name]
    if not found:
        raise InputError(f"{name}: {kind}; name the files, or list them with --files")
    logging.info("%s: %d files", name, len(found))
    return found


def str_to_bool(value):
    """Read "true" or "false", as the shell options of a recipe do. Anything else is an argparse error."""
    if value not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"{value!r}: expected true or false")
    return value == "true"


def add_bootstrap_options(parser):
    """Add --draws, --seed and --unit: how intervals and paired tests are drawn."""
    parser.add_argument("--draws", type=int, default=10000,
                        help="of the bootstrap over utterances, or of swaps of more than 20 speakers (default: %(default)s)")  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="seed of the draws (default: %(default)s)")
    parser.add_argument(
        "--unit", choices=("speaker", "utterance"), default="speaker",
        help="what counts as one observation, where speakers suffice (default: %(default)s)",
    )  # fmt: skip


def page_path(args, suffix=".md"):
    """--out as a path. Raises InputError where it does not end in `suffix`, or --draws is less than 1."""
    out = Path(args.out)
    if out.suffix != suffix:
        raise InputError(f"--out {out}: must end in {suffix}")
    if args.draws < 1:
        raise InputError(f"--draws {args.draws}: at least 1 is needed")
    return out
