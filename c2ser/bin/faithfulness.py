"""Is the chain used? Change the levels that rationales state, and see how the posteriors behind them change.

Of each utterance the system judges the rationale as given (--rationales, as c2ser decode writes `answers` in explicit mode),
and with its levels swapped (each into an opposite), shuffled (into those of another utterance) and removed. Speech,
quotation and all other words stay; who then says the same as before does not count. A system that draws its verdict from
what the rationale says must change its mind; one that goes by the sound alone must not. Writes faithfulness.tsv (a line an
utterance and change) and faithfulness.json, and prints the means with 95 % intervals over speakers. A run that was stopped goes on.
"""

import argparse
from pathlib import Path

from c2ser.bin.common import limit_caches
from c2ser.bin.decode import add_system, decode, inputs, read_tables
from c2ser.cot.alter import CHANGES, alter, altered, partners
from c2ser.cot.check import parse_style_levels
from c2ser.datadir import DataDir, read_entries
from c2ser.errors import InputError
from c2ser.fileio import atomic_write
from c2ser.inference.decoding import read_decoding
from c2ser.journal import Journal
from c2ser.jsonfile import write_json


def get_parser():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_system(parser)
    parser.add_argument("--rationales", type=Path, required=True, help="Explicit answers, or cot_explicit")
    parser.add_argument("--seed", type=int, default=0, help="Of the shuffling (default: %(default)s)")
    return parser


def main(argv=None):
    args = get_parser().parse_args(argv)
    limit_caches()
    from c2ser.evaluation.faithfulness import changes, summarise, summary_rows
    from c2ser.evaluation.rationales import language_of
    from c2ser.evaluation.results import format_table
    from c2ser.inference.predictor import Predictor

    decoding = read_decoding(args.config)
    decoding.methods = ["score"]
    predictor = Predictor(args.model, "cuda" if args.ngpu else "cpu", decoding)
    if predictor.answers.order == "first":
        raise InputError(f"{args.model}: gives its verdict first, before any rationale; nothing could depend on it")
    every = DataDir(args.data_dir).utterances()
    given = read_entries(args.rationales, every, "decode the set in explicit mode", empty_ok=True)
    languages = {utterance: language_of(given[utterance], predictor.languages) for utterance in every}
    utterances = [one for one in every if alter(given[one], languages[one], lambda measure, level: level)[1]]
    if not utterances:
        raise InputError(f"{args.rationales}: no rationale states a level in the phrases of its language's templates")
    speakers = read_entries(args.data_dir / "utt2spk", utterances)
    tables, judged, texts = read_tables(args, predictor, "explicit", utterances), {}, {}
    levels = {one: parse_style_levels(given[one], languages[one]) for one in utterances}
    others, journals = {one: levels[partner] for one, partner in partners(utterances, args.seed).items()}, []
    for change in ("given", *CHANGES):
        tables["rationales"] = texts[change] = {
            one: given[one] if change == "given" else altered(one, given[one], languages[one], change, others[one])[0]
            for one in utterances
        }
        what = inputs(args, predictor, "explicit", utterances, tables)
        with Journal(args.out_dir / f"faithfulness.{change}.journal", what) as journal:
            decode(predictor, "explicit", utterances, tables, journal)
            made = journal.made()
        judged[change] = {one: made[one]["posterior"] for one in utterances}
        journals.append(journal)
    before = judged.pop("given")
    found = {
        change: {one: changes(before[one], after[one]) for one in utterances if texts[change][one] != given[one]}
        for change, after in judged.items()
    }
    summary = {change: summarise(rows, speakers) for change, rows in found.items() if rows}
    with atomic_write(args.out_dir / "faithfulness.tsv") as stream:
        stream.write("utterance\tchange\tmoved\tdrop\tother\n")
        for change, rows in found.items():
            for one, row in rows.items():
                stream.write(f"{one}\t{change}\t{row['moved']:.6g}\t{row['drop']:.6g}\t{row['other']}\n")
    account = {"utterances": len(utterances), "without_levels": len(every) - len(utterances), "seed": args.seed}
    write_json(args.out_dir / "faithfulness.json", {**account, "changes": summary})
    for journal in journals:
        journal.remove()
    print(f"{len(utterances)} utterances, {len(every) - len(utterances)} whose rationale states no level are left out")
    print(format_table(summary_rows(summary)))
