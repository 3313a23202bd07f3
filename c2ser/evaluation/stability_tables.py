"""The tables of a stability report, as lists of rows of strings, the header first. Shares are in per cent."""

from c2ser.evaluation.predictions import METHODS

ABSENT = "–"
COSTS = "Cost of each decoding"
"""The section that is another one each time that the same is decoded."""


def tables(report):
    """Title → rows, from what c2ser stability writes as JSON; sections without content are left out."""
    sections = {
        "Answers": answer_rows(report["decodings"]),
        "Agreement of explicit and implicit answers": agreement_rows(report["modes"]),
        "Agreement over paraphrased prompts": prompt_rows(report["prompts"]),
        "Style levels stated in rationales": style_rows(report["rationales"]["style"]),
        "Words quoted in rationales": quote_rows(report["rationales"]["quote"]),
        "Style levels asked for": question_rows(report.get("questions")),
        "Style levels asked for, answer by answer": confusion_rows(report.get("questions")),
        "Words asked for": quote_rows((report.get("questions") or {}).get("words")),
        COSTS: cost_rows(report["decodings"]),
    }
    return {title: rows for title, rows in sections.items() if len(rows) > 1}


def answer_rows(decodings):
    """Scores, calibration error and invalid answers of each decoding, by each method of answering."""
    rows = [["Decoding", "method", "UA %", "WA %", "macro-F1 %", "ECE %", "n", "invalid %"]]
    for name, decoding in decodings.items():
        for table, scores in decoding["tables"].items():
            shares = [_percent(scores[key]) for key in ("ua", "wa", "macro_f1", "ece")]
            rows.append([name, METHODS[table], *shares, str(scores["n"]), _percent(scores["invalid_rate"])])
    return rows


def cost_rows(decodings):
    """Tokens and seconds an utterance of each decoding that measured them."""
    rows = [["Decoding", "tokens / utterance", "seconds / utterance"]]
    for name, decoding in decodings.items():
        costs = [decoding.get(cost) for cost in ("tokens_per_utterance", "seconds_per_utterance")]
        if costs != [None, None]:
            rows.append([name, *map(_number, costs)])
    return rows


def agreement_rows(modes):
    """Agreement of the two modes, by method."""
    rows = [["Method", "agreement %", "Cohen's kappa"]]
    rows += [[METHODS[table], _percent(found["agreement"]), _number(found["kappa"])] for table, found in modes.items()]
    return rows


def prompt_rows(prompts):
    """Agreement over prompts, by mode and method."""
    heading = ["Mode", "method", "prompts", "agreement %", "Cohen's kappa", "unanimous %"]
    rows = [[*heading, "UA %, mean", "UA %, deviation"]]
    for mode, by_table in prompts.items():
        for table, found in by_table.items():
            shares = [_percent(found[key]) for key in ("unanimous", "ua_mean", "ua_std")]
            numbers = [str(found["prompts"]), _percent(found["agreement"]), _number(found["kappa"])]
            rows.append([mode, METHODS[table], *numbers, *shares])
    return rows


def style_rows(style):
    """Prosody-tag accuracy of each measure."""
    rows = [["Measure", "measured", "stated", "right", "right %", "right of stated %", "invented"]]
    for measure, found in (style or {}).items():
        shares = [_percent(found[key]) for key in ("accuracy", "accuracy_stated")]
        counts = [str(found[key]) for key in ("known", "stated", "right")]
        rows.append([measure, *counts, *shares, str(found["invented"])])
    return rows


def question_rows(questions):
    """Accuracy of the answers to each question of style beside that of always answering the most frequent level."""
    rows = [["Question", "n", "right", "right %", "UA %", "always the same", "right %"]]
    for question, found in (questions or {"style": {}})["style"].items():
        accuracy, ua, constant = (_percent(found[key]) for key in ("accuracy", "ua", "majority_accuracy"))
        rows.append([question, str(found["n"]), str(found["right"]), accuracy, ua, found["majority"], constant])
    return rows


def confusion_rows(questions):
    """The confusion matrix of each question, a row a level that was measured."""
    rows = [["Question", "measured", "answers"]]
    for question, found in (questions or {"style": {}})["style"].items():
        for truth, row in found["confusion"].items():
            if any(row.values()):
                rows.append([question, truth, ", ".join(f"{level} {number}" for level, number in row.items())])
    return rows


def quote_rows(quote):
    """How well the transcript is quoted."""
    rows = [["Utterances with words", "CER %", "exact %", "without a quote", "without words", "of these quoted"]]
    if quote:
        counts = [str(quote[key]) for key in ("missing", "without_words", "invented")]
        rows.append([str(quote["utterances"]), _percent(quote["cer"]), _percent(quote["exact"]), *counts])
    return rows


def _percent(value):
    return ABSENT if value is None else f"{100 * value:.1f}"


def _number(value):
    return ABSENT if value is None else f"{value:.3g}"
