"""Parts of scale.py, each run in a process of its own, so that the one that measures stays small.

    python benchmarks/scale_parts.py sounds FOLDER               the sound files
    python benchmarks/scale_parts.py tables FOLDER COUNT WHAT    tables of so many utterances; WHAT: manifest, data, tables, inputs
    python benchmarks/scale_parts.py model FOLDER                a tiny system with random weights, packed
    python benchmarks/scale_parts.py batches INPUTS HOW          batches of two epochs, drawn; HOW: out of SAMPLERS
"""

import random
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from scale import CLASSES, PER_SPEAKER, RATES, WORDS, Place  # noqa: E402

SAMPLERS = {
    "balanced": {"batch_size": 32, "temperature": 2.0},
    "balanced by length": {"batch_size": 32, "temperature": 2.0, "sort_batches": 100},
    "balanced in samples": {"batch_size": 64, "temperature": 2.0, "batch_bins": 1_500_000},
    "espnet numel": None,
}


def sounds(folder):
    """48 sound files of 50 ms to 4 s."""
    import numpy as np
    import soundfile

    place = Place(Path(folder))
    source = np.random.default_rng(0)
    (place.folder / "audio").mkdir(parents=True)
    for number, (path, seconds) in enumerate(place.sounds):
        rate, kind = RATES[number % 4], ("WAV", "FLAC")[number // 4 % 2]
        places = np.arange(round(seconds * rate)) / rate
        voice = np.sin(2 * np.pi * (120 + 3 * number) * places) * (1 + np.sin(8 * np.pi * places)) / 8
        soundfile.write(path, voice + source.normal(0, 0.02, len(places)), rate, format=kind)


def tables(folder, count, what):
    """The manifest of stage 1, and what the stages leave that are not measured: lengths and places are true where sound was
    dumped, measures, levels and classes drawn."""
    place, count = Place(Path(folder)), int(count)
    draw, folder = random.Random(count), place.of(count)
    speakers = [f"s{number // PER_SPEAKER:06}" for number in range(count)]
    ids = [f"{speaker}-{number:08}" for number, speaker in enumerate(speakers)]
    emotions = draw.choices(CLASSES, k=count)
    languages = draw.choices(("en", "zh"), k=count)
    levels = ("low", "medium", "high")
    values = {
        "data/wav.scp": lambda n: place.sounds[n % 48][0],
        "data/text": lambda n: WORDS[n % 4],
        "data/utt2spk": lambda n: speakers[n],
        "data/utt2emo": lambda n: emotions[n],
        "data/utt2lang": lambda n: languages[n],
        "data/utt2dur": lambda n: f"{place.sounds[n % 48][1]:.4f}",
        "data/utt2f0": lambda n: f"{draw.lognormvariate(5.2, 0.3):.2f}",
        "data/utt2loudness": lambda n: f"{draw.gauss(-24, 5):.2f}",
        "data/utt2rate": lambda n: f"{max(0.0, draw.gauss(12, 3)):.3f}",
        "data/utt2style": lambda n: "speed={} pitch={} volume={}".format(*draw.choices(levels, k=3)),
        "data/cot_explicit": lambda n: f"The voice is {n} times brighter than before. Emotion: {emotions[n]}.",
        "data/cot_implicit": lambda n: f"Emotion: {emotions[n]}.",
        "tables/wav.scp": lambda n: f"dump/all/audio.1.{n // 20000:04}.ark:{40000 * (n % 20000)}",
        "tables/tokens.scp": lambda n: f"exp/base/features/parts/tokens.{n // 1000:04}.ark:{1000 * (n % 1000)}",
        "tables/utt2num_samples": lambda n: place.lengths[n % 48],
        "inputs/label": lambda n: CLASSES.index(emotions[n]) if emotions[n] != "unknown" else -1,
        "inputs/language": lambda n: languages[n],
        "inputs/speech_shape": lambda n: place.lengths[n % 48],
    }
    for name, value in values.items():
        if not name.startswith(f"{what}/"):
            continue
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        with open(folder / name, "w", encoding="utf-8") as stream:
            stream.writelines(f"{utterance} {value(number)}\n" for number, utterance in enumerate(ids))
    if what == "data":
        groups = {}
        for utterance, speaker in zip(ids, speakers):
            groups.setdefault(speaker, []).append(utterance)
        with open(folder / "data/spk2utt", "w", encoding="utf-8") as stream:
            stream.writelines(f"{speaker} {' '.join(own)}\n" for speaker, own in groups.items())
        with open(folder / "data/spk2gender", "w", encoding="utf-8") as stream:
            stream.writelines(f"{speaker} {'fm'[number % 2]}\n" for number, speaker in enumerate(groups))
    if what == "manifest":
        folder.mkdir(exist_ok=True)
        splits = ("train",) * 6 + ("dev", "test")
        with open(folder / "manifest.tsv", "w", encoding="utf-8") as stream:
            for number, utterance in enumerate(ids):
                split = splits[number // min(PER_SPEAKER, max(1, count // 8)) % 8]
                fields = (utterance, speakers[number], emotions[number], languages[number], "fm"[number // PER_SPEAKER % 2],
                          split, str(place.sounds[number % 48][0]), WORDS[number % 4])  # fmt: skip
                stream.write("\t".join(fields) + "\n")


def model(folder):
    """Write the system to FOLDER/packed, its encoder to FOLDER/system/e2v_s."""
    from tests import builders

    from c2ser.bin import pack

    folder = Path(folder)
    folder.mkdir(parents=True)
    llm, whisper = builders.language_model(folder / "llm"), builders.whisper_file(folder / "whisper.pt")
    builders.system(folder / "system", llm, whisper)
    pack.main(["--model", str(folder / "system"), "--out_dir", str(folder / "packed")])


def batches(inputs, how):
    """Draw the batches of two epochs as a training does, and say how many utterances they hold."""
    from c2ser.tasks.sampler import BalancedBatches, balance_config, number_draws, read_groups

    inputs = Path(inputs)
    if how == "espnet numel":
        from espnet2.samplers.build_batch_sampler import build_batch_sampler

        drawn = list(build_batch_sampler("numel", 32, 1_500_000, [str(inputs / "speech_shape")]))
        print(sum(map(len, drawn)))
        return
    from c2ser.datadir import read_table

    config = balance_config(SAMPLERS[how])
    samples = {utterance: int(shape) for utterance, shape in read_table(inputs / "speech_shape").items()}
    sampler = BalancedBatches(read_groups(inputs, config.by, list(samples)), samples, config, seed=0)
    for epoch in (1, 2):
        print(sum(map(len, number_draws(sampler.epoch(epoch)))))


if __name__ == "__main__":
    {"sounds": sounds, "tables": tables, "model": model, "batches": batches}[sys.argv[1]](*sys.argv[2:])
