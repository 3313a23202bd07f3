"""Stage 6: frozen features of dumped audio: Emotion2Vec-S or a Whisper encoder, in length-bucketed batches.

Emotion2Vec-S: tokens.scp, utterance features `(10, dim)` for the language model, and pooled.scp, their mean joined with the
mean over frames `(2 · dim)`; `dim` holds the width. Whisper: pooled.scp, mean and deviation over frames `(2 · dim)`. All float32.
"""

import argparse
from pathlib import Path

from c2ser.bin.common import run
from c2ser.fileio import atomic_write


def get_parser():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--audio_scp", type=Path, required=True, help="Dumped audio")
    parser.add_argument("--num_samples", type=Path, required=True, help="Table utt2num_samples, for the buckets")
    parser.add_argument("--config", type=Path, help="Emotion2Vec-S: its config.yaml")
    parser.add_argument("--checkpoint", type=Path, required=True, help="Emotion2Vec-S weights, or a Whisper file")
    parser.add_argument("--utterance_mode", default="extra_tokens", help="extra_tokens | first10_frames | mean")
    parser.add_argument("--layer", type=int, help="Whisper: block whose output is taken; default: the last, normed")
    parser.add_argument("--batch_seconds", type=float, default=60.0, help="Audio in a batch, padding included")
    parser.add_argument("--ngpu", type=int, default=0, help="0: CPU")
    parser.add_argument("--out_dir", type=Path, required=True, help="Folder of the arks and scps")
    return parser


def main(argv=None):
    args = get_parser().parse_args(argv)
    import torch
    from tqdm import tqdm

    from c2ser.ark import ArkWriter
    from c2ser.audio import SAMPLE_RATE, read_audio
    from c2ser.datadir import read_table

    device = "cuda" if args.ngpu else "cpu"
    extract = emotion_features(args, device) if args.config else whisper_features(args, device)
    entries, samples = read_table(args.audio_scp), read_table(args.num_samples)
    order = sorted(entries, key=lambda utterance: (int(samples[utterance]), utterance))
    with ArkWriters(args.out_dir, ArkWriter) as writers, tqdm(total=len(order), unit="utt", mininterval=2) as bar:
        for batch in buckets(order, samples, args.batch_seconds * SAMPLE_RATE):
            waves = [torch.from_numpy(read_audio(entries[utterance])) for utterance in batch]
            lengths = torch.tensor([len(wave) for wave in waves])
            speech = torch.nn.utils.rnn.pad_sequence(waves, batch_first=True)
            for name, features in extract(speech, lengths).items():
                for utterance, feature in zip(batch, features.cpu().numpy()):
                    writers[name][utterance] = feature
            bar.update(len(batch))


def buckets(order, samples, limit):
    """Cut utterances sorted by length into batches of at most `limit` samples, padding included."""
    batch = []
    for utterance in order:
        if batch and (len(batch) + 1) * int(samples[utterance]) > limit:
            yield batch
            batch = []
        batch.append(utterance)
    if batch:
        yield batch


def emotion_features(args, device):
    """A function on `(batch, samples)`, `(batch,)` that gives {"tokens": `(batch, 10, dim)`, "pooled": …}."""
    import torch

    from c2ser.inference.emotion_encoder import EmotionEncoder

    encoder = EmotionEncoder(args.config, args.checkpoint, args.utterance_mode, device)

    def extract(speech, lengths):
        tokens, mean = encoder(speech, lengths)
        return {"tokens": tokens, "pooled": torch.cat([tokens.mean(1), mean], dim=1)}

    with atomic_write(args.out_dir / "dim") as stream:
        stream.write(f"{encoder.dim}\n")

    return extract


def whisper_features(args, device):
    """A function on `(batch, samples)`, `(batch,)` that gives {"pooled": `(batch, 2 · dim)`}."""
    import torch

    from c2ser.models.whisper_encoder import WhisperEncoder

    encoder = WhisperEncoder.from_checkpoint(args.checkpoint).eval().to(device)

    @torch.no_grad()
    def extract(speech, lengths):
        frames, counts = encoder(speech.to(device), lengths.to(device), layer=args.layer)
        single = [states[:count] for states, count in zip(frames, counts.tolist())]
        return {"pooled": torch.stack([torch.cat([s.mean(0), s.std(0, unbiased=False)]) for s in single])}

    return extract


class ArkWriters(dict):
    """One ark writer a feature name, opened when first written to; all appear only when the block ends without error."""

    def __init__(self, folder, writer):
        super().__init__()
        self.folder, self.writer = folder, writer

    def __enter__(self):
        return self

    def __missing__(self, name):
        self[name] = self.writer(self.folder / f"{name}.ark", self.folder / f"{name}.scp").__enter__()
        return self[name]

    def __exit__(self, *error):
        for writer in self.values():
            writer.__exit__(*error)


if __name__ == "__main__":
    run(main)
