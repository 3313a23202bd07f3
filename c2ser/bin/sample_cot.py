"""Draw rationales from an explicit system and keep those that are right, for stage 1 to go on with.

Of every utterance that has a text in --texts, --samples rationales are drawn. One is right whose verdict is the label,
whose stated levels are exactly the measured ones (utt2style), and which is in the language of its text. Writes `chosen`
(the first right one of each utterance), `explicit` (that, or where there is none the text of --texts) and sample.json:
how many were kept, and how many refused for each reason. What is drawn follows from --seed, utterance and number alone;
a run that was stopped goes on. What a rationale quotes is what the model heard: no reason, but for --exact_words true.
"""

import argparse
import hashlib
import logging
from collections import Counter
from pathlib import Path

from c2ser.bin.common import limit_caches, str_to_bool
from c2ser.bin.decode import add_system, decode, inputs, read_tables
from c2ser.datadir import DataDir, read_entries, read_table, write_table
from c2ser.errors import InputError
from c2ser.inference.decoding import read_decoding
from c2ser.journal import Journal
from c2ser.jsonfile import write_json
from c2ser.prosody.style import parse_style


def get_parser():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_system(parser)
    parser.add_argument("--texts", type=Path, help="Rationales to go on from; default: cot_explicit")
    parser.add_argument("--samples", type=int, default=4, help="Rationales drawn an utterance (default: %(default)s)")
    parser.add_argument("--temperature", type=float, default=0.8, help="Of the draws (default: %(default)s)")
    parser.add_argument("--top_p", type=float, default=0.95, help="Draw from the likeliest tokens of this share")
    parser.add_argument("--exact_words", type=str_to_bool, default=False, help="Refuse wrong quotes, too")
    parser.add_argument("--seed", type=int, default=0, help="Of the draws (default: %(default)s)")
    return parser


def main(argv=None):
    args = get_parser().parse_args(argv)
    if args.samples < 1 or not args.temperature > 0 or not 0 < args.top_p <= 1:
        raise InputError("--samples from 1, --temperature above 0, --top_p above 0 and up to 1 are needed")
    data, source = DataDir(args.data_dir), args.texts or args.data_dir / "cot_explicit"
    texts = read_table(source)
    wanted = read_wanted(data, source, texts)
    limit_caches()
    from c2ser.inference.predictor import Predictor

    decoding = read_decoding(args.config)
    decoding.methods, decoding.num_beams = ["free"], 1
    predictor = Predictor(args.model, "cuda" if args.ngpu else "cpu", decoding)
    if predictor.answers.order == "first":
        raise InputError(f"{args.model}: gives its verdict first; rationales are drawn from systems that give it last")
    predictor.sampling = args.temperature, args.top_p
    utterances, drawn, journals = sorted(texts), [], []
    tables = read_tables(args, predictor, "explicit", utterances)
    for number in range(1, args.samples + 1):
        tables["seeds"] = {utterance: draw_seed(args.seed, utterance, number) for utterance in utterances}
        what = inputs(args, predictor, "explicit", utterances, tables, sampling=predictor.sampling)
        with Journal(args.out_dir / f"sample.{number}.journal", what) as journal:
            decode(predictor, "explicit", utterances, tables, journal)
            made = journal.made()
        drawn.append({utterance: " ".join(made[utterance]["text"].split()) for utterance in utterances})
        journals.append(journal)
    chosen, account = choose(drawn, wanted, args.exact_words)
    args.out_dir.mkdir(parents=True, exist_ok=True)
    write_table(args.out_dir / "chosen", chosen)
    write_table(args.out_dir / "explicit", texts | chosen)
    options = {"temperature": args.temperature, "top_p": args.top_p, "seed": args.seed}
    write_json(args.out_dir / "sample.json", account | options)
    for journal in journals:
        journal.remove()
    logging.info("%s: %d of %d utterances have a right rationale; of %d drawn %d are right, refused: %s", args.out_dir,
                 len(chosen), len(texts), account["drawn"], account["right"], account["refused"])  # fmt: skip


def draw_seed(seed, utterance, number):
    """The seed of one draw, a number of 63 bits."""
    digest = hashlib.sha256(f"{seed}\t{utterance}\t{number}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def read_wanted(data, source, texts):
    """Utterance → (style, transcript, emotion, language) that its rationale must agree with.

    Raises InputError where one is missing, or the language of a text is not clear.
    """
    from c2ser.cot.check import detect_language

    utterances, words = list(texts), data.read("text", optional=True)
    styles = read_entries(data.path / "utt2style", utterances, "run c2ser make-style")
    emotions = read_entries(data.path / "utt2emo", utterances, "only labelled utterances have rationales")
    wanted = {}
    for utterance, text in texts.items():
        language = detect_language(text)
        if language is None:
            raise InputError(f"{source}: {utterance}: its language is not clear; rerun c2ser make-cot")
        style = parse_style(styles[utterance], f"{data.path}/utt2style: {utterance}")
        wanted[utterance] = style, words.get(utterance, ""), emotions[utterance], language
    return wanted


def choose(drawn, wanted, exact_words=False):
    """The first right rationale of each utterance, and the counts.

    drawn: for each draw utterance → text; wanted: of `read_wanted`. Counts: `utterances`, `chosen`, `drawn`, `right`, and
    of the others `refused`: reason → number, one rationale having one or more.
    """
    from c2ser.cot.check import chain_faults, quote_faults

    chosen, right, refused = {}, 0, Counter()
    for texts in drawn:
        for utterance, text in texts.items():
            style, transcript, emotion, language = wanted[utterance]
            faults = set(chain_faults(text, style, emotion, language))
            if exact_words and quote_faults(text, transcript):
                faults.add("quote")
            refused.update(faults)
            right += not faults
            if not faults:
                chosen.setdefault(utterance, text)
    account = {"utterances": len(wanted), "chosen": len(chosen), "drawn": sum(map(len, drawn)), "right": right}
    return chosen, {**account, "refused": dict(sorted(refused.items()))}
