"""How long scoring takes: reading answers in free text, and the intervals.

    python benchmarks/scoring.py
    python benchmarks/scoring.py --speakers 5000        # so many speakers

Answers: a file of that many lines, of several kinds and languages and no two alike, so that nothing read before helps;
timed from the file to the scores without intervals. Intervals: UA, WA and macro-F1 of random answers, by a bootstrap over
utterances, over speakers as most corpora allow, and with every utterance its own speaker. Time is that of the process,
which other programs disturb little.
"""

import argparse
import random
import tempfile
import time
from pathlib import Path

TEXTS = (
    "The speaker talks slowly with a high pitch and says: “We met at number {0}, it was a long way.” Emotion: {1}.",
    "In recording {0} the voice does not sound neutral at all, it is rather {1}.",
    "说话者以缓慢的速度说道：“第{0}次了，我知道”。情绪：{1}。",
    "Osoba numer {0} mówi szybko i głośno. Emocja: {1}.",
    "{1} ({0})",
    "I cannot tell what the speaker of file {0} feels, as I am a language model.",
)


def get_parser():
    """The benchmark's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=100_000, help="answers to read (default: %(default)s)")
    parser.add_argument("--utterances", type=int, default=35_000, help="of the intervals (default: %(default)s)")
    parser.add_argument("--speakers", type=int, nargs="+", help="so many speakers; 0: utterances; a line each "
                        "(default: 0, 20, and as many as utterances)")  # fmt: skip
    parser.add_argument("--draws", type=int, default=10_000, help="of the bootstrap (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of answers and draws (default: %(default)s)")
    return parser


def main(argv=None):
    """Time both and print them, a line each."""
    from c2ser.emotions import EMOTIONS
    from c2ser.evaluation.answers import read_answer_set
    from c2ser.evaluation.bootstrap import intervals
    from c2ser.evaluation.scoring import score_sets

    args = get_parser().parse_args(argv)
    source = random.Random(args.seed)
    with tempfile.TemporaryDirectory() as folder:
        data, answers = write_answers(Path(folder), args.lines, source)
        start = time.process_time()
        found, file = read_answer_set(data, answers)
        score = score_sets([found], draws=1, unit="utterance")
        elapsed = time.process_time() - start
    print(f"answers: {file.lines} lines read and scored in {elapsed:.2f} s, {score['invalid']} of them invalid")

    reference = source.choices(EMOTIONS, k=args.utterances)
    predicted = [label if source.random() < 0.5 else source.choice(EMOTIONS) for label in reference]
    for number in args.speakers or (0, 20, args.utterances):
        speakers = [str(i % number) for i in range(args.utterances)] if number else None
        start = time.process_time()
        interval = intervals(reference, predicted, EMOTIONS, speakers, args.draws, args.seed)["ua"]
        elapsed = time.process_time() - start
        print(
            f"intervals: {interval.draws} draws over {args.utterances} utterances in {elapsed:.2f} s, "
            f"UA {100 * interval.value:.1f} [{100 * interval.low:.1f}, {100 * interval.high:.1f}], by {interval.unit}"
            + (f" ({number} of them)" if number else "")
        )


def write_answers(folder, lines, source):
    """Write a test set of so many utterances and as many answers to it; returns both paths."""
    from c2ser.datadir import write_table
    from c2ser.emotions import EMOTIONS, NAMES

    utterances = [f"s{i % 20:02}-{i:06}" for i in range(lines)]
    write_table(folder / "utt2emo", {utterance: source.choice(EMOTIONS) for utterance in utterances})
    write_table(folder / "utt2spk", {utterance: utterance[:3] for utterance in utterances})
    words = [name for names in NAMES.values() for name in names.values()]
    path = folder / "answers.txt"
    with open(path, "w", encoding="utf-8") as stream:
        for i, utterance in enumerate(utterances):
            stream.write(f"{utterance}\t{TEXTS[i % len(TEXTS)].format(i, source.choice(words))}\n")
    return folder, path


if __name__ == "__main__":
    main()
