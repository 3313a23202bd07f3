"""Silver labels for the unlabelled utterances of a data directory: kept where a speech and a text teacher agree.

Writes utt2emo.silver (utterance, label), utt2emo.silver.conf (utterance, confidence of the speech teacher, of the text
teacher), utt2emo.silver.excluded (utterance, why it has none) and utt2emo.silver.json (thresholds, counts, precision).
utt2emo is never touched; an utterance with a label there, other than `unknown`, gets no silver one.

With --gold_dir the same rule is applied to labelled utterances, and its precision and coverage are printed for each
class. They tell of unlabelled speech only as far as the labelled part resembles it and neither teacher was trained on
it. With --precision the thresholds of each class are chosen there, as low as they may be; the precision reported is
then measured on utterances that did not take part in the choice (5 parts, by speaker).
"""

import argparse
import logging
from pathlib import Path

from c2ser.datadir import DataDir, write_table
from c2ser.errors import InputError
from c2ser.jsonfile import write_json

TABLE = "utt2emo.silver"


def get_parser():
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data_dir", type=Path, required=True, help="Data directory to label")
    parser.add_argument("--speech", type=Path, nargs="+", required=True,
                        help="Folders with posteriors and labels of the speech teacher (probe, decode)")  # fmt: skip
    parser.add_argument("--text", type=Path, nargs="+", required=True,
                        help="Folders with posteriors and labels of the text teacher (classify-text)")  # fmt: skip
    parser.add_argument("--speech_threshold", help='Confidence that it must reach, as 0.8 or "0.8 fearful=0.6"')
    parser.add_argument("--text_threshold", help="The same for the text teacher")
    parser.add_argument("--gold_dir", type=Path, nargs="+", default=[],
                        help="Data directories with utt2emo, on which precision is measured; the teachers' folders "
                        "must hold their utterances, too")  # fmt: skip
    parser.add_argument("--precision", type=float,
                        help="Choose thresholds on --gold_dir that reach this precision in each class; thresholds that "
                        "are given are then lower bounds (default: 0)")  # fmt: skip
    parser.add_argument("--min_kept", type=int, default=10,
                        help="With --precision: labelled utterances that a class must keep, or else it is left out "
                        "altogether (default: %(default)s)")  # fmt: skip
    return parser


def main(argv=None):
    """Read, choose, label, measure, write."""
    args = get_parser().parse_args(argv)
    from c2ser.silver.agreement import make_silver, read_teacher
    from c2ser.silver.precision import choose_rule, cross_fitted, format_measure, kept_labels, measure

    rule = given_rule(args)
    data = DataDir(args.data_dir)
    speech, text = read_teacher(args.speech), read_teacher(args.text)
    judged = judged_utterances(args.gold_dir, speech, text)
    measured = labels = None
    if args.precision is not None:
        labels = cross_fitted(judged, args.precision, rule, args.min_kept)
        rule = choose_rule(judged, args.precision, rule, args.min_kept)
    if judged:
        measured = measure(judged, labels or kept_labels(judged, rule))
    silver = make_silver(data.utterances(), data.labels(optional=True), speech, text, rule)
    report = {
        "speech": [str(folder) for folder in args.speech], "text": [str(folder) for folder in args.text],
        "precision_wanted": args.precision,
        "thresholds": thresholds(rule, {opinion.label for opinion in speech.values()}),
        "utterances": len(silver.labels) + len(silver.left_out), "silver": len(silver.labels),
    }  # fmt: skip
    report["kept"], report["left_out"] = silver.counts()
    report |= {
        "gold_dirs": [str(path) for path in args.gold_dir],
        "cross_fitted": labels is not None,
        "measured": measured,
    }
    write(data, silver, report)
    print_report(report)
    if measured:
        print(format_measure(measured))
    if not silver.labels:
        logging.warning("%s/%s: no utterance got a silver label; see the counts and thresholds", data.path, TABLE)


def given_rule(args):
    """The Rule of the options. Raises InputError where they do not make one."""
    from c2ser.silver.agreement import Rule, Thresholds

    if args.precision is None:
        if not (args.speech_threshold and args.text_threshold):
            raise InputError("give --speech_threshold and --text_threshold, or let --precision choose them")
    elif not args.gold_dir:
        raise InputError("--precision needs --gold_dir, labelled utterances to choose thresholds on")
    elif not 0 < args.precision <= 1:
        raise InputError(f"--precision {args.precision}: expected a share, more than 0 and at most 1")
    return Rule(
        Thresholds.parse(args.speech_threshold or "0", "--speech_threshold"),
        Thresholds.parse(args.text_threshold or "0", "--text_threshold"),
    )


def judged_utterances(gold_dirs, speech, text):
    """The labelled utterances of some directories, as a list of Judged.

    Raises InputError where a directory has none, where a teacher knows none of them, and for an utterance in two of the
    directories.
    """
    from c2ser.silver.precision import Judged

    judged = {}
    for path in gold_dirs:
        data = DataDir(path)
        gold, speakers = data.labels(optional=True), data.read("utt2spk")
        if not gold:
            raise InputError(f"{path}/utt2emo: no labelled utterance; --gold_dir needs some")
        for name, opinions in (("speech", speech), ("text", text)):
            if not any(utterance in opinions for utterance in gold):
                raise InputError(
                    f"--{name}: posteriors of no labelled utterance of {path}; let the teacher judge it, too"
                )
        for utterance, label in gold.items():
            if utterance in judged:
                raise InputError(f"{path}/utt2emo: {utterance} is in another --gold_dir, too")
            if utterance not in speakers:
                raise InputError(f"{path}/utt2spk: no entry for {utterance}; utils/fix_data_dir.sh mends the directory")
            judged[utterance] = Judged(label, speech.get(utterance), text.get(utterance), speakers[utterance])
    return list(judged.values())


def thresholds(rule, labels):
    """Teacher → class → threshold, null for a class that is left out."""
    ordered = sorted(labels)
    return {name: {label: part.of(label) for label in ordered} for name, part in rule._asdict().items()}


def write(data, silver, report):
    """Write the four files; the labels last, so that what stands beside them is theirs."""
    confidences = {
        utt: f"{speech.confidence:.6f} {text.confidence:.6f}" for utt, (speech, text) in silver.opinions.items()
    }
    write_json(data.path / f"{TABLE}.json", report)
    write_table(data.path / f"{TABLE}.excluded", silver.left_out)
    write_table(data.path / f"{TABLE}.conf", confidences)
    write_table(data.path / TABLE, silver.labels)


def print_report(report):
    """Print what was kept and what was left out."""
    kept = ", ".join(f"{count} {label}" for label, count in report["kept"].items())
    print(f"{report['silver']} of {report['utterances']} utterances get a silver label{': ' if kept else ''}{kept}")
    left = ", ".join(f"{count} {reason}" for reason, count in report["left_out"].items() if count)
    print(f"left out: {left or 'none'}")
    off = [label for label, value in report["thresholds"]["speech"].items() if value is None]
    if off:
        print(f"classes that do not reach the precision and are left out: {', '.join(off)}")
