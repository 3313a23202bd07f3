"""Stage 6: frozen features of dumped audio, every depth of the network in one pass: Emotion2Vec-S or a Whisper encoder.

layers.scp: a matrix (layers, width) an utterance. Emotion2Vec-S: row 0 is the input of the first block, the others
the outputs of the blocks; a row is [mean of the ten tokens | mean over frames | deviation over frames]. Whisper: row 0
is the input of the first block, then come the blocks, last the final norm; a row is [mean | deviation]. The file
`layers` holds both numbers. Emotion2Vec-S also gives tokens.scp, utterance features (10, dim) for the language model;
the file `dim` holds dim and, with --utterance_mode all_layers, the number of layers side by side in it.

With --teacher_layers a Whisper file gives frames.scp instead, for a start of Emotion2Vec-S from a teacher (model_conf:
teacher: ark:WIDTH, data teacher_frames; `dim` holds WIDTH): (frames, WIDTH), a row for every frame of Emotion2Vec-S.

Utterances longer than --chunk_seconds are cut into equal chunks without overlap, each encoded by itself: means and
deviations are then those over all frames, tokens the mean over chunks, weighted by their frames. Utterances shorter
than one frame (400 samples) are filled up with zeros; the table `short` lists them.

Results are written in parts, and the same command run again skips the finished ones. With --num_jobs N, job J writes
everything to OUT_DIR/splitN/J instead; collect_parts then joins the tables, with
--table 'OUT_DIR/splitN/*/layers.scp' OUT_DIR/layers.scp and the same for tokens.scp.
"""

import argparse
import hashlib
import logging
from pathlib import Path

from c2ser.bin.common import limit_caches
from c2ser.errors import InputError
from c2ser.fileio import atomic_write, sha256
from c2ser.precision import choose


def get_parser():
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--audio_scp", type=Path, required=True, help="dumped audio")
    parser.add_argument("--num_samples", type=Path, required=True, help="table utt2num_samples, for the batches")
    parser.add_argument("--config", type=Path, help="Emotion2Vec-S: its config.yaml")
    parser.add_argument("--checkpoint", type=Path, required=True, help="Emotion2Vec-S weights, or a Whisper file")
    parser.add_argument("--utterance_mode", default="extra_tokens",
                        help="extra_tokens | first10_frames | mean | all_layers (default: %(default)s)")  # fmt: skip
    parser.add_argument("--teacher_layers", help='layers of a Whisper file to write frames of, e.g. "3" or "3,4"')
    parser.add_argument("--precision", choices=("fp32", "bf16", "auto"), default="fp32",
                        help="of matrix products; bf16: within about 1 %%, faster where the device has instructions for "
                        "it, slower elsewhere; auto: bf16 there alone (default: %(default)s)")  # fmt: skip
    parser.add_argument("--out_dtype", choices=("float32", "float16"), default="float32",
                        help="of what is written; float16 halves the disk space (default: %(default)s)")  # fmt: skip
    parser.add_argument("--batch_seconds", type=float, default=60.0,
                        help="audio in a batch with its padding; changes no result (default: %(default)s)")  # fmt: skip
    parser.add_argument("--chunk_seconds", type=float, default=30.0,
                        help="longer utterances are cut in equal chunks (default: %(default)s)")  # fmt: skip
    parser.add_argument("--part_utterances", type=int, default=1000,
                        help="utterances in a part; an interruption loses one part (default: %(default)s)")  # fmt: skip
    parser.add_argument("--job", type=int, default=1, help="number of this job, from 1 (default: %(default)s)")
    parser.add_argument("--num_jobs", type=int, default=1,
                        help="jobs that share the utterances, lengths mixed alike (default: %(default)s)")  # fmt: skip
    parser.add_argument("--ngpu", type=int, default=0, help="0: CPU; 1: job J takes GPU J - 1 of this machine, in turn")
    parser.add_argument("--out_dir", type=Path, required=True, help="gets the tables, layers, dim, short, parts/")
    return parser


def main(argv=None):
    """Extract what is not there yet."""
    args = get_parser().parse_args(argv)
    check(args)
    limit_caches()
    from tqdm import tqdm

    from c2ser.audio import MIN_SAMPLES, SAMPLE_RATE
    from c2ser.datadir import write_table
    from c2ser.inference.extraction import Audio, extract
    from c2ser.inference.parts import Parts

    audio = Audio.read(args.audio_scp, args.num_samples)
    extractor = make_extractor(args)
    folder = args.out_dir if args.num_jobs == 1 else args.out_dir / f"split{args.num_jobs}/{args.job}"
    parts = Parts(folder, extractor.names, inputs_of(args), args.out_dtype)
    write_shapes(folder, extractor)

    order, size = share(audio.samples, args.job, args.num_jobs), args.part_utterances
    shares = {number: order[first : first + size] for number, first in enumerate(range(0, len(order), size), 1)}
    short = {utterance: audio.samples[utterance] for utterance in order if audio.samples[utterance] < MIN_SAMPLES}
    write_table(folder / "short", short)
    report(audio, order, args.chunk_seconds * SAMPLE_RATE, short)

    finished = {number for number in shares if parts.done(number)}
    if finished:
        logging.info("%d of %d parts are there from an earlier run and skipped", len(finished), len(shares))
    before = sum(len(shares[number]) for number in finished)
    with tqdm(total=len(order), initial=before, unit="utt", mininterval=2) as bar:
        for number in [number for number in shares if number not in finished]:
            chunk, batch = round(args.chunk_seconds * SAMPLE_RATE), args.batch_seconds * SAMPLE_RATE
            parts.write(number, counted(extract(extractor, audio, shares[number], chunk, batch), bar))
    logging.info("%s: features of %d utterances", folder, parts.merge(shares))


def share(samples, job, num_jobs):
    """The utterances of a job, by length. samples: utterance → length; no job gets more of them than the mean and the
    longest utterance together, for in the order of length every num_jobs-th is its own."""
    return sorted(samples, key=lambda utterance: (samples[utterance], utterance))[job - 1 :: num_jobs]


def check(args):
    """Raise InputError for options that make no sense."""
    if not 1 <= args.job <= args.num_jobs:
        raise InputError(f"--job {args.job}: expected 1 to --num_jobs {args.num_jobs}")
    if args.part_utterances < 1 or args.batch_seconds <= 0:
        raise InputError("--part_utterances and --batch_seconds must be above 0")
    if args.teacher_layers and (args.config or args.precision != "fp32"):
        raise InputError("--teacher_layers: takes a Whisper file, no --config, and --precision fp32")
    if args.chunk_seconds < 0.1:
        raise InputError(f"--chunk_seconds {args.chunk_seconds:g}: at least 0.1, that is, a few frames")


def make_extractor(args):
    """The network that --checkpoint names, on its device."""
    from c2ser.inference.extraction import EmotionFeatures, TeacherFrames, WhisperFeatures

    device = "cpu"
    if args.ngpu:
        import torch

        device = f"cuda:{(args.job - 1) % max(1, torch.cuda.device_count())}"
    wanted = {"fp32": "float32", "bf16": "bfloat16"}.get(args.precision, args.precision)
    args.precision = "bf16" if choose(wanted, device, "--precision") == "bfloat16" else "fp32"
    if args.config:
        return EmotionFeatures(args.config, args.checkpoint, args.utterance_mode, device, args.precision)
    if args.teacher_layers:
        return TeacherFrames(args.checkpoint, args.teacher_layers, device)
    return WhisperFeatures(args.checkpoint, device, args.precision)


def inputs_of(args):
    """What decides the values of a part: the files by their content, and the options that are not about speed only."""

    def content(path):
        return hashlib.sha256(path.read_bytes()).hexdigest()

    files = {"audio_scp": content(args.audio_scp), "num_samples": content(args.num_samples)}
    files["config"] = content(args.config) if args.config else None
    if args.teacher_layers:
        files["teacher_layers"] = args.teacher_layers
    names = ("utterance_mode", "precision", "out_dtype", "chunk_seconds", "part_utterances", "job", "num_jobs")
    return {**files, "checkpoint": sha256(args.checkpoint), **{name: getattr(args, name) for name in names}}


def write_shapes(folder, extractor):
    """Write `layers`, the numbers of rows and columns of a matrix in layers.scp, and `dim`, the width of tokens or frames."""
    if "layers" in extractor.names:
        with atomic_write(folder / "layers") as stream:
            stream.write("{} {}\n".format(*extractor.shape))
    if extractor.names != ("layers",):
        with atomic_write(folder / "dim") as stream:
            stream.write(f"{extractor.dim}\n" + (f"{extractor.layers}\n" if extractor.layers > 1 else ""))


def report(audio, order, chunk_samples, short):
    """Say how much there is to do, and what is not taken as it is."""
    lengths = [audio.samples[utterance] for utterance in order]
    long = sum(length > chunk_samples for length in lengths)
    logging.info("%d utterances, %.2f h; %d cut into chunks", len(order), sum(lengths) / 16000 / 3600, long)
    if short:
        logging.warning("%d utterances are shorter than one frame and filled up with zeros: see the table short (%s)",
                        len(short), ", ".join(list(short)[:5]))  # fmt: skip


def counted(made, bar):
    """Pass features on and move the progress bar."""
    for item in made:
        yield item
        bar.update(1)
