"""Stage markers: a stage is up to date when its marker holds the key of what would go into it now.

    python3 -m c2ser.recipe.done begin exp/a --file conf/train.yaml --value nj=8 --done data/train --out exp/a/model.pth
    python3 -m c2ser.recipe.done end exp/a

utils/stage.sh wraps this for recipes. A marker is a file `.done…`; where another path is given, `.done` inside it is
meant. It holds the key and, as comments, every input with a short hash, from which a later run tells what has changed,
and what the stage has made, with sizes, which later stages look for. While a stage runs, `<marker>.begun` stands in
its place, so that an interrupted stage is told from one that must start anew.
"""

import argparse
import glob
import os
from contextlib import nullcontext
from pathlib import Path

from c2ser.bin.common import run
from c2ser.errors import InputError
from c2ser.fileio import atomic_write, remove
from c2ser.recipe import lock
from c2ser.recipe.inputs import collect, key_of, marker_path, read_key

INPUTS = ("file", "tree", "done", "value")
"""Kinds of a marker's comments that tell what went in. The others: stage (its number), owner (who is at it), out (a
pattern of what it makes), old (what is removed when that is there) and made (a size, or - for a folder)."""

CLEANING = "cleaning"
"""Stands for the key in `<marker>.begun` until what is in the way has made room."""

LOCKS = {"lock": lock.take, "keep": lock.keep, "unlock": lock.give_back}
"""Commands about an experiment's lock."""


def begin(name, inputs, force=False, clean=(), out=(), needs=(), stage=None, run_dir=None, pid=None):
    """Decide whether a stage must run. Returns (verdict, explanation) with one of these verdicts:

    skip: up to date; run: never done; resume: it was interrupted with the same inputs; redo: its inputs have changed
    since, what it made is gone, or `force`. For run and redo the paths in `clean` make room, so that a training never
    resumes from checkpoints of another configuration: files are removed, folders are set aside until `end`. Unless the
    verdict is skip, the marker is removed, too, and `<marker>.begun` is written, which `end` turns into the marker.

    out: patterns of what the stage makes. needs: markers of the stages that it builds upon; stage: its number in the
    recipe; run_dir: folder of the experiment that is at work, pid: the process that holds its lock. Raises InputError
    where something that `needs` have made is gone, where another run is at the same stage or would read what this one
    replaces, or where the lock is that process' no more.
    """
    marker, key = marker_path(name), key_of(inputs)
    for path in clean:
        if Path.cwd().is_relative_to(Path(path).resolve()):
            raise InputError(f"--clean {path}: this holds the current directory; name what the stage makes")
    with lock.guarded(run_dir) if run_dir else nullcontext():
        if pid:
            lock.check(run_dir, pid)
        verdict, why = _verdict(marker, key, inputs, force)
        if verdict == "skip":
            _remove_old(marker)
            return verdict, why
        for need in map(marker_path, needs):
            lost = lost_output(need)
            if lost:
                number = _note(need, "stage")
                stage_of_it = f"./run.sh --stage {number} --stop_stage {number}" if number else "the stage that makes it"
                raise InputError(f"{lost}: run {stage_of_it}, then this again")
        if run_dir:
            _refuse_conflict(marker, verdict, why, run_dir)
        begun = begun_path(marker)
        half_made = read_key(begun) not in ("", CLEANING) and not marker.is_file()
        old = {path for kind, _, path in read_notes(begun) + read_notes(marker) if kind == "old"}
        old = [("old", "-", path) for path in sorted(old | {str(aside(path)) for path in clean})]
        if verdict != "resume":
            write(begun, CLEANING, notes=old)  # cut off in it, the stage must not seem resumable
        marker.unlink(missing_ok=True)
        if verdict != "resume":
            for path in clean:
                if half_made or not os.path.isdir(path) or aside(path).exists():
                    remove(path)
                else:
                    Path(path).rename(aside(path))
        notes = [("stage", stage, "-")] if stage else []
        notes += [("owner", lock.read(run_dir), "-")] if run_dir else []
        notes += [("out", "-", pattern) for pattern in out]
        write(begun, key, inputs, notes + [note for note in old if os.path.exists(note[2])])
    return verdict, why


def end(name):
    """Turn `<marker>.begun` into the marker, with a list of what has been made, and remove what was set aside.

    Raises InputError where the stage has not begun, or has not made what it should.
    """
    marker = marker_path(name)
    begun = begun_path(marker)
    if not begun.is_file():
        raise InputError(f"{begun}: no such file; this stage has not begun")
    kept, made = [], []
    for kind, what, path in read_notes(begun):
        if kind == "out":
            matches = sorted(glob.glob(path, recursive=True))
            if not matches:
                raise InputError(f"{path}: the stage has ended without making it")
            made += [("made", "-" if os.path.isdir(match) else os.path.getsize(match), match) for match in matches]
        elif kind != "owner":
            kept.append((kind, what, path))
    write(begun, read_key(begun), notes=kept + made)
    os.replace(begun, marker)
    _remove_old(marker)


def _remove_old(marker):
    """Remove what a finished stage has replaced. A run that is killed meanwhile leaves it to the next one."""
    for kind, _, path in read_notes(marker):
        if kind == "old":
            remove(path)


def _verdict(marker, key, inputs, force):
    begun = begun_path(marker)
    if not force and read_key(marker) == key:
        lost = lost_output(marker)
        return ("redo", lost) if lost else ("skip", "up to date")
    earlier = marker if marker.is_file() else begun
    if not earlier.is_file():
        return "run", "not done yet"
    if force:
        return "redo", "forced"
    if read_key(earlier) == key:
        return "resume", "it was interrupted, its inputs are the same"
    return "redo", _difference(_read_inputs(earlier), inputs)


def lost_output(marker):
    """The first of a finished stage's files that is gone or has another size, in words; "" where all are there."""
    for kind, size, path in read_notes(marker):
        if kind != "made":
            continue
        if not os.path.exists(path):
            return f"{path} is gone"
        if size != "-" and os.path.getsize(path) != int(size):
            return f"{path} has {os.path.getsize(path)} bytes, but was made with {size}"
    return ""


def _refuse_conflict(marker, verdict, why, run_dir):
    """Raise InputError where a stage outside the run's own folder belongs to another run just now."""
    if marker.resolve().is_relative_to(Path(run_dir).resolve()):
        return
    mine, begun = lock.read(run_dir), begun_path(marker)
    owner = lock.Owner.parse(_note(begun, "owner")) if begun.is_file() else None
    if owner and owner != mine and owner in dict(lock.others(run_dir)).values():
        raise InputError(f"{marker}: process {owner.pid} of {owner.host} is at this stage; wait for its end")
    other = next(lock.others(run_dir), None) if verdict == "redo" else None
    if other:
        who = f"{other[0]} reads it: {lock.describe(*other)}"
        raise InputError(f"{marker} must be done again ({why}), but {who}; wait for its end")


def begun_path(marker):
    """The file that stands in a marker's place while its stage runs."""
    return marker.with_name(marker.name + ".begun")


def write(path, key, inputs=(), notes=()):
    """Write a key and, as comments, what went into it and other notes (kind, word, path)."""
    with atomic_write(path) as stream:
        stream.write(f"{key}\n")
        for kind, digest, name in [*((kind, digest[:12], name) for kind, name, digest in inputs), *notes]:
            stream.write(f"# {kind} {str(digest).replace(' ', '|')} {name}\n")


def read_notes(marker):
    """The comments of a marker, as (kind, word, path); none where there is no marker."""
    try:
        lines = Path(marker).read_text(encoding="utf-8").splitlines()[1:]
    except FileNotFoundError:
        return []
    return [tuple(line.split(" ", 3)[1:]) for line in lines]


def _note(marker, wanted):
    """The word of the first comment of one kind, or ""."""
    return next((word.replace("|", " ") for kind, word, _ in read_notes(marker) if kind == wanted), "")


def aside(path):
    """Where a finished folder waits until its successor is there: exp/a → exp/.a.old."""
    path = Path(path)
    return path.with_name(f".{path.name}.old")


def _read_inputs(marker):
    """(kind, name) → (short digest, path), as an earlier run left them. A file goes by its base name."""
    return {_named(kind, path): (word, path) for kind, word, path in read_notes(marker) if kind in INPUTS}


def _named(kind, path):
    return kind, os.path.basename(path) if kind == "file" else path


def _difference(before, inputs):
    """In words, which inputs are other than before: "conf/train.yaml changed, nj changed, data/b/text is new"."""
    now = {_named(kind, name): (digest[:12], name) for kind, name, digest in inputs}
    words = [
        f"{'files of ' * (which[0] == 'tree')}{name} changed"
        for which, (digest, name) in now.items()
        if before.get(which, (digest,))[0] != digest
    ]
    words += [f"{name} is new" for which, (_, name) in now.items() if which not in before]
    words += [f"{name} is gone" for which, (_, name) in before.items() if which not in now]
    if not before or not words:
        return "its inputs changed"
    return ", ".join(words[:4]) + (f" and {len(words) - 4} more" if len(words) > 4 else "")


def get_parser():
    """The options of the commands."""
    parser = argparse.ArgumentParser(prog="python3 -m c2ser.recipe.done", description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    stage = commands.add_parser("begin", help="decide whether a stage must run, and say why")
    repeated = (
        ("--file", "PATH", "a file whose content counts"), ("--glob", "PATTERN", "files, by a quoted pattern"),
        ("--tree", "FOLDER", "a folder whose files count by name, size and time"),
        ("--value", "NAME=VALUE", "an option that counts"), ("--done", "MARKER", "another stage, by its marker"),
        ("--clean", "PATH", "what must be out of the way unless the stage is resumed"),
        ("--out", "PATTERN", "what the stage makes and later ones look for"),
    )  # fmt: skip
    for name, metavar, text in repeated:
        stage.add_argument(name, action="append", default=[], metavar=metavar, help=text)
    stage.add_argument("--force", action="store_true", help="run it in any case")
    stage.add_argument("--stage", help="its number in the recipe, for messages")
    stage.add_argument("--run", metavar="FOLDER", help="the experiment at work, which holds its lock")
    stage.add_argument("marker", help="the marker of the stage, or the directory that holds it")
    commands.add_parser("end", help="the stage is done").add_argument("marker")
    stage.add_argument("--pid", type=int, help="the process that holds it")
    for name, function in LOCKS.items():
        locking = commands.add_parser(name, help=function.__doc__.partition("\n")[0])
        locking.add_argument("folder")
        locking.add_argument("pid", type=int)
    return parser


def main(argv=None):
    """Run one command; see the module."""
    args = get_parser().parse_args(argv)
    if args.command in LOCKS:
        LOCKS[args.command](args.folder, args.pid)
    elif args.command == "end":
        end(args.marker)
    else:
        inputs = collect(args.file, args.glob, args.value, args.done, args.tree)
        verdict, why = begin(args.marker, inputs, args.force, args.clean, args.out, args.done, args.stage, args.run, args.pid)
        print(f"[{verdict}] {args.marker}: {why}")
    return 0


if __name__ == "__main__":
    run(main)
