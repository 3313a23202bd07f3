"""The benchmark: every cell against scikit-learn, marks, what is missing, the tests, and what the page says."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score
from statsmodels.stats.multitest import multipletests

from c2ser.datadir import read_table, write_table
from c2ser.errors import InputError
from c2ser.evaluation import answer_table
from c2ser.evaluation.answer_table import read_answer_table, write_answer_table
from c2ser.evaluation.benchmark import (
    IN_DOMAIN, UNKNOWN, ZERO_SHOT, System, read_benchmark, read_columns, score_benchmark, trained_mark,
)  # fmt: skip
from c2ser.evaluation.benchmark_table import benchmark_markdown, corpus_rows, leaderboard_rows, paired_rows

CLASSES = ("angry", "happy", "neutral", "sad")
OF = {"big": CLASSES, "two": ("angry", "sad"), "exam": ("angry", "happy", "sad")}


def write_answers(folder, truth, right, seed):
    """A decoding: posteriors over all four classes, utt2scored as they favour; the true one leads in about `right`."""
    random = np.random.default_rng(seed)
    rows, best = {}, {}
    for utterance, label in truth.items():
        row = random.dirichlet(np.ones(4))
        if random.random() < right:
            row[CLASSES.index(label)] += 1
        row = np.round(row / row.sum(), 4)
        rows[utterance] = " ".join(f"{value:.4f}" for value in row)
        best[utterance] = CLASSES[row.argmax()]
    write_table(folder / "utt2scored", best)
    write_table(folder / "posteriors", rows)
    (folder / "labels").write_text("\n".join(CLASSES) + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Two corpora of two and one fold, a third with an official test; four systems, of which not all answer to all."""
    root = tmp_path_factory.mktemp("joint")
    everything, random = {}, np.random.default_rng(0)
    for fold in (1, 2):
        answered = {}
        for corpus, classes in OF.items():
            if corpus == "two" and fold == 2:
                continue
            spoken = "t" if corpus == "exam" else f"f{fold}"
            speakers = {f"{corpus}_{spoken}s{i % 4}-{i:02}": f"{corpus}_{spoken}s{i % 4}" for i in range(48)}
            fixed = np.random.default_rng(9) if corpus == "exam" else random
            truth = {utterance: str(fixed.choice(classes)) for utterance in sorted(speakers)}
            data = root / f"data/test/{corpus}/fold{fold}"
            for table, values in (("utt2emo", truth), ("utt2spk", speakers), ("utt2lang", dict.fromkeys(truth, "it"))):
                write_table(data / table, values)
            answered |= truth
            if corpus != "exam":
                own = {utterance.removeprefix(f"{corpus}_"): label for utterance, label in truth.items()}
                write_answers(root / f"own/{corpus}/fold{fold}", own, 0.9, fold)
        everything |= answered
        write_answers(root / f"joint/fold{fold}", answered, 0.6, fold)
        write_table(root / f"data/fold{fold}/train/utt2corpus", {"big_x": "big", "two_x": "two"})
    for corpus in ("big", "two"):
        write_answers(root / f"without/{corpus}", {u: x for u, x in everything.items() if u.startswith(corpus)}, 0.3, 7)
    lines = [f"{utterance}\tEmotion: {label}." for utterance, label in everything.items() if utterance != "two_f1s1-01"]
    (root / "answers.txt").write_text("\n".join([*lines, "two_f1s1-01\tno idea"]) + "\n", encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def systems(root):
    return [
        System("joint", (f"{root}/joint/fold{{fold}}",), ("joint",), "utt2scored"),
        System("own", (f"{root}/own/none", f"{root}/own/{{corpus}}/fold{{fold}}"), ("own",), "utt2scored"),
        System("without", (f"{root}/without/{{corpus}}",), ("others",), "utt2scored"),
        System("human", (f"{root}/answers.txt",), ("unknown",), "answers"),
    ]


@pytest.fixture(scope="module")
def found(root, systems):
    return run_benchmark(root / "data", systems, "joint", ["own", "without"], draws=1000)


def run_benchmark(data_dir, systems, reference=None, against=None, corpora=(), folds=(), draws=20):
    return score_benchmark(read_benchmark(data_dir, systems, corpora, folds), reference, against, draws)


def pooled(root, corpus, folder, prefix=""):
    """Truth and answers of a corpus over its folds; folder: fold → the folder of the answers."""
    pairs = {}
    for path in sorted((root / f"data/test/{corpus}").glob("fold*")):
        answers = read_table(folder(path.name) / "utt2scored")
        pairs |= {u: (label, answers[u.removeprefix(prefix)]) for u, label in read_table(path / "utt2emo").items()}
    return map(list, zip(*pairs.values()))


def ua(found, system, corpus, restricted=False):
    cell = found["systems"][system]["cells"][corpus]
    return (cell["restricted"] if restricted else cell)["scores"]["ua"]["value"]


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
def test_cells_are_those_of_scikit_learn(root, found):
    for corpus in ("big", "two"):
        for system, folder, prefix in (
            ("joint", lambda fold: root / "joint" / fold, ""),
            ("own", lambda fold, corpus=corpus: root / "own" / corpus / fold, f"{corpus}_"),
            ("without", lambda fold, corpus=corpus: root / "without" / corpus, ""),
        ):
            truth, answers = pooled(root, corpus, folder, prefix)
            assert ua(found, system, corpus) == pytest.approx(balanced_accuracy_score(truth, answers))
    assert found["corpora"]["big"]["n"] == 96 and found["corpora"]["two"]["n"] == 48


def test_restricted_answers_stay_within_the_classes_of_the_test_set(root, found):
    rows, truth = read_table(root / "joint/fold1/posteriors"), read_table(root / "data/test/two/fold1/utt2emo")
    best = ["angry" if float(rows[u].split()[0]) >= float(rows[u].split()[3]) else "sad" for u in truth]
    restricted = ua(found, "joint", "two", restricted=True)
    assert restricted == pytest.approx(balanced_accuracy_score(list(truth.values()), best))
    assert restricted > ua(found, "joint", "two")
    assert found["systems"]["joint"]["cells"]["two"]["restricted"]["left_out"] == ["happy", "neutral"]
    assert found["systems"]["human"]["cells"]["two"]["restricted"] is None


def test_an_official_test_counts_once(found):
    assert found["corpora"]["exam"]["official"] and found["corpora"]["exam"]["n"] == 48
    assert found["corpora"]["exam"]["folds"] == [1] and found["corpora"]["big"]["folds"] == [1, 2]


def test_marks_say_what_was_trained_on(found):
    marks = {
        name: [cell and cell["mark"] for cell in entry["cells"].values()] for name, entry in found["systems"].items()
    }
    assert list(found["corpora"]) == ["big", "exam", "two"]
    assert marks == {
        "joint": [IN_DOMAIN, ZERO_SHOT, IN_DOMAIN], "own": [IN_DOMAIN, None, IN_DOMAIN],
        "without": [ZERO_SHOT, None, ZERO_SHOT], "human": [UNKNOWN] * 3,
    }  # fmt: skip
    assert trained_mark(("two", "exam"), "exam", set()) == IN_DOMAIN
    assert trained_mark(("none",), "big", {"big"}) == ZERO_SHOT


def test_what_is_missing_is_said(root, found):
    assert [line.split(": no ")[0] for line in found["missing"]] == ["own on exam", "without on exam"]
    assert f"{root}/own/{{corpus}}/fold{{fold}}" in found["missing"][0]
    assert found["problems"] == [f"human on two, {root}/answers.txt: 1 unparsable of 48 answers"]


def test_the_mean_counts_corpora_alike_and_needs_all(found):
    assert found["systems"]["own"]["mean"] is None
    mean = found["systems"]["joint"]["mean"]
    assert mean["ua"]["value"] == pytest.approx(np.mean([ua(found, "joint", name) for name in OF]))
    assert mean["restricted"]["value"] == pytest.approx(np.mean([ua(found, "joint", name, True) for name in OF]))
    cells = [found["systems"]["joint"]["cells"][name]["scores"]["ua"] for name in OF]
    widths = [one["high"] - one["low"] for one in cells]
    expected = np.sqrt(np.square(widths).sum()) / 3  # independent corpora: errors add in squares
    assert mean["ua"]["high"] - mean["ua"]["low"] == pytest.approx(expected, rel=0.25)
    assert found["systems"]["human"]["mean"]["restricted"] is None


def test_tests_are_paired_and_corrected_over_all_of_them(found):
    tests = {(test["system"], test["corpus"]): test for test in found["tests"]}
    assert set(tests) == {(system, corpus) for system in ("own", "without") for corpus in ("big", "two")}
    for (system, corpus), test in tests.items():
        assert test["swapped"]["value"] == pytest.approx(ua(found, system, corpus) - ua(found, "joint", corpus))
    for kind in ("swapped", "mcnemar"):
        corrected = multipletests([test[kind]["p"] for test in found["tests"]], method="holm")[1]
        assert [test[kind]["p_holm"] for test in found["tests"]] == pytest.approx(list(corrected))


def test_the_page(found):
    header, joint, own, without, human, chance = leaderboard_rows(found)
    assert header == ["System", "big", "exam", "two", "mean"] and chance[1:4] == ["25.0", "33.3", "50.0"]
    assert joint[1].startswith("● ") and joint[2].startswith("○ ") and human[1].startswith("? 100.0 [100.0, 100.0] · –")
    assert own[2] == "–" and own[4] == "–" and " · " in joint[4]
    assert corpus_rows(found)[2] == ["exam", "it", "48", "4", "3: angry happy sad", "official test", "speaker"]
    verdicts = {row[0]: row[3] for row in paired_rows(found)[1:] if row[1] == "big"}
    assert verdicts["own"].startswith("better, p") and verdicts["without"].startswith("worse, p")
    verdicts = {row[0]: row[3] for row in paired_rows(found)[1:] if row[1] == "two"}
    assert all(words.startswith("too few speakers to tell, p") for words in verdicts.values())
    page = benchmark_markdown(found, "A title", "No leaks.", "./benchmark.sh --tag t")
    for part in ("# A title\n\nNo leaks.\n\nMade with `./benchmark.sh --tag t`.", "## Missing\n\n- own on exam",
                 "Holm over the 4 tests", "they are too few to tell", "1 unparsable"):  # fmt: skip
        assert part in page


def test_equal_systems_tie(root, systems):
    twin = System("twin", systems[0].answers, ("joint",), "utt2scored")
    found = run_benchmark(root / "data", [systems[0], twin], "joint", folds=[1], draws=50)
    assert [row[3:5] for row in paired_rows(found)[1:]] == [["too few speakers to tell, p = 1.000", "tie, p = 1.000; 0 : 0"]] * 3


def test_columns_and_folds_can_be_chosen(root, systems):
    found = run_benchmark(root / "data", systems[:1], corpora=["two", "big"], folds=[1], draws=20)
    assert {name: corpus["n"] for name, corpus in found["corpora"].items()} == {"two": 48, "big": 48}
    assert found["tests"] == [] and "Paired tests" not in benchmark_markdown(found, "t")


def test_refusals(root, systems, tmp_path):
    for options, message in (
        ({"reference": "x"}, "x: not one of the systems joint, own"),
        ({"reference": "joint", "against": ["y"]}, "y: not one of the systems"),
        ({"corpora": ["none"]}, "no test sets of none"),
        ({"corpora": ["two"], "folds": [2]}, "two: none of the folds 2"),
    ):
        with pytest.raises(InputError, match=message):
            run_benchmark(root / "data", systems, draws=10, **options)
    with pytest.raises(InputError, match="no test sets of any corpus"):
        read_columns(tmp_path)
    for fold, utterances in ((1, "ab"), (2, "bc")):
        write_table(tmp_path / f"test/x/fold{fold}/utt2spk", dict.fromkeys(utterances, "s"))
    with pytest.raises(InputError, match="shares utterances with another fold's test, b"):
        read_columns(tmp_path)


def test_incomplete_answers_stop_everything(root, systems, tmp_path):
    table = read_table(root / "joint/fold1/utt2scored")
    lost = table.pop("two_f1s2-02")
    write_table(tmp_path / "utt2scored", table)
    assert lost
    with pytest.raises(InputError, match="1 of 48 utterances are missing, first: two_f1s2-02"):
        system = System("x", (str(tmp_path),), ("none",), "utt2scored")
        run_benchmark(root / "data", [system], corpora=["two"], draws=10)


def test_a_page_made_from_its_answers_is_the_same(root, systems, found, tmp_path):
    """The table goes on in further files; in none of them is a posterior."""
    page = benchmark_markdown(found, "t")
    table = read_benchmark(root / "data", systems)
    counts = []
    for limit in (12_000, 20_000, 300_000):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(answer_table, "LIMIT", limit)
            write_answer_table(tmp_path / "a.tsv", table)
        counts.append(len([*tmp_path.iterdir()]))
        assert all(path.stat().st_size <= limit for path in tmp_path.iterdir())
        again = score_benchmark(read_answer_table(tmp_path / "a.tsv"), "joint", ["own", "without"], draws=1000)
        assert benchmark_markdown(again, "t") == page
    assert counts[0] > counts[1] > counts[2] == 1
    lines = (tmp_path / "a.tsv").read_text(encoding="utf-8").splitlines()
    assert lines[1].split("\t")[4:] == [
        "joint", "joint, among the test set's classes", "own", "own, among the test set's classes",
        "without", "without, among the test set's classes", "human",
    ]  # fmt: skip
    of_two = [line.split("\t") for line in lines[2:] if "\ttwo_" in line]
    answers = read_table(root / "joint/fold1/utt2scored")
    assert len(of_two) == 48 and all(row[4] == answers[row[1]] for row in of_two)
    assert all(row[5] == "=" if row[4] in OF["two"] else row[5] in OF["two"] for row in of_two)
    assert any(row[5] != "=" for row in of_two)


def test_a_part_of_another_table_or_an_absent_one_is_refused(root, systems, tmp_path, monkeypatch):
    table = read_benchmark(root / "data", systems)
    write_answer_table(tmp_path / "a.tsv", table)
    monkeypatch.setattr(answer_table, "LIMIT", int(0.7 * (tmp_path / "a.tsv").stat().st_size))  # two parts
    for name, of in (("a.tsv", table), ("b.tsv", replace(table, caption="other"))):
        write_answer_table(tmp_path / name, of)
    whole = (tmp_path / "a.2.tsv").read_text(encoding="utf-8")
    for name, text, message in (
        ("a.2.tsv", (tmp_path / "b.2.tsv").read_text(encoding="utf-8"), "a.2.tsv:1: not of the same table"),
        ("a.2.tsv", whole.rsplit("\n", 2)[0] + "\n", "a.3.tsv: no such file"),
        ("a.2.tsv", whole + whole.splitlines()[-1] + "\n", "lines of answers, 192 expected"),
    ):
        (tmp_path / name).write_text(text, encoding="utf-8")
        with pytest.raises(InputError, match=message):
            read_answer_table(tmp_path / "a.tsv")
    with pytest.raises(InputError, match="not the answers of a benchmark"):
        score_benchmark(replace(table, page={}))
