"""Where words and voice disagree: how often does an answer follow the voice, the words, neither?

--words and --voice are tables `utterance class`: the emotion of the words alone (of c2ser classify-text, or annotators)
and that of the voice. Utterances of --data_dir that are in both with different classes are the conflict set; those with
one class in both are counted beside it. Writes a .json and prints the shares with 95 % intervals over speakers.
"""

import argparse
from pathlib import Path

from c2ser.datadir import DataDir, read_entries, read_table
from c2ser.emotions import UNLABELLED
from c2ser.errors import InputError
from c2ser.evaluation.predictions import METHODS
from c2ser.jsonfile import write_json


def get_parser():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data_dir", type=Path, required=True, help="The set, for its speakers")
    parser.add_argument("--words", type=Path, required=True, help="Table: the class of the words")
    parser.add_argument("--voice", type=Path, required=True, help="Table: the class of the voice")
    parser.add_argument("--decode_dir", type=Path, required=True, help="What c2ser decode or a probe made")
    parser.add_argument("--pred", default="utt2pred", choices=METHODS, help="Which answers (default: %(default)s)")
    parser.add_argument("--out", type=Path, required=True, help="The file to write, .json")
    return parser


def main(argv=None):
    args = get_parser().parse_args(argv)
    from c2ser.evaluation.conflict import follow
    from c2ser.evaluation.faithfulness import shown
    from c2ser.evaluation.predictions import check_labels
    from c2ser.evaluation.results import format_table

    if args.out.suffix != ".json":
        raise InputError(f"--out {args.out}: must end in .json")
    sides = []
    for path in (args.words, args.voice):
        sides.append({one: label for one, label in read_table(path).items() if label != UNLABELLED})
        check_labels(sides[-1], path)
    known = [one for one in DataDir(args.data_dir).utterances() if all(one in side for side in sides)]
    answers = read_entries(args.decode_dir / args.pred, known, "decode the set again")
    speakers = read_entries(args.data_dir / "utt2spk", known)
    words, voice = sides
    found = follow(*({one: table[one] for one in known} for table in (words, voice, answers, speakers)))
    read = {"words": str(args.words), "voice": str(args.voice), "answers": f"{args.decode_dir}/{args.pred}"}
    write_json(args.out, read | found)
    rows = [["Answers follow", "of", "utterances", "share %"]]
    for side in ("voice", "words", "neither"):
        rows.append([side, str(found["n"]), str(found["counts"][side]), shown(found["shares"][side], 100, 1)])
    print(format_table(rows))
    print(f"where both agree: {found['agreeing_right']} of {found['agreeing']} answered so")
