"""Features of many utterances: cut where they are long, batched by length, computed, joined again.

An extractor has `names`, is called with float `(batch, samples)` and int `(batch,)` and returns name → float32 array
`(batch, …)` and the utterances' numbers of frames; `join[name](values, counts)` makes one value of those of its chunks.
"""

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from c2ser.at_work import at_work
from c2ser.audio import MIN_SAMPLES, SAMPLE_RATE, read_audio
from c2ser.datadir import read_table
from c2ser.errors import InputError
from c2ser.inference.emotion_encoder import EmotionEncoder
from c2ser.inference.pooling import frame_statistics, join_chunks
from c2ser.models.build import build_encoder
from c2ser.models.packed import freeze
from c2ser.models.start import WhisperLayers
from c2ser.models.whisper_encoder import WhisperEncoder

STRIDE = 320
"""Samples between two frames of every emotion2vec, which hear `MIN_SAMPLES`."""


class EmotionFeatures:
    """Emotion2Vec-S: `tokens` `(10, layers · dim)`, and `layers`, statistics of every depth (`EmotionEncoder.depths`)."""

    names = ("tokens", "layers")

    def __init__(self, config, checkpoint, utterance_mode="extra_tokens", device="cpu", precision="fp32"):
        self.encoder = EmotionEncoder(config, checkpoint, utterance_mode, device, precision)
        self.dim, self.layers = self.encoder.layers * self.encoder.dim, self.encoder.layers
        model = self.encoder.model
        self.shape = 1 + len(model.prenet) + len(model.blocks), (3 if self.encoder.extra else 2) * self.encoder.dim
        # the first ten frames of an utterance are those of its first chunk
        first = utterance_mode == "first10_frames"
        self.join = {
            "tokens": (lambda values, counts: values[0]) if first else partial(join_chunks, dim=0),
            "layers": partial(join_chunks, dim=self.encoder.dim),
        }

    def __call__(self, speech, lengths):
        tokens, layers, counts = self.encoder.depths(speech, lengths)
        return {"tokens": tokens.cpu().numpy(), "layers": layers.cpu().numpy()}, counts.tolist()


class WhisperFeatures:
    """A Whisper encoder: `layers`, mean and deviation over frames at every depth (`WhisperEncoder.depths`)."""

    names = ("layers",)

    def __init__(self, checkpoint, device="cpu", precision="fp32"):
        self.encoder, self.device = WhisperEncoder.from_checkpoint(checkpoint), device
        self.shape = len(self.encoder.encoder.blocks) + 2, 2 * self.encoder.dim
        self.join = {"layers": partial(join_chunks, dim=self.encoder.dim)}
        self._arithmetic = freeze(self.encoder, device, precision)

    @torch.no_grad()
    def __call__(self, speech, lengths):
        rows = []
        with self._arithmetic():
            for frames, counts in self.encoder.depths(speech.to(self.device), lengths.to(self.device)):
                rows.append(torch.cat(frame_statistics(frames, counts), dim=1))
        return {"layers": torch.stack(rows, dim=1).cpu().numpy()}, counts.tolist()


class WhisperFrames:
    """`frames` `(frames, dim)` of the encoder that a training with these options (whisper, whisper_blocks) has. Raises
    InputError as `build_encoder`."""

    names = ("frames",)

    def __init__(self, options, device="cpu"):
        self.encoder, self.device = build_encoder(options).eval().to(device), device

    @torch.no_grad()
    def __call__(self, speech, lengths):
        frames, counts = self.encoder(speech.to(self.device), lengths.to(self.device))
        return {"frames": [one[:count].cpu().numpy() for one, count in zip(frames, counts)]}, counts.tolist()


class TeacherFrames:
    """Layers of a Whisper encoder as targets of a start: `frames`, float32 `(frames, width)`, one for every frame of an
    Emotion2Vec-S (`c2ser.models.start`); those of a cut utterance follow each other, and lack the frames between chunks."""

    names = ("frames",)
    join = {"frames": lambda values, counts: np.concatenate(values)}

    def __init__(self, checkpoint, layers, device="cpu"):
        self.device = device
        self.targets = WhisperLayers(checkpoint, layers, MIN_SAMPLES, STRIDE)
        self.dim, self.layers = self.targets.width, 1

    def __call__(self, speech, lengths):
        counts = torch.div(lengths - MIN_SAMPLES, STRIDE, rounding_mode="floor") + 1
        inside = torch.arange(int(counts.max())) < counts[:, None]
        made = self.targets(speech.to(self.device), lengths.to(self.device), inside.to(self.device)).cpu()
        return {"frames": [one[:count].numpy() for one, count in zip(made, counts)]}, counts.tolist()


@dataclass(frozen=True)
class Audio:
    """Dumped audio: utterance → entry of wav.scp and → number of samples at 16 kHz."""

    entries: dict
    samples: dict

    @classmethod
    def read(cls, audio_scp, num_samples):
        """From two tables. Raises InputError, naming table and utterance, for an utterance without a length, a length
        that is no number, and an utterance of no samples."""
        entries, lengths = read_table(audio_scp), read_table(num_samples)
        for utterance in entries:
            length = lengths.get(utterance, "")
            if not (length.isascii() and length.isdigit()):
                what = f"number of samples {length!r}, expected digits" if length else "absent"
                raise InputError(f"{num_samples}: {utterance}: {what}; rerun the stage that dumps audio")
            if int(length) == 0:
                what = f"no samples; leave it out of {audio_scp} or fetch it again"
                raise InputError(f"{num_samples}: {utterance}: {what}")
        return cls(entries, {utterance: int(lengths[utterance]) for utterance in entries})

    def wave(self, utterance):
        """float32 `(samples,)`, filled up with zeros to one frame, `MIN_SAMPLES`. Raises InputError, naming the
        utterance, where it cannot be read or is not as long as its table says."""
        try:
            wave = read_audio(self.entries[utterance])
        except InputError as error:
            raise InputError(f"utterance {utterance}: {error}") from None
        if len(wave) != self.samples[utterance]:
            raise InputError(
                f"utterance {utterance}: {len(wave)} samples, but the table of lengths says {self.samples[utterance]}; "
                "rerun the stage that dumps audio"
            )
        return np.pad(wave, (0, max(0, MIN_SAMPLES - len(wave))))


@dataclass(frozen=True)
class Chunk:
    """Samples `start` to `end` of an utterance, one of `of` chunks."""

    utterance: str
    start: int
    end: int
    of: int

    def __len__(self):
        return self.end - self.start


def cut(utterance, samples, limit):
    """One chunk, or where there are more than `limit` samples as many equal ones as needed, without overlap."""
    samples = max(samples, MIN_SAMPLES)
    number = -(-samples // limit)
    edges = [round(index * samples / number) for index in range(number + 1)]
    return [Chunk(utterance, start, end, number) for start, end in zip(edges, edges[1:])]


def buckets(chunks, limit):
    """Cut chunks into batches of similar lengths: each of at most `limit` samples, padding included, and with no two
    lengths further apart than a tenth, or 0.1 s, so that little is computed on padding. One chunk always fits."""
    batch = []
    for chunk in sorted(chunks, key=lambda chunk: (len(chunk), chunk.utterance, chunk.start)):
        shortest = len(batch[0]) if batch else 0
        full = (len(batch) + 1) * len(chunk) > limit
        if batch and (full or len(chunk) > shortest + max(shortest // 10, SAMPLE_RATE // 10)):
            yield batch
            batch = []
        batch.append(chunk)
    if batch:
        yield batch


def extract(extractor, audio, utterances, chunk_samples, batch_samples):
    """Yield (utterance, name → float32 array) in the order in which they get ready.

    utterances: ids; chunk_samples: longer ones are cut, each chunk is encoded as an utterance of its own;
    batch_samples: samples in a batch, padding included, which changes nothing but speed and memory. The next batch is
    read while one is computed. Raises InputError naming the utterance.
    """
    chunks = [chunk for utterance in utterances for chunk in cut(utterance, audio.samples[utterance], chunk_samples)]
    waiting = defaultdict(list)
    for batch, speech, lengths in _ahead(_read(audio, buckets(chunks, batch_samples))):
        at_work(chunk.utterance for chunk in batch)
        made, counts = extractor(speech, lengths)
        for row, chunk in enumerate(batch):
            values = {name: made[name][row] for name in extractor.names}
            if chunk.of == 1:
                yield chunk.utterance, values
                continue
            waiting[chunk.utterance].append((chunk.start, counts[row], values))
            if len(waiting[chunk.utterance]) == chunk.of:
                yield chunk.utterance, _joined(extractor, waiting.pop(chunk.utterance))


def _joined(extractor, found):
    _, counts, values = zip(*sorted(found, key=lambda one: one[0]))
    return {name: extractor.join[name]([value[name] for value in values], counts) for name in extractor.names}


def _read(audio, batches):
    """Batches of chunks → (chunks, float `(batch, samples)`, int `(batch,)`)."""
    wave = {None: None}
    for batch in batches:
        waves = []
        for chunk in batch:
            if chunk.utterance not in wave:  # the chunks of a long one follow each other, for they are as long
                wave = {chunk.utterance: torch.from_numpy(audio.wave(chunk.utterance))}
            waves.append(wave[chunk.utterance][chunk.start : chunk.end])
        yield batch, torch.nn.utils.rnn.pad_sequence(waves, batch_first=True), torch.tensor([len(one) for one in batch])


def _ahead(iterable):
    """The items of an iterable, each made in a thread while the one before it is in use."""
    iterator, end = iter(iterable), object()
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, iterator, end)
        while (item := coming.result()) is not end:
            coming = pool.submit(next, iterator, end)
            yield item
