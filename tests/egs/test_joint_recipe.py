"""egs/all on two small corpora: joint data, balanced trainings, a corpus left out, and the benchmark's table."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from c2ser.bin import benchmark as benchmark_command
from c2ser.datadir import DataDir, read_table, write_table
from tests.egs.test_corpus_recipes import speech
from tests.egs.test_recipe import verdicts, write_whisper

ROOT = Path(__file__).resolve().parents[2]
POLISH = {"a": 300.0, "n": 150.0, "s": 220.0}
EMOVO = {"rab": 300.0, "neu": 150.0, "tri": 120.0, "gio": 260.0}
LABELS = ("angry", "happy", "neutral", "sad")


@pytest.fixture(scope="module")
def recipe(tmp_path_factory, preloaded):
    """The folder of egs/all/c2ser1, and two corpora: a recording is a tone, whose pitch is the emotion."""
    root = tmp_path_factory.mktemp("joint")
    for speaker in range(1, 6):
        for emotion, pitch in POLISH.items():
            for word in ("nie", "stop"):
                speech(root / f"POLISH/m{speaker}.{emotion}_{word}_1.wav", 0.3, pitch)
    for speaker in ("f1", "f2", "f3", "m1", "m2", "m3"):
        for emotion, pitch in EMOVO.items():
            for sentence in ("b1", "b2", "b3"):
                speech(root / f"EMOVO/{speaker}/{emotion}-{speaker}-{sentence}.wav", 0.35, pitch)
    write_whisper(root / "whisper.pt")
    (root / "egs/all/c2ser1").mkdir(parents=True)
    (root / "egs/TEMPLATE").symlink_to(ROOT / "egs/TEMPLATE")
    folder = root / "egs/all/c2ser1"
    for script in ("run.sh", "benchmark.sh"):
        shutil.copy(ROOT / "egs/all/c2ser1" / script, folder)
    for part in ("path.sh", "cmd.sh", "db.sh", "conf"):
        (folder / part).symlink_to(ROOT / "egs/TEMPLATE/c2ser1" / part)
    (folder / "utils").symlink_to(ROOT / "utils")
    preloaded(folder)
    return folder


def run(recipe, script, *options):
    root = recipe.parents[2]
    done = subprocess.run(
        [f"./{script}", *map(str, options)], cwd=recipe, capture_output=True, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "POLISH": f"{root}/POLISH", "EMOVO": f"{root}/EMOVO"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


def settings(recipe, *options):
    whisper = recipe.parents[2] / "whisper.pt"
    return ["--conf", "conf/tiny", "--whisper", whisper, "--llm", "scratch", "--tag", "t", "--nj", 1, "--folds", 1,
            "--allow_missing", 600, *options]  # fmt: skip


@pytest.fixture(scope="module")
def trained(recipe):
    """Stages 1 to 5, then 8 to 10 of a system without Emotion2Vec-S, which spares its features."""
    first = run(recipe, "run.sh", *settings(recipe, "--stop_stage", 5))
    return first + run(recipe, "run.sh", *settings(recipe, "--stage", 8, "--stop_stage", 10, "--e2v_s", "none"))


def test_folds_and_single_tests_of_both(recipe, trained):
    data = recipe / "data"
    assert set(DataDir(data / "fold1/train_nodev").read("utt2corpus").values()) == {"emovo", "polish"}
    for corpus, folds in (("emovo", 6), ("polish", 5)):
        assert len(list((data / "test" / corpus).glob("fold*"))) == folds
    assert "polish: has no fold 6: there all of it is for training" in trained


@pytest.mark.parametrize("stage", ["e2v_s", "explicit"])
def test_batches_are_drawn_by_class_language_and_corpus(recipe, trained, stage):
    log = (recipe / f"exp/t/fold1/{stage}/train.log").read_text(encoding="utf-8")
    inputs = recipe / "exp/t/fold1" / ("e2v_s/inputs" if stage == "e2v_s" else "inputs") / "train_nodev"
    assert set(read_table(inputs / "corpus").values()) == {"emovo", "polish"}
    tables = [read_table(inputs / name) for name in ("label", "language", "corpus")]
    groups = {tuple(table[utterance] for table in tables) for utterance in tables[0]}
    assert len(groups) == 7
    for group in groups:
        assert f"group {', '.join(group)}: " in log
    assert (recipe / f"exp/t/fold1/{stage}/model.pth").exists()


def test_a_corpus_left_out(recipe, trained):
    output = run(recipe, "run.sh", *settings(recipe, "--leave_out", "polish emovo", "--stage", 3, "--stop_stage", 4))
    assert verdicts(output)["data/without_emovo/.done.cot"] == "run"
    train = DataDir(recipe / "data/without_polish/train_nodev")
    assert train.has("cot_implicit") and set(train.read("utt2corpus").values()) == {"emovo"}
    test = DataDir(recipe / "data/without_polish/test")
    assert test.has("cot_implicit") and set(test.read("utt2corpus").values()) == {"polish"}


def test_one_corpus_leaves_none_out(recipe, tmp_path):
    wrong = subprocess.run(
        [ROOT / "egs/TEMPLATE/c2ser1/c2ser.sh", "--corpus", "polish", "--leave_out", "emovo", "--whisper", "none",
         "--llm", "scratch"], cwd=recipe, capture_output=True, text=True,
    )  # fmt: skip
    assert wrong.returncode == 1 and "there is one corpus" in wrong.stderr


def decode(folder, truth, right, seed):
    """Answers as a decoding leaves them, right in about a share of utterances."""
    random = np.random.default_rng(seed)
    answers = {u: label if random.random() < right else str(random.choice(LABELS)) for u, label in truth.items()}
    for table in ("utt2scored", "utt2pred", "utt2constrained"):
        write_table(folder / table, answers)


@pytest.fixture(scope="module")
def answers(recipe, trained):
    """Decodings of all folds where stage 12 would leave them: joint, own of EMOVO alone, both left out."""
    for fold in range(1, 7):
        truth = DataDir(recipe / f"data/fold{fold}/test").read("utt2emo")
        for mode in ("implicit", "explicit"):
            decode(recipe / f"exp/t/fold{fold}/decode_{mode}_test", truth, 0.6, fold)
        own = {u.removeprefix("emovo_"): label for u, label in truth.items() if u.startswith("emovo_")}
        decode(recipe / f"../../emovo/c2ser1/exp/t/fold{fold}/decode_implicit_test", own, 0.95, fold)
    for corpus in ("emovo", "polish"):
        truth = DataDir(recipe / f"data/without_{corpus}/test").read("utt2emo")
        decode(recipe / f"exp/t_without/without_{corpus}/decode_implicit_test", truth, 0.2, 0)


def benchmark(recipe, *options):
    output = run(recipe, "benchmark.sh", "--tag", "t", "--train", "none", *options)
    page = (recipe / "exp/t_benchmark.md").read_text(encoding="utf-8")
    return output, page, json.loads((recipe / "exp/t_benchmark.json").read_text(encoding="utf-8"))


def test_benchmark_makes_one_table_of_what_there_is(recipe, answers):
    lines = [f"{utterance}\t{label}\n" for utterance, label in DataDir(recipe / "data/all").read("utt2emo").items()]
    (recipe / "human.txt").write_text("".join(lines), encoding="utf-8")
    again = "Again=exp/t/fold{fold}/decode_explicit_test=joint=utt2scored"
    explicit = "C2SER, joint, explicit, free answer"
    _, page, found = benchmark(
        recipe, "--note", "Trained in haste.", "--others", f"Human raters=human.txt;{again}", "--tested", explicit
    )
    assert {name: corpus["n"] for name, corpus in found["corpora"].items()} == {"emovo": 72, "polish": 30}
    cells = {name: entry["cells"] for name, entry in found["systems"].items()}
    joint, own, without = (cells[f"C2SER, {how}"] for how in ("joint", "each corpus by itself", "corpus left out"))
    assert [joint[name]["mark"] for name in joint] == ["in-domain"] * 2 and own["polish"] is None
    assert [without[name]["mark"] for name in without] == ["zero-shot"] * 2
    assert own["emovo"]["scores"]["wa"]["value"] > joint["emovo"]["scores"]["wa"]["value"]
    assert cells["Human raters"]["polish"]["scores"]["ua"]["value"] == 1
    assert cells["Human raters"]["polish"]["mark"] == "unknown"
    assert cells["Again"] == cells["C2SER, joint, explicit, label scoring"]
    assert cells["C2SER, joint, explicit, free answer"]["emovo"] and cells["Probe on Whisper, joint"]["emovo"] is None
    majority = cells["Majority class of training"]["emovo"]
    assert majority["scores"]["ua"]["value"] == pytest.approx(1 / 4) and majority["mark"] == "in-domain"
    lacking = "C2SER, each corpus by itself on polish, fold 1 2 3 4 5: no utt2scored in "
    assert any(line.startswith(lacking) for line in found["missing"])
    tested = {(test["system"].removeprefix("C2SER, "), test["corpus"]) for test in found["tests"]}
    assert tested == {("each corpus by itself", "emovo")} | {
        (system.removeprefix("C2SER, "), corpus)
        for system in ("corpus left out", "Human raters", "Again", explicit)
        for corpus in ("emovo", "polish")
    }
    assert "## Paired tests against C2SER, joint" in page and "## Missing" in page and "./benchmark.sh --tag t" in page
    assert "Trained in haste. C2SER answers" in page
    again = recipe / "exp/again.md"
    benchmark_command.main(["--answers", str(recipe / "exp/t_benchmark.answers.tsv"), "--out", str(again)])
    assert again.read_text(encoding="utf-8") == page


def test_benchmark_again_gives_the_same_bytes(recipe, answers):
    options = ("--folds", "1 2", "--corpora", "emovo")
    first = benchmark(recipe, *options)
    assert first[2]["corpora"]["emovo"]["n"] == 24 and list(first[2]["corpora"]) == ["emovo"]
    again = benchmark(recipe, *options)
    assert first[1:] == again[1:] and set(verdicts(again[0]).values()) == {"skip"}


def test_ablations_in_one_table(recipe, answers):
    for tag, right in (("t_no_whisper", 0.2), ("t_no_cot", 0.6)):
        for fold in (1, 2):
            truth = DataDir(recipe / f"data/fold{fold}/test").read("utt2emo")
            for mode in ("implicit", "explicit") if tag == "t_no_whisper" else ("implicit",):
                decode(recipe / f"exp/{tag}/fold{fold}/decode_{mode}_test", truth, right, 7)
    options = ("--tag", "t", "--folds", "1 2", "--train", "false", "--systems", "no_whisper no_cot")
    found = ablations(recipe, *options, "--note", "Made of noise.")
    assert list(found["systems"]) == ["full", "full, explicit", "no_whisper", "no_cot", "majority class"]
    assert found["reference"] == "full" and "implicit mode by label scoring. Made of noise. Test" in found["caption"]
    # Bare labels have no other mode
    names = ablations(recipe, *options, "--mode", "explicit")["systems"]
    assert list(names) == ["full", "full, implicit", "no_whisper", "no_cot", "majority class"]


def ablations(recipe, *options):
    run(recipe, "../../TEMPLATE/c2ser1/ablations.sh", *options)
    return json.loads((recipe / "exp/t_ablations.json").read_text(encoding="utf-8"))
