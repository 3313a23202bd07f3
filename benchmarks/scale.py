"""How time and memory grow with the number of utterances, stage by stage.

    python benchmarks/scale.py --work /tmp/scale          measures, prints, and writes benchmarks/scale.tsv
    python benchmarks/scale.py --page                     docs/scale.md from that

What is simulated: a corpus of N manifest lines that point to 48 short sound files (wav and flac at four rates, 50 ms
to 4 s, noise and tones); ids, classes and words are drawn, and so is what a measured stage takes of others that are
not: prosodic measures, levels, texts, places in archives. Not simulated are the commands, which are those of the recipe, on
every line. Each command is a process of its own; its time is that of all its
processes on their processors, its peak the sum of the pages that they held at once. Stages that decode sound or run a
network take a tenth of --utterances, prosody a hundredth. The model is tiny, with random weights: what a real one takes
comes on top. Read it as: seconds per 1,000 stay the same where time is linear; bytes for each further utterance say what
memory grows by.
"""

import argparse
import os
import platform
import random
import shutil
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DATA, PAGE = ROOT / "benchmarks/scale.tsv", ROOT / "docs/scale.md"
COLUMNS = ("stage", "utterances", "hours", "seconds", "wall", "peak_mb")
CLASSES = ("neutral", "happy", "sad", "angry", "surprised", "fearful", "disgusted", "unknown")
WORDS = ("We have been waiting since noon.", "Nobody told me about it!", "Is that really yours?", "Put it on the table.")
RATES = (16000, 22050, 44100, 48000)
PER_SPEAKER = 200


def get_parser():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--utterances", type=int, nargs="+", default=[10_000, 100_000, 1_000_000], help="sizes, ascending")
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=list(STAGES), help="default: all")
    parser.add_argument("--work", type=Path, help="a new folder for what is made; removed at the end")
    parser.add_argument("--out", type=Path, default=DATA, help="table of results; what is not measured keeps its rows")
    parser.add_argument("--page", action="store_true", help="measure nothing: write docs/scale.md from --out")
    return parser


def main(argv=None):
    args = get_parser().parse_args(argv)
    if args.page:
        PAGE.write_text(page(args.out), encoding="utf-8")
        return
    if args.work is None or args.work.exists():
        sys.exit(f"error: --work {args.work}: name a folder that is not there yet")
    place, rows = Place(args.work.absolute()), []
    try:
        for name in args.stages:
            share, stage = STAGES[name]
            for number in args.utterances:
                count = max(20, number // share)
                measured = measure(stage(place, count))
                place.done.add((stage.__name__, count))
                rows.append((name, str(count), f"{place.hours(count):.4g}", *measured))
                print("{:22} {:>8} utterances {:9} h {:>9} s {:>9} s wall {:>7} MB".format(*rows[-1]), flush=True)
                keep(args.out, rows)
    finally:
        shutil.rmtree(args.work, ignore_errors=True)


class Place:
    """The folder of a measurement: sound files, and for each size what the stages take and make."""

    def __init__(self, folder):
        self.folder, self.done = folder, set()
        self.sounds = [(folder / f"audio/{number:02}", 0.05 * 80 ** (number / 47)) for number in range(48)]
        self.lengths = [round(seconds * 16000) for _, seconds in self.sounds]

    def of(self, count):
        return self.folder / str(count)

    def hours(self, count):
        """Of speech in a corpus of that size."""
        whole, rest = divmod(count, 48)
        return (whole * sum(self.lengths) + sum(self.lengths[:rest])) / 16000 / 3600

    def once(self, make, count):
        """Make something that a stage needs, unless it is there. make: its commands, as those of a stage."""
        if (make.__name__, count) not in self.done:
            measure(make(self, count))
            self.done.add((make.__name__, count))

    def tables(self, count, what="data"):
        """A folder of tables of `count` utterances. what: data, a data directory as stages 1, 3 and 4 leave it; tables, of
        stages 2 and 6; inputs, of stage 9."""
        if not (self.of(count) / what).exists():
            measure([parts("tables", self.folder, count, what)])
        return self.of(count) / what

    def dump(self, count):
        """Dumped audio, as stage 2 leaves it."""
        self.once(dump_audio, count)
        return self.of(count) / "dump"

    def model(self):
        self.once(make_model, 0)
        return self.folder / "model"


def parts(*arguments):
    """A command of scale_parts.py: this process is to stay small, as children begin with its pages."""
    return [sys.executable, ROOT / "benchmarks/scale_parts.py", *arguments]


def write_sounds(place, count):
    return [parts("sounds", place.folder)]


def make_model(place, count):
    return [parts("model", place.folder / "model")]


def c2ser(command, *options):
    return [sys.executable, "-m", "c2ser", command, *options]


def prepare_data(place, count):
    place.once(write_sounds, 0)
    measure([parts("tables", place.folder, count, "manifest")])
    return [c2ser("prepare-data", "--corpus", ROOT / "benchmarks/scale_corpus.py", "--root", place.of(count),
                  "--data_dir", place.of(count) / "prepared")]  # fmt: skip


def validate(place, count):
    return [c2ser("validate-data-dir", place.tables(count))]


def split(place, count):
    return [c2ser("split-data-dir", "--per-utt", place.tables(count), "16")]


def dump_audio(place, count):
    place.once(write_sounds, 0)
    data, out = place.tables(count), place.of(count) / "dump"
    jobs = [c2ser("dump-audio", "--data_dir", data / f"split2utt/{job}", "--out_dir", out, "--job", job, "--shard_mb", "250")
            for job in (1, 2)]  # fmt: skip
    tables = ["--table", f"{out}/audio.*.scp", out / "wav.scp", "--table", f"{out}/utt2num_samples.*", out / "utt2num_samples"]
    return [c2ser("split-data-dir", "--per-utt", data, "2"), *jobs, c2ser("collect-parts", "--data_dir", data, *tables)]


def prosody(place, count):
    return [c2ser("extract-prosody", "--data_dir", place.tables(count), "--audio_scp", place.dump(count) / "wav.scp",
                  "--out_dir", place.of(count) / "prosody")]  # fmt: skip


def style(place, count):
    data = place.tables(count)
    return [c2ser("make-style", "--train_dir", data, "--out_dirs", data, "--stats", place.of(count) / "style.json")]


def texts(place, count):
    return [c2ser("make-cot", "--data_dir", place.tables(count))]


def features(place, count):
    encoder, dump = place.model() / "system/e2v_s", place.dump(count)
    return [c2ser("extract-features", "--audio_scp", dump / "wav.scp", "--num_samples", dump / "utt2num_samples", "--config",
                  encoder / "config.yaml", "--checkpoint", encoder / "model.pth", "--out_dir", place.of(count) / "features")]  # fmt: skip


def inputs(place, count):
    tables = place.tables(count, "tables")
    return [c2ser("make-inputs", "--data_dir", place.tables(count), "--audio_scp", tables / "wav.scp", "--num_samples",
                  tables / "utt2num_samples", "--emotion_scp", tables / "tokens.scp", "--texts", "true", "--min_seconds", "0",
                  "--out_dir", place.of(count) / "made")]  # fmt: skip


def batches(how):
    def stage(place, count):
        return [parts("batches", place.tables(count, "inputs"), how)]

    return stage


def predict(place, count):
    place.once(write_sounds, 0)
    files = place.folder / f"files.{count}"
    with open(files, "w", encoding="utf-8") as stream:
        stream.writelines(f"{place.sounds[number % 48][0]}\n" for number in range(count))
    return [c2ser("predict", "--model", place.model() / "packed", "--format", "json", "--files", files)]


def score(place, count):
    """Every fifth answer is a label, the others are texts of which no two are alike."""
    data, draw, answers = place.tables(count), random.Random(count), place.of(count) / "answers"
    with open(answers, "w", encoding="utf-8") as stream:
        for number in range(count):
            label = draw.choice(CLASSES[:-1])
            said = label if number % 5 == 0 else f"The voice rises {number} times over the last words. Emotion: {label}."
            stream.write(f"s{number // PER_SPEAKER:06}-{number:08}\t{said}\n")
    return [c2ser("score", data, answers, "--draws", "1000")]


STAGES = {
    "1 prepare data": (1, prepare_data),
    "1 validate": (1, validate),
    "2 split in 16": (1, split),
    "2 dump audio": (10, dump_audio),
    "3 prosody": (100, prosody),
    "3 style": (1, style),
    "4 texts": (1, texts),
    "6 features": (10, features),
    "9 inputs": (1, inputs),
    "10 balanced": (1, batches("balanced")),
    "10 balanced by length": (1, batches("balanced by length")),
    "10 balanced in samples": (1, batches("balanced in samples")),
    "10 ESPnet numel": (1, batches("espnet numel")),
    "12 predict": (10, predict),
    "13 score": (1, score),
}
"""Stage → the share of --utterances that it takes, and the commands of a size."""


def measure(commands):
    """Run commands one after the other. Returns, as text, seconds on processors, seconds by the clock, peak in MB."""
    peak, cpu, start = 0, 0.0, time.perf_counter()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")}
    for command in commands:
        with open(os.devnull, "w") as nowhere:
            child = subprocess.Popen(list(map(str, command)), cwd=ROOT, env=environment, stdout=nowhere, stderr=subprocess.PIPE)
            watch = Watch(child.pid)
            errors = child.stderr.read().decode("utf-8", "replace")
            _, status, used = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            last = "\n".join(errors.splitlines()[-5:])  # progress bars begin a line anew
            sys.exit(f"error: {' '.join(map(str, command))}:\n{last}")
        peak = max(peak, used.ru_maxrss * 1024, watch.end())
        cpu += used.ru_utime + used.ru_stime
    return f"{cpu:.1f}", f"{time.perf_counter() - start:.1f}", f"{peak / 1e6:.0f}"


class Watch(threading.Thread):
    """The most pages, in bytes, that a process and its descendants hold at once, looked at five times a second."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.peak, self.over = pid, 0, threading.Event()
        self.start()

    def run(self):
        while not self.over.wait(0.2):
            self.peak = max(self.peak, sum(map(resident, family(self.pid))))

    def end(self):
        self.over.set()
        self.join()
        return self.peak


def family(pid):
    """A process and all that come from it."""
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in children:
        yield from family(child)


def resident(pid):
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def keep(path, rows):
    """Write the rows among the others of the table, in place of those of the same stage and size."""
    table = {row[:2]: row for row in [*(read_rows(path) if path.exists() else []), *rows]}
    order = list(STAGES)
    revision = subprocess.run(["git", "rev-parse", "--short=8", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(f"# {platform.system()}, {os.cpu_count()} cores, Python {platform.python_version()}, revision {revision}\n")
        stream.write("\t".join(COLUMNS) + "\n")
        for row in sorted(table.values(), key=lambda row: (order.index(row[0]), int(row[1]))):
            stream.write("\t".join(map(str, row)) + "\n")


def read_rows(path):
    return [tuple(line.split("\t")) for line in path.read_text(encoding="utf-8").splitlines()[2:]]


def page(path):
    """docs/scale.md, from the table."""
    machine, rows = path.read_text(encoding="utf-8").splitlines()[0].lstrip("# "), read_rows(path)
    table, before, largest = [], None, {}
    for stage, count, hours, seconds, _, peak in rows:
        further = ""
        if before and before[0] == stage:
            further = f"{(float(peak) - before[2]) * 1e6 / (int(count) - before[1]):.0f}"
        before, largest[stage] = (stage, int(count), float(peak)), int(count)
        per = f"{1000 * float(seconds) / int(count):.3f} | {float(seconds) / float(hours):.2f}"
        table.append(f"| {stage} | {int(count):,} | {float(hours):.3g} | {seconds} | {per} | {peak} | {further} |")
    asked = get_parser().get_default("utterances")[-1]
    short = [stage for stage, (share, _) in STAGES.items() if largest.get(stage, 0) < asked // share]
    said = f"Not run up to the script's own sizes, for want of time: {', '.join(short)}." if short else ""
    text = HEAD.format(machine=machine, asked=asked, short=said)
    return "\n\n".join(textwrap.fill(one, 120) for one in text.split("\n\n")) + f"\n\n{TABLE}\n" + "\n".join(table) + "\n"


HEAD = """# How time and memory grow with a corpus

Made by `python benchmarks/scale.py --page` from [benchmarks/scale.tsv](../benchmarks/scale.tsv); `python benchmarks/scale.py
--work FOLDER` measures it again. {machine}.

Every line is a run of the recipe's own commands on a corpus of that size. The corpus is simulated: its lines point to 48 short
sound files, 50 ms to 4 s, 0.92 s on average; ids, classes and words are drawn, and so is what a stage takes of others that
are not measured (measures of prosody, levels, texts, places in archives). The script's sizes go to {asked:,} utterances;
stages that decode sound or run a network (2 dump, 6, 12) take a tenth of them, and do so for every line, and prosody takes a
hundredth. {short} Nothing is extrapolated. Models are tiny, with random weights, so that the seconds of stages 6 and 12 are
those of the program around the network.

Seconds are those on processors, of all processes of a stage, its start included. Time is linear where seconds per 1,000
utterances fall to a constant. Peak is the memory of all processes of a stage together; the last column says how much of it
every further utterance takes, against the line above. A stage holds its tables, one to three hundred bytes an entry of each,
and neither sound nor features: for stage 1 that is six tables of utterances, for validation and splitting here twelve, the
texts of stage 4 among them. Where there are few utterances, a larger peak is that of the longest of them: the first 30 last
up to 0.8 s, the first 48 up to 4 s."""

TABLE = """| stage | utterances | hours of speech | seconds | s / 1,000 utterances | s / hour of speech | peak MB | bytes a further utterance |
|---|--:|--:|--:|--:|--:|--:|--:|"""


if __name__ == "__main__":
    main()
