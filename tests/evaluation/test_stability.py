"""Agreement across modes and prompts, on hand-made answers."""

import json

import pytest

from c2ser.datadir import read_table, write_table
from c2ser.errors import InputError
from c2ser.evaluation.stability import agreement, compare_modes, compare_prompts, prompt_stability, read_decoded
from c2ser.evaluation.stability_tables import tables
from tests.evaluation.conftest import write_set

A, S, N, X = "angry", "sad", "neutral", "<invalid>"


def test_kappa_by_hand():
    first, second = [A, A, A, S, S, S, N, N, N, N], [A, A, S, S, S, A, N, N, N, A]
    # agreement 7/10; expected (3·4 + 3·3 + 4·3) / 100
    made = agreement(first, second)
    assert made["agreement"] == pytest.approx(0.7)
    assert made["kappa"] == pytest.approx((0.7 - 0.33) / (1 - 0.33))
    assert agreement(second, first) == pytest.approx(made)


def test_extremes():
    assert agreement([A, S], [A, S]) == {"agreement": 1.0, "kappa": 1.0}
    assert agreement([A, S], [S, A]) == {"agreement": 0.0, "kappa": -1.0}
    assert agreement([A, A, S, S], [A, S, A, S])["kappa"] == 0.0
    assert agreement([A, A], [A, A]) == {"agreement": 1.0, "kappa": None}


def test_invalid_answers_agree_with_nothing():
    made = agreement([A, X, X, S], [A, X, S, S])
    assert made["agreement"] == 0.5
    assert made["kappa"] == pytest.approx((0.5 - (1 * 1 + 1 * 2) / 16) / (1 - 3 / 16))
    assert agreement([X, X], [X, X]) == {"agreement": 0.0, "kappa": 0.0}


def test_what_cannot_be_compared():
    with pytest.raises(InputError, match="2 and 1 answers cannot be compared"):
        agreement([A, S], [A])
    with pytest.raises(InputError, match="0 and 0 answers"):
        agreement([], [])
    with pytest.raises(InputError, match="1 prompt: at least two"):
        prompt_stability([[A]])


def test_prompts_by_hand():
    made = prompt_stability([[A, S, N, X], [A, S, S, X], [A, N, S, X]])
    # pairs agree on 2, 1 and 2 of 4
    assert made["prompts"] == 3 and made["agreement"] == pytest.approx((2 + 1 + 2) / 12)
    assert made["unanimous"] == 1 / 4
    kappas = [agreement([A, S, N, X], [A, S, S, X]), agreement([A, S, N, X], [A, N, S, X])]
    kappas.append(agreement([A, S, S, X], [A, N, S, X]))
    assert made["kappa"] == pytest.approx(sum(pair["kappa"] for pair in kappas) / 3)
    assert prompt_stability([[A], [A]])["kappa"] is None


def paraphrased(decode, mode, number, **changes):
    """Let a decoding be one of that mode with a paraphrase, and change some of its answers."""
    content = json.loads((decode / "decode.json").read_text())
    (decode / "decode.json").write_text(json.dumps({**content, "mode": mode, "paraphrase": number}))
    write_table(decode / "utt2pred", {**read_table(decode / "utt2pred"), **changes})
    return decode


@pytest.fixture
def decoded(tmp_path):
    """The two folds of `write_set` decoded implicitly and, for the second prompt, with one other answer."""
    made = []
    for name, number, changes in (("plain", 0, {}), ("other", 1, {"m1_1": "angry"})):
        pairs = [write_set(tmp_path / name, fold, f"m{fold}") for fold in (1, 2)]
        for pair, change in zip(pairs, (changes, {})):
            paraphrased(pair[1], "implicit", number, **change)
        made.append(read_decoded([pair[0] for pair in pairs], [pair[1] for pair in pairs]))
    return made


def test_decodings_are_pooled(decoded):
    plain, other = decoded
    assert (plain.name, other.name) == ("implicit", "implicit, paraphrase 1")
    assert set(plain.tables) == {"utt2pred", "utt2scored"} and len(plain.tables["utt2pred"]) == 12
    scores = plain.scores["utt2pred"]
    assert (scores["n"], scores["invalid"], scores["invalid_rate"]) == (12, 2, 1 / 6)
    assert scores["wa"] == 0.5 and scores["ece"] is None
    assert plain.scores["utt2scored"]["ece"] == pytest.approx(abs(5 / 6 - 0.8))
    assert plain.cost == {"tokens_per_utterance": 4.0, "seconds_per_utterance": 0.75}


def test_decodings_are_compared(decoded):
    modes = compare_modes(*decoded)
    assert modes["utt2pred"]["agreement"] == pytest.approx(9 / 12)  # two invalid answers, one that differs
    assert modes["utt2scored"] == {"agreement": 1.0, "kappa": 1.0}
    found = compare_prompts(decoded)["utt2pred"]
    values = [one.scores["utt2pred"]["ua"] for one in decoded]
    assert found["ua"] == {"implicit": values[0], "implicit, paraphrase 1": values[1]} and values[0] < values[1]
    assert found["ua_mean"] == pytest.approx(sum(values) / 2)
    assert found["ua_std"] == pytest.approx((values[1] - values[0]) / 2**0.5)
    assert found["prompts"] == 2 and found["unanimous"] == pytest.approx(9 / 12)


def test_the_same_prompt_twice_is_no_comparison(decoded):
    with pytest.raises(InputError, match="implicit: decodings with prompt 0 were given twice"):
        compare_prompts([decoded[0], decoded[0]])


def test_faults_are_named(tmp_path):
    data, decode = write_set(tmp_path, 1, "m1")
    with pytest.raises(InputError, match="1 --data_dir but 2 decodings"):
        read_decoded([data], [decode, decode])
    with pytest.raises(InputError, match="was decoded in mode implicit, not explicit"):
        read_decoded([data], [decode], "explicit")
    with pytest.raises(InputError, match=f"{data}: holds no predictions"):
        read_decoded([data], [data])
    other = write_set(tmp_path, 2, "m2")
    paraphrased(other[1], "implicit", 3)
    with pytest.raises(InputError, match="decode.json is absent or names no mode, or modes or prompts differ"):
        read_decoded([data, other[0]], [decode, other[1]])
    (decode / "decode.json").unlink()
    with pytest.raises(InputError, match="decode.json is absent"):
        read_decoded([data], [decode])


def test_sections_without_content_are_left_out():
    empty = {"decodings": {}, "modes": {}, "prompts": {}, "rationales": {"style": None, "quote": None}}
    assert tables(empty) == {}
    assert list(tables({**empty, "modes": {"utt2pred": {"agreement": 0.5, "kappa": None}}}).values()) == [
        [["Method", "agreement %", "Cohen's kappa"], ["free answer", "50.0", "–"]]
    ]
