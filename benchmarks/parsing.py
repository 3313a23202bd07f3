"""How often the class is read right from answers in free text, by kind of answer.

    python benchmarks/parsing.py                 # the two halves that the tests hold
    python benchmarks/parsing.py mine.tsv -v     # a table of one's own, and each answer that is read otherwise

A table has TAB-separated columns kind, language, answer (⏎ stands for a line's end) and wanted: a class, or `invalid` where
an answer names none or several. Each answer is read with its language as the hint, as a decoding is, and without, as
`c2ser score` does. "Another class" is what must not be: a class that the answer does not give.
"""

import argparse
from pathlib import Path

HALVES = [Path(__file__).parents[1] / f"tests/inference/answers_{name}.tsv" for name in ("before", "after")]


def get_parser():
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", type=Path, default=HALVES, help="tables of answers (default: the tests')")
    parser.add_argument("-v", "--verbose", action="store_true", help="print each answer that is read otherwise")
    return parser


def main(argv=None):
    """Print the accuracy on each table."""
    args = get_parser().parse_args(argv)
    for path in args.tables:
        cases = read(path)
        print(f"{path.name}: {len(cases)} answers in {len({case['language'] for case in cases})} languages\n")
        print("| kind | answers | right | % | another class |\n|:--|--:|--:|--:|--:|")
        kinds = list(dict.fromkeys(case["kind"] for case in cases))
        for kind, own in [*((kind, [case for case in cases if case["kind"] == kind]) for kind in kinds), ("all", cases)]:
            read_as = [(case["wanted"], found) for case in own for found in labels(case)]
            right = sum(wanted == found for wanted, found in read_as) / 2
            other = sum(found not in (wanted, "invalid") for wanted, found in read_as) / 2
            print(f"| {kind} | {len(own)} | {right:g} | {100 * right / len(own):.1f} | {other:g} |")
        print()
        for case in cases if args.verbose else []:
            if set(labels(case)) != {case["wanted"]}:
                print(f"{case['language']}: {case['answer']!r} is {case['wanted']}, read as {' and '.join(labels(case))}")


def read(path):
    """The rows of a table, as dicts by its header."""
    header, *rows = (line.split("\t") for line in path.read_text(encoding="utf-8").splitlines())
    return [{**dict(zip(header, row)), "answer": row[2].replace("⏎", "\n")} for row in rows]


def labels(case):
    """What is read from an answer with its language as the hint and without one."""
    from c2ser.inference.labels import parse_label

    return [parse_label(case["answer"], hint).label or "invalid" for hint in (case["language"], None)]


if __name__ == "__main__":
    main()
