"""Stage 9: what C2SER hears of a frozen Whisper, computed once for all trainings that hear with it.

frames.scp: utterance → matrix (frames, dim) at 50 Hz, of the encoder that a training with --whisper and whisper_blocks
has, of every utterance by itself: the batch changes nothing. With --means one row each, their mean, which is all that
`c2ser speaker-means` needs.
"""

import argparse
from pathlib import Path

from c2ser.options import blocks_or_mix


def get_parser():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--audio_scp", type=Path, required=True, help="Dumped audio, dump/all/wav.scp")
    parser.add_argument("--num_samples", type=Path, required=True, help="Table utt2num_samples of the dumped audio")
    parser.add_argument("--whisper", required=True, help="Whisper checkpoint")
    parser.add_argument("--whisper_blocks", type=blocks_or_mix, help="As a training's: so many first blocks, or mix; default: all")
    parser.add_argument("--means", action="store_true", help="Keep the mean over an utterance's frames alone")
    parser.add_argument("--batch_seconds", type=float, default=60.0, help="Audio in a batch; changes nothing but speed")
    parser.add_argument("--ngpu", type=int, default=0, help="0: CPU")
    parser.add_argument("--out_dir", type=Path, required=True, help="Folder of frames.ark and frames.scp")
    return parser


def main(argv=None):
    args = get_parser().parse_args(argv)
    from tqdm import tqdm

    from c2ser.ark import ArkWriter
    from c2ser.audio import SAMPLE_RATE
    from c2ser.inference.extraction import Audio, WhisperFrames, extract

    audio = Audio.read(args.audio_scp, args.num_samples)
    longest = max(audio.samples.values())  # no chunks: the encoder has windows of its own
    extractor = WhisperFrames(args, "cuda" if args.ngpu else "cpu")
    made = extract(extractor, audio, list(audio.entries), longest, args.batch_seconds * SAMPLE_RATE)
    with ArkWriter(args.out_dir / "frames.ark", args.out_dir / "frames.scp") as writer:
        for utterance, values in tqdm(made, total=len(audio.entries), unit="utt", mininterval=2):
            frames = values["frames"]
            writer[utterance] = frames.mean(axis=0, keepdims=True, dtype="float64").astype("float32") if args.means else frames
