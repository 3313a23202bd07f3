"""Write the chain-of-thought texts of a data directory: cot_explicit (rationales) and cot_implicit (verdicts alone).

Needs utt2emo and utt2style, and takes the words from text where there is one. An utterance without a label, or with a
label that the language has no name for, gets no text; such utterances are counted and listed. Every rationale is read
back and checked before anything is written.
"""

import argparse
import logging
from collections import Counter

from c2ser.cot import templates
from c2ser.cot.check import check_rationale
from c2ser.cot.quote import clean_transcript
from c2ser.cot.rationale import build_implicit, build_rationale
from c2ser.datadir import DataDir, read_entries
from c2ser.datadir.faults import some
from c2ser.errors import InputError
from c2ser.prosody.style import UNKNOWN, parse_style


def get_parser():
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data_dir", required=True, help="data directory that gets cot_explicit and cot_implicit")
    parser.add_argument(
        "--language", default="auto", choices=("auto", *templates.languages()),
        help="language of the texts; auto: that of each utterance, from utt2lang (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--verdict", default="last", choices=("last", "first"),
                        help="first: the emotion, then its reasons (default: %(default)s)")  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="chooses the wording (default: %(default)s)")
    return parser


def main(argv=None):
    """Build, check and write both tables."""
    args = get_parser().parse_args(argv)
    data = DataDir(args.data_dir)
    utterances, emotions, styles = data.utterances(), data.labels(), data.read("utt2style")
    texts = data.read("text", optional=True)
    languages = _languages(data, utterances, args.language)
    labelled = _labelled(data, utterances, emotions, languages)

    explicit, implicit, counts, style = {}, {}, Counter(), None
    for utterance in labelled:
        if utterance not in styles:
            raise InputError(f"{data.path}/utt2style: no entry for {utterance}; run c2ser make-style")
        style = parse_style(styles[utterance], f"{data.path}/utt2style: {utterance}", style)  # the same measures in all
        described = style, texts.get(utterance, ""), emotions[utterance], languages[utterance]
        explicit[utterance] = build_rationale(utterance, *described, seed=args.seed, order=args.verdict)
        faults = check_rationale(explicit[utterance], *described, order=args.verdict)
        if faults:
            raise RuntimeError(f"a bug of the templates: {utterance}: {'; '.join(faults)}: {explicit[utterance]}")
        implicit[utterance] = build_implicit(emotions[utterance], languages[utterance])
        counts["without words to quote"] += not clean_transcript(described[1])
        counts.update(f"without a known {measure}" for measure, level in style.items() if level == UNKNOWN)
    data.write("cot_explicit", explicit)
    data.write("cot_implicit", implicit)
    shown = "".join(f", {count} {what}" for what, count in counts.items() if count)
    logging.info("%s: %d of %d utterances have texts%s", data.path, len(explicit), len(utterances), shown)


def _languages(data, utterances, language):
    """Utterance → language of its texts. Raises InputError where one has no language or no templates."""
    if language != "auto":
        return dict.fromkeys(utterances, language)
    table = read_entries(data.path / "utt2lang", utterances, "add it, or choose a --language")
    for code in sorted({table[utterance] for utterance in utterances}):
        try:
            templates.load(code)
        except InputError as error:
            raise InputError(f"{data.path}/utt2lang: {error}; --language en writes English texts") from None
    return table


def _labelled(data, utterances, emotions, languages):
    """The utterances whose label has a name; logs the others by reason. Raises InputError where none is left."""
    left_out, labelled = {}, []
    for utterance in utterances:
        label = emotions.get(utterance)
        if label is None:
            left_out.setdefault("they have no label", []).append(utterance)
        elif not templates.load(languages[utterance]).has_name(label):
            reason = f"label {label!r} has no name in language {languages[utterance]!r}"
            left_out.setdefault(reason, []).append(utterance)
        else:
            labelled.append(utterance)
    for reason, names in left_out.items():
        logging.info("%s: %d utterances get no text, %s: %s", data.path, len(names), reason, some(names, limit=20))
    if not labelled:
        raise InputError(f"{data.path}/utt2emo: no utterance has a label that can be named; check its labels")
    return labelled
