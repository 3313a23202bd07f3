"""Baseline: ask Qwen2-Audio for the emotion of every utterance of a set.

--model is a local Hugging Face folder, such as Qwen2-Audio-7B-Instruct's. The questions are in c2ser.baselines.prompts
and, as they were asked, in decode.json. --methods free writes answers, greedy ones, and utt2pred (the class that the
answer names, or <invalid>); score writes posteriors and utt2scored (the class whose answer is most likely). The model
hears 30 s; longer utterances are judged by their first 30 s and listed in decode.json.
"""

import argparse
import logging
import os

from c2ser.baselines.options import add_options, check_numbers, chosen_labels
from c2ser.bin.classify_text import question_languages
from c2ser.datadir import DataDir, read_entries
from c2ser.datadir.faults import some
from c2ser.evaluation.environment import machine_account
from c2ser.evaluation.metrics import INVALID
from c2ser.inference.results import most_probable, write_results


def get_parser():
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, "model", "data_dir", "audio_scp", "labels", "language")
    parser.add_argument("--methods", nargs="+", default=["free", "score"], choices=("free", "score"),
                        help="Which answers are wanted (default: both)")  # fmt: skip
    parser.add_argument("--max_new_tokens", type=int, default=20,
                        help="Where a free answer is cut (default: %(default)s)")  # fmt: skip
    add_options(parser, batch_size={"default": 4})
    add_options(parser, "ngpu", "dtype", "out_dir")
    return parser


def main(argv=None):
    """Read, ask, write."""
    args = get_parser().parse_args(argv)
    check_numbers(args, "batch_size", "max_new_tokens")
    labels = chosen_labels(args)
    data = DataDir(args.data_dir)
    utterances = data.utterances()
    audio = read_entries(args.audio_scp, utterances)
    languages = question_languages(data, utterances, args.language)
    os.environ["HF_HUB_OFFLINE"] = "1"
    import time

    from c2ser.audio import SAMPLE_RATE
    from c2ser.baselines.qwen2_audio import Qwen2Audio

    model = Qwen2Audio(args.model, "cuda" if args.ngpu else "cpu", args.dtype)
    start = time.perf_counter()
    judged, cut = ask(model, utterances, audio, languages, labels, args)
    write(args, labels, languages, judged, cut, model.window / SAMPLE_RATE, time.perf_counter() - start)


def ask(model, utterances, audio, languages, labels, args):
    """Utterance → `Judgement`, and the utterances of which only the beginning was heard."""
    from tqdm import tqdm

    from c2ser.audio import has_sound, read_audio
    from c2ser.inference.batching import run_batches

    judged, cut = {}, set()
    with tqdm(total=len(utterances), unit="utt", mininterval=2) as bar:

        def work(batch):
            waves = [read_audio(audio[utterance]) for utterance in batch]
            for utterance, wave in zip(batch, waves):
                has_sound(wave, utterance)  # warns where there is none
            spoken = [languages[utterance] for utterance in batch]
            judged.update(zip(batch, model.judge(waves, spoken, labels, args.methods, args.max_new_tokens)))
            cut.update(utterance for utterance, wave in zip(batch, waves) if len(wave) > model.window)
            bar.update(len(batch))

        run_batches(utterances, args.batch_size, work, str)
    return judged, sorted(cut)


def write(args, labels, languages, judged, cut, window, seconds):
    """Write the tables of the methods used, then how they were made. window: seconds of an utterance that are heard."""
    from c2ser.baselines.prompts import question

    tables, account = {}, {"mode": "Qwen2-Audio", "utterances": len(judged), "invalid": None}
    if "free" in args.methods:
        tables["answers"] = {utterance: " ".join(one.text.split()) for utterance, one in judged.items()}
        tables["utt2pred"] = {utterance: one.parsed or INVALID for utterance, one in judged.items()}
        account["invalid"] = sum(one.parsed is None for one in judged.values())
        account["tokens_per_utterance"] = sum(one.tokens for one in judged.values()) / len(judged)
    if "score" in args.methods:
        tables["posteriors"] = {utterance: one.posterior for utterance, one in judged.items()}
        tables["utt2scored"] = most_probable(labels, tables["posteriors"])
    account |= {
        "seconds_per_utterance": seconds / len(judged), "model": str(args.model), "dtype": args.dtype,
        "methods": sorted(args.methods), "max_new_tokens": args.max_new_tokens, "heard_seconds": window, "longer": cut,
        "prompts": {language: question(language, labels) for language in sorted(set(languages.values()))},
        **machine_account("cuda" if args.ngpu else "cpu"),
    }  # fmt: skip
    write_results(args.out_dir, labels, tables, account)
    logging.info("%s: %d utterances judged", args.out_dir, len(judged))
    if cut:
        logging.warning("%d utterances are longer than the %g s that are heard: %s", len(cut), window, some(cut))
