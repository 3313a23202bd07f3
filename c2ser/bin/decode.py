"""Stage 12: answer for every utterance of a set, in explicit or implicit mode, and choose its class.

One table for each of the methods of the configuration: utt2pred (free: the class that the answer names, or
<invalid>), utt2scored (score: the most probable class) with posteriors in the order of `labels`, utt2constrained
(the class that the grammar led to). answers holds what was generated, decode.json how, with the cost. A table that an
earlier decoding left in the folder and this one does not make is removed. What is decoded is kept in JOURNAL until the
tables are written: a decoding that was stopped goes on, with the results of one that was not. Utterances of less than a
frame (25 ms) are filled up with zeros. A system that is normalised by speaker hears all recordings of each speaker of the
set first, without labels.
"""

import argparse
import contextlib
import logging
import time
from dataclasses import asdict
from pathlib import Path

from c2ser.at_work import at_work
from c2ser.bin.common import limit_caches
from c2ser.cot.questions import QUESTIONS, WORDS
from c2ser.datadir import DataDir, read_entries
from c2ser.errors import InputError
from c2ser.evaluation.metrics import INVALID
from c2ser.inference.bundle import MANIFEST
from c2ser.inference.decoding import read_decoding
from c2ser.inference.results import write_results
from c2ser.journal import Journal, digest, stamps
from c2ser.prosody.style import parse_style

JOURNAL = "decode.journal"

CHUNK = 1024
"""How many utterances are held in memory, and sorted into batches by length, at a time."""


def get_parser():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_system(parser)
    parser.add_argument("--mode", required=True, choices=("explicit", "implicit"), help="How to answer")
    parser.add_argument("--calibration", type=Path, help="What c2ser calibrate wrote, for label scoring")
    parser.add_argument("--paraphrase", type=int, default=0, help="Ask that paraphrase, from 1; 0: what training asked")
    parser.add_argument("--ensemble_prompts", type=int, default=0,
                        help="Ask so many paraphrases, too: the mean posterior (default: %(default)s)")  # fmt: skip
    parser.add_argument("--ask", nargs="+", default=[], choices=QUESTIONS, metavar="QUESTION",
                        help=f"Questions of style to ask, too, out of {', '.join(QUESTIONS)}")  # fmt: skip
    parser.add_argument("--num_jobs", type=int, default=1, help="Into how many parts the set is cut; see --job")
    parser.add_argument("--job", type=int, help="Decode that part, from 1, and write no tables; a run without it does")
    return parser


def add_system(parser):
    """Add the options that name a trained system, a set, and where what it says goes."""
    parser.add_argument("--model", type=Path, required=True, help="Folder with model.yaml")
    parser.add_argument("--data_dir", type=Path, required=True, help="The set")
    parser.add_argument("--audio_scp", type=Path, required=True, help="Dumped audio")
    parser.add_argument("--emotion_scp", type=Path, help="Emotion2Vec-S features made before; default: computed here")
    parser.add_argument("--config", type=Path, help="YAML with the fields of c2ser.inference.decoding.Decoding")
    parser.add_argument("--ngpu", type=int, default=0, help="0: CPU")
    parser.add_argument("--out_dir", type=Path, required=True, help="Folder of the results")


def main(argv=None):
    args = get_parser().parse_args(argv)
    if args.job is not None and not 1 <= args.job <= args.num_jobs:
        raise InputError(f"--job {args.job} of --num_jobs {args.num_jobs}: expected 1 to {args.num_jobs}")
    limit_caches()
    from c2ser.inference.calibration import Calibration
    from c2ser.inference.predictor import Prediction, Predictor

    calibration = Calibration.read(args.calibration) if args.calibration else None
    predictor = Predictor(
        args.model, "cuda" if args.ngpu else "cpu", read_decoding(args.config), calibration, args.paraphrase,
        ensemble=args.ensemble_prompts, questions=args.ask,
    )  # fmt: skip
    for paraphrase in (args.paraphrase, args.ensemble_prompts):  # an unknown paraphrase is told before the work
        predictor.question(args.mode, paraphrase)
    utterances = DataDir(args.data_dir).utterances()
    tables = read_tables(args, predictor, args.mode, utterances)
    further = {"paraphrase": args.paraphrase, "ensemble": args.ensemble_prompts, "ask": args.ask}
    what = inputs(args, predictor, args.mode, utterances, tables, **further)
    if args.job:
        with Journal(args.out_dir / f"{JOURNAL}.{args.job}", what) as journal:
            decode(predictor, args.mode, utterances[args.job - 1 :: args.num_jobs], tables, journal)
        return
    with contextlib.ExitStack() as stack:
        parts = [Journal(path, what) for path in (args.out_dir / JOURNAL, *args.out_dir.glob(f"{JOURNAL}.*"))]
        journal, *others = [stack.enter_context(part) for part in parts]
        for entry in [entry for other in others for entry in other.done.values()]:
            journal.add(entry)
        decode(predictor, args.mode, utterances, tables, journal)
        made = journal.made()
        predictions = {utterance: Prediction(**made[utterance]) for utterance in utterances}
        write(args, predictions, predictor, [entry["cost"] for entry in journal.done.values()])
        for part in parts:
            part.remove()


def read_tables(args, predictor, mode, utterances):
    """What `decode` reads of a set: see its `tables`."""
    data, styles = DataDir(args.data_dir), None
    if predictor.is_told(mode):
        styles = read_entries(data.path / "utt2style", utterances, "run c2ser make-style")
    return {
        "audio": read_entries(args.audio_scp, utterances),
        "emotion": read_entries(args.emotion_scp, utterances) if args.emotion_scp else None,
        "texts": read_entries(data.path / "text", utterances, empty_ok=True) if predictor.reads_text(mode) else None,
        "speakers": read_entries(data.path / "utt2spk", utterances) if predictor.by_speaker(mode) else None,
        "styles": styles and {one: parse_style(styles[one], f"{data.path}/utt2style: {one}") for one in utterances},
    }


def inputs(args, predictor, mode, utterances, tables, **further):
    """What decides the results of a decoding, for its journal."""
    bundle = predictor.bundle
    sections = [bundle.modes[mode], *([bundle.emotion] if bundle.emotion else [])]
    parts = [section[part] for section in sections for part in ("config", "checkpoint")]
    return {
        "model": stamps(args.model / MANIFEST, bundle.llm, bundle.whisper, *parts), "mode": mode,
        "decoding": asdict(predictor.decoding), "correction": asdict(predictor.correction),
        "data": stamps(args.audio_scp, args.emotion_scp), "tables": digest([utterances, tables]), **further,
    }  # fmt: skip


def decode(predictor, mode, utterances, tables, journal):
    """Answer for all utterances that the journal does not have yet, and write each batch of answers into it.

    tables: "audio" → utterance → entry of wav.scp; "emotion", "texts", "speakers", "styles" and, to score given ones or
    to draw, "rationales" and "seeds" likewise, or None. Batches are those of an
    unbroken run: a chunk is worked through by length, and what is left of it is its end.
    """
    from tqdm import tqdm

    from c2ser.ark import read_ark

    done = journal.made()
    speakers = tables["speakers"] and enrol(predictor, mode, tables, [one for one in utterances if one not in done])
    with tqdm(total=len(utterances), initial=len(done), unit="utt", mininterval=2) as bar:
        for first in range(0, len(utterances), CHUNK):
            chunk = [utterance for utterance in utterances[first : first + CHUNK] if utterance not in done]
            at_work(chunk)
            samples, speech = zip(*[wave(tables["audio"][utterance]) for utterance in chunk]) if chunk else ((), ())
            clock = Clock(predictor)

            def keep(batch, chunk=chunk, samples=samples, clock=clock):
                cost = {**clock.passed(), "samples": sum(samples[index] for index in batch)}
                journal.keep({chunk[index]: asdict(prediction) for index, prediction in batch.items()}, cost=cost)
                bar.update(len(batch))

            predictor(
                list(speech), mode, made=keep, names=chunk,
                emotion=tables["emotion"] and [read_ark(tables["emotion"][utterance]) for utterance in chunk],
                transcripts=tables["texts"] and [tables["texts"][utterance] for utterance in chunk],
                speakers=speakers and [speakers[tables["speakers"][utterance]] for utterance in chunk],
                **{name: tables[name] and [tables[name][one] for one in chunk]
                   for name in ("styles", "rationales", "seeds") if tables.get(name)},
            )  # fmt: skip
            del speech  # before the next chunk is read


def wave(entry):
    """How many samples an entry of wav.scp has, and these, filled up to one frame."""
    import numpy as np

    from c2ser.audio import MIN_SAMPLES, read_audio

    samples = read_audio(entry)
    return len(samples), np.pad(samples, (0, max(0, MIN_SAMPLES - len(samples))))


def enrol(predictor, mode, tables, wanted):
    """Speaker → what `Predictor.enrol` gives of all of the speaker's recordings in the set, for the speakers of `wanted`."""
    from c2ser.ark import read_ark

    utterances = {tables["speakers"][utterance]: [] for utterance in wanted}
    for utterance, speaker in tables["speakers"].items():
        if speaker in utterances:
            utterances[speaker].append(utterance)
    return {
        speaker: predictor.enrol(
            (wave(tables["audio"][utterance])[1] for utterance in own), mode, names=own,
            emotion=tables["emotion"] and (read_ark(tables["emotion"][utterance]) for utterance in own),
        )
        for speaker, own in utterances.items()
    }  # fmt: skip


class Clock:
    """Seconds that go by, in all and in the parts that a Predictor counts."""

    def __init__(self, predictor):
        self.predictor = predictor
        self.last = self._now()

    def passed(self):
        """Those since the last call: "all", "generation" and "scoring"."""
        before, self.last = self.last, self._now()
        return {name: self.last[name] - before[name] for name in before}

    def _now(self):
        return {"all": time.perf_counter(), **self.predictor.seconds}


def write(args, predictions, predictor, costs):
    """Write the tables of the methods used, then how the set was decoded and what that cost."""
    from c2ser.inference.asking import format_asked

    methods, tables = predictor.decoding.methods, {}
    if "free" in methods or args.mode == "explicit":
        tables["answers"] = {utt: " ".join(p.text.split()) for utt, p in predictions.items()}
    if "free" in methods:
        tables["utt2pred"] = {utt: p.parsed or INVALID for utt, p in predictions.items()}
    if "score" in methods:
        tables["utt2scored"] = {utt: p.label for utt, p in predictions.items()}
        tables["posteriors"] = {utt: p.posterior.values() for utt, p in predictions.items()}
    if "constrained" in methods:
        tables["utt2constrained"] = {utt: p.constrained for utt, p in predictions.items()}
    if predictor.questions:
        tables["utt2asked"] = {utt: format_asked(p.asked) for utt, p in predictions.items()}
    if WORDS in predictor.questions:
        tables["asked_words"] = {utt: p.asked[WORDS] for utt, p in predictions.items()}
    content = account(args, predictions, predictor, costs)
    write_results(args.out_dir, predictor.labels, tables, content)
    logging.info("%s: %d utterances, %.3f s an utterance", args.out_dir, len(predictions), content["seconds_per_utterance"])


def account(args, predictions, predictor, costs):
    """The content of decode.json. costs: of each batch, the seconds of a `Clock` and the samples of speech."""
    from c2ser.audio import SAMPLE_RATE
    from c2ser.evaluation.environment import machine_account

    count, correction = len(predictions), predictor.correction
    each = {name: sum(cost[name] for cost in costs) / count for name in ("all", "generation", "scoring", "samples")}
    free = "free" in predictor.decoding.methods
    return {
        "mode": args.mode, "utterances": count,
        "invalid": sum(p.parsed is None for p in predictions.values()) if free else None,
        "normalised_by_speaker": predictor.by_speaker(args.mode),
        "without_sound": [utterance for utterance, p in predictions.items() if not p.sound],
        "tokens_per_utterance": sum(p.tokens for p in predictions.values()) / count,
        "seconds_per_utterance": each["all"], "generation_seconds_per_utterance": each["generation"],
        "scoring_seconds_per_utterance": each["scoring"], "audio_seconds_per_utterance": each["samples"] / SAMPLE_RATE,
        **machine_account(predictor.device, predictor.precision(args.mode)),
        "languages": predictor.languages, "paraphrase": args.paraphrase, "prompt": predictor.question(args.mode),
        "ensemble_prompts": args.ensemble_prompts, "asked": args.ask,
        "decoding": asdict(predictor.decoding),
        "calibration": args.calibration and {"file": str(args.calibration), **asdict(correction)},
    }  # fmt: skip
