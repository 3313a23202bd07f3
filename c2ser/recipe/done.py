"""Stage markers: a stage is up to date when its marker holds the key of what would go into it now.

    key=$(python3 -m c2ser.recipe.done key --file conf/train.yaml --glob 'data/train/*' --value nj=8 --done data/train)
    python3 -m c2ser.recipe.done check exp/a "$key" || { …; python3 -m c2ser.recipe.done mark exp/a "$key"; }

utils/stage.sh wraps this for recipes. A marker is a file `.done…`; where another path is given, `.done` inside it is
meant. It holds the key and, as comments, every input with a short hash, from which a later run tells what has changed.
While a stage runs, the same content stands in `<marker>.begun`, so that an interrupted stage is told from one that must
start anew.
"""

import argparse
import glob
import hashlib
import os
import shutil
from pathlib import Path
from typing import NamedTuple

from c2ser.bin.common import run
from c2ser.errors import InputError
from c2ser.fileio import atomic_write, sha256


class Input(NamedTuple):
    """Something that goes into a stage. kind: file, done or value; name: path or name of the value; digest: SHA-256."""

    kind: str
    name: str
    digest: str


def marker_path(name):
    """`exp/a` → exp/a/.done; `exp/a/.done.train` stays as it is."""
    path = Path(name)
    return path if path.name.startswith(".done") else path / ".done"


def collect(files=(), globs=(), values=(), markers=()):
    """What goes into a stage, as a sorted list of Input: the order in which it is named does not count.

    files: paths; globs: patterns (`**` for all levels), of whose matches the files count; values: strings, of which
    `name=value` is reported by its name; markers: other stages, by their key. Paths count relative to the current
    directory. Raises InputError for a file or marker that is not there and a pattern without a file.
    """
    found = {_file(path) for path in files}
    for pattern in globs:
        matches = [path for path in glob.glob(pattern, recursive=True) if os.path.isfile(path)]
        if not matches:
            raise InputError(f"{pattern}: no file matches; run the stage that writes it first")
        found.update(map(_file, matches))
    for value in values:
        name = " ".join(value.partition("=")[0].split())
        found.add(Input("value", name, hashlib.sha256(value.encode("utf-8", "surrogateescape")).hexdigest()))
    for name in markers:
        marker = marker_path(name)
        if not marker.is_file():
            raise InputError(f"{marker}: no such marker; run the stage that writes it first")
        found.add(Input("done", os.path.relpath(marker), read_key(marker)))
    return sorted(found)


def key_of(inputs):
    """The key of a stage: a SHA-256 over the kinds, names and contents that `collect` found."""
    lines = "".join(f"{kind} {digest} {name}\n" for kind, name, digest in inputs)
    return hashlib.sha256(lines.encode("utf-8", "surrogateescape")).hexdigest()


def read_key(marker):
    """The key that a marker holds, or "" where there is none."""
    try:
        return Path(marker).read_text(encoding="utf-8").partition("\n")[0].strip()
    except FileNotFoundError:
        return ""


def begin(name, inputs, force=False, clean=()):
    """Decide whether a stage must run. Returns (verdict, explanation) with one of these verdicts:

    skip: up to date; run: never done; resume: it was interrupted with the same inputs; redo: its inputs have changed
    since, or `force`. For run and redo the paths in `clean` are removed, so that a training never resumes from
    checkpoints of another configuration. Unless the verdict is skip, the marker is removed, too, and `<marker>.begun`
    is written, which the end of the stage renames to the marker.
    """
    marker, key = marker_path(name), key_of(inputs)
    begun = begun_path(marker)
    for path in clean:
        if Path.cwd().is_relative_to(Path(path).resolve()):
            raise InputError(f"--clean {path}: this holds the current directory; name what the stage makes")
    if not force and read_key(marker) == key:
        return "skip", "up to date"
    earlier = marker if marker.is_file() else begun
    if not earlier.is_file():
        verdict, why = "run", "not done yet"
    elif force:
        verdict, why = "redo", "forced"
    elif read_key(earlier) == key:
        verdict, why = "resume", "it was interrupted, its inputs are the same"
    else:
        verdict, why = "redo", _difference(_read_inputs(earlier), inputs)
    marker.unlink(missing_ok=True)
    if verdict != "resume":
        begun.unlink(missing_ok=True)  # before the cleaning: cut off in it, the stage must not seem resumable
        for path in clean:
            _remove(path)
    write(begun, key, inputs)
    return verdict, why


def begun_path(marker):
    """The file that stands in a marker's place while its stage runs."""
    return marker.with_name(marker.name + ".begun")


def write(path, key, inputs=()):
    """Write a key and, as comments, what went into it."""
    with atomic_write(path) as stream:
        stream.write(f"{key}\n")
        for kind, name, digest in inputs:
            stream.write(f"# {kind} {digest[:12]} {name}\n")


def _file(path):
    if os.path.isdir(path):
        raise InputError(f"{path}: a directory; name its files with --glob '{path}/*'")
    return Input("file", os.path.relpath(path), sha256(path))


def _remove(path):
    """Remove a file or a directory with all it holds, if it is there."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        Path(path).unlink(missing_ok=True)


def _read_inputs(marker):
    """(kind, name) → short digest, as an earlier run left them."""
    listed = {}
    for line in Path(marker).read_text(encoding="utf-8").splitlines()[1:]:
        _, kind, digest, name = line.split(" ", 3)
        listed[kind, name] = digest
    return listed


def _difference(before, inputs):
    """In words, which inputs are other than before: "conf/train.yaml changed, nj changed, data/b/text is new"."""
    now = {(kind, name): digest[:12] for kind, name, digest in inputs}
    words = [f"{name} changed" for (kind, name), digest in now.items() if before.get((kind, name), digest) != digest]
    words += [f"{name} is new" for kind, name in now if (kind, name) not in before]
    words += [f"{name} is gone" for kind, name in before if (kind, name) not in now]
    if not before:
        return "its inputs changed"
    return ", ".join(words[:4]) + (f" and {len(words) - 4} more" if len(words) > 4 else "")


def get_parser():
    parser = argparse.ArgumentParser(prog="python3 -m c2ser.recipe.done", description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    inputs = argparse.ArgumentParser(add_help=False)
    inputs.add_argument("--file", action="append", default=[], metavar="PATH", help="a file whose content counts")
    inputs.add_argument("--glob", action="append", default=[], metavar="PATTERN", help="files, by a quoted pattern")
    inputs.add_argument("--value", action="append", default=[], metavar="NAME=VALUE", help="an option that counts")
    inputs.add_argument("--done", action="append", default=[], metavar="MARKER", help="another stage, by its marker")
    commands.add_parser("key", parents=[inputs], help="print the key of these inputs")
    stage = commands.add_parser("begin", parents=[inputs], help="decide whether a stage must run, and say why")
    stage.add_argument(
        "--clean", action="append", default=[], metavar="PATH", help="what the stage makes: removed unless resumed"
    )
    stage.add_argument("--force", action="store_true", help="run it in any case")
    stage.add_argument("marker", help="the marker of the stage, or the directory that holds it")
    for name, text in (("check", "exit with 0 if the marker holds the key"), ("mark", "write the key to the marker")):
        command = commands.add_parser(name, help=text)
        command.add_argument("marker")
        command.add_argument("key")
    return parser


def main(argv=None):
    args = get_parser().parse_args(argv)
    if args.command == "check":
        return 0 if read_key(marker_path(args.marker)) == args.key else 1
    if args.command == "mark":
        write(marker_path(args.marker), args.key)
        begun_path(marker_path(args.marker)).unlink(missing_ok=True)
        return 0
    inputs = collect(args.file, args.glob, args.value, args.done)
    if args.command == "key":
        print(key_of(inputs))
    else:
        verdict, why = begin(args.marker, inputs, args.force, args.clean)
        print(f"[{verdict}] {args.marker}: {why}")
    return 0


if __name__ == "__main__":
    run(main)
