"""Score predictions on one test set, or on several pooled.

  c2ser score data/test answers.txt          any system's answers: lines `utterance<TAB or blank>answer`
  c2ser score data/test exp/decode_test      what this project decoded
  c2ser score --data_dir data/fold*/test --decode_dir exp/fold*/decode_test --out exp/score.json

Answers may be labels or free text in any of the languages that decoding reads, in UTF-8, UTF-16, GB18030 or latin-1.
An answer that names no emotion, or several, is invalid and counts as wrong, and so does a missing one. Everything that
is not plainly an answer to an utterance of the test set is counted, and listed in <out>.problems, a table with TABs.

Beside --out lies the confusion matrix, .png, and where an answer has a posterior, the reliability diagram,
.reliability.png. Where there are posteriors, the scores of the best class among those of
the test set are given as well ("restricted"), and where the test set has a table utt2votes (`utterance angry:2 sad:1`),
scores against the annotators' votes ("soft"; c2ser/evaluation/soft.py says what they are).
"""

import argparse
import logging
from pathlib import Path

from c2ser.bin.common import add_bootstrap_options
from c2ser.errors import InputError
from c2ser.evaluation.answers import MISSING, read_answer_set, summarise, write_problems
from c2ser.evaluation.predictions import METHODS, TABLES, read_set
from c2ser.evaluation.results import format_table, group_rows, score_rows
from c2ser.evaluation.scoring import score_sets
from c2ser.evaluation.soft import soft_rows
from c2ser.fileio import atomic_write
from c2ser.jsonfile import write_json


def get_parser():
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pair", nargs="*", metavar="DATA_DIR ANSWERS",
                        help="one test set and its answers, in place of --data_dir and --decode_dir")  # fmt: skip
    parser.add_argument("--data_dir", nargs="+", help="test sets: directories with utt2emo and utt2spk")
    parser.add_argument("--decode_dir", nargs="+",
                        help="what was decoded of each, in the same order, or files of answers")  # fmt: skip
    parser.add_argument("--pred", choices=TABLES, default=TABLES[0],
                        help="which predictions of a decoding to score (default: %(default)s)")  # fmt: skip
    parser.add_argument("--missing", choices=MISSING, default=MISSING[0],
                        help="utterances without a line in a file of answers: invalid answers, or left out, which makes"
                        " n smaller (default: %(default)s)")  # fmt: skip
    parser.add_argument("--out", help="the score file, .json (default for DATA_DIR ANSWERS: ANSWERS.score.json)")
    add_bootstrap_options(parser)
    return parser


def main(argv=None):
    """Read, score, write the score file, the picture and the problems, print the scores."""
    args = get_parser().parse_intermixed_args(argv)
    data_dirs, answers, out = resolve(args)
    if out.suffix != ".json":
        raise InputError(f"--out {out}: must end in .json")
    if args.draws < 1:
        raise InputError(f"--draws {args.draws}: at least 1 is needed")
    files, table = [], args.pred
    if any(Path(path).is_file() for path in answers):
        sets, files = read_answers(data_dirs, answers, args)
        table = "answers"
    elif args.missing != MISSING[0]:
        raise InputError(f"--missing {args.missing}: is for files of answers; a decoding has to be complete")
    else:
        sets = [read_set(*pair, args.pred) for pair in zip(data_dirs, answers)]
    score = score_sets(sets, table, args.draws, args.seed, args.unit)
    score["answers"] = summarise(files, args.missing) if files else None
    write_pictures(score, out)
    problems = Path(f"{out}.problems")
    if files:
        with atomic_write(problems) as stream:
            write_problems(files, stream)
    write_json(out, score)
    print_score(str(out), score)
    if files:
        report_problems(score, problems)


def resolve(args):
    """Test sets, what was answered to each, and the score file, of either form of the command line."""
    if args.pair:
        if args.data_dir or args.decode_dir:
            raise InputError("give DATA_DIR ANSWERS or --data_dir and --decode_dir, not both")
        if len(args.pair) != 2:
            raise InputError(
                f"{' '.join(args.pair)}: expected DATA_DIR ANSWERS; several sets go behind --data_dir and --decode_dir"
            )
        data_dir, answers = args.pair
        if not Path(answers).exists():
            raise InputError(f"{answers}: no such file of answers, and no such decoding")
        return [data_dir], [answers], Path(args.out or f"{Path(answers)}.score.json")
    absent = [option for option in ("data_dir", "decode_dir", "out") if not getattr(args, option)]
    if absent:
        raise InputError(f"--{', --'.join(absent)}: absent; or give DATA_DIR ANSWERS")
    if len(args.data_dir) != len(args.decode_dir):
        raise InputError(
            f"{len(args.data_dir)} --data_dir but {len(args.decode_dir)} --decode_dir: give one decoding for each set"
        )
    return args.data_dir, args.decode_dir, Path(args.out)


def read_answers(data_dirs, answers, args):
    """`PredictedSet`s and `AnswerFile`s of files of answers."""
    directories = [path for path in answers if Path(path).is_dir()]
    if directories:
        raise InputError(f"{directories[0]}: a decoding, but others are files of answers; score them apart")
    if args.pred != TABLES[0]:
        raise InputError(f"--pred {args.pred}: is for decodings; a file of answers holds one answer an utterance")
    return zip(*(read_answer_set(*pair, args.missing) for pair in zip(data_dirs, answers)))


def write_pictures(score, out):
    """Draw the confusion matrix of a score and, where it has one, the reliability diagram; one left behind goes."""
    from c2ser.evaluation.plots import confusion_matrix, reliability_diagram

    mode = (score["decode"] or {}).get("mode")
    method = METHODS.get(score["table"]) if mode else None  # what has no modes, such as a probe, answers in one way
    ua = 100 * score["scores"]["ua"]["value"]
    title = ", ".join(filter(None, (mode, method, f"n = {score['n']}", f"UA {ua:.1f} %")))
    confusion_matrix(score["confusion"], score["labels"], title, out.with_suffix(".png"))
    reliability = out.with_suffix(".reliability.png")
    if score["reliability"] is None:
        reliability.unlink(missing_ok=True)
    else:
        title = f"n = {score['n']}, ECE {100 * score['ece']:.1f} %"
        reliability_diagram(score["reliability"], title, reliability)


def print_score(name, score):
    """Print the row of a score, the restricted one where it says something else, and what votes give."""
    rows = {name: score}
    restricted = score["restricted"]
    if restricted and restricted["left_out"]:
        rows[f"{name}, posteriors among {len(restricted['per_class'])} classes"] = {**score, **restricted}
    print(format_table(score_rows(rows)))
    for grouping in score["groups"]:
        print(f"\n{format_table(group_rows({name: score}, grouping))}")
    if soft_rows({name: score}):
        print(f"\n{format_table(soft_rows({name: score}))}")


def report_problems(score, path):
    """Say how many problems the answers had, and of how many utterances the score is."""
    answers = score["answers"]
    for one in answers["files"]:
        logging.info("%s: %d lines, %s", one["path"], one["lines"], one["encoding"])
    found = {kind: number for kind, number in answers["problems"].items() if number}
    if found:
        listed = ", ".join(f"{number} {kind}" for kind, number in found.items())
        logging.warning("%d problems: %s; they are listed in %s", sum(found.values()), listed, path)
    if answers["skipped"]:
        logging.warning(
            "%d of %d utterances have no answer and are left out: n = %d",
            answers["skipped"], answers["skipped"] + score["n"], score["n"],
        )  # fmt: skip
