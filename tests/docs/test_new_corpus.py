"""docs/new_corpus.md, followed word by word in a copy of the project, up to the texts of stage 4."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from c2ser.datadir import DataDir

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/new_corpus.md").read_text(encoding="utf-8")
MODULE, TABLE = Path("c2ser/corpora/stimmen.py"), Path("c2ser/corpora/folds/stimmen.tsv")
SMALL = "./run.sh --whisper none --llm scratch"  # nothing is fetched


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """What a recipe needs of the project, copied: the steps write into it."""
    copy = tmp_path_factory.mktemp("project")
    for part in ("c2ser", "utils", "egs/TEMPLATE"):
        shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"), symlinks=True)
    return copy


def shell(project, block, status=0):
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "STIMMEN")}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block.replace("./run.sh", SMALL)], cwd=project, capture_output=True, text=True,
        env={**environment, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == status, f"{block}{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def stage_one(project):
    """Steps 1 to 4; returns what stage 1 said before and after each thing was filled in."""
    make, setup, path, check = blocks("sh")[:4]
    said = [shell(project, make + setup)]
    said.append(shell(project, check, status=1))
    shell(project, path)
    said.append(shell(project, check, status=1))
    module = (project / MODULE).read_text(encoding="utf-8")
    before, _, rest = module.partition("# 1. ")
    _, _, after = rest.partition("\n\n\ndef read(root):")
    filled = f"{before}{blocks('python')[0].rstrip()}\n\n\ndef read(root):{after}"
    (project / MODULE).write_text(filled, encoding="utf-8")
    said.append(shell(project, check, status=1))
    (project / TABLE).write_text(blocks("text")[0], encoding="utf-8")
    return [*said, shell(project, check)]


def test_what_is_not_filled_in_yet_is_asked_for(stage_one):
    laid_out, no_path, no_emotions, no_folds, _ = stage_one
    for name in ("egs/TEMPLATE/c2ser1/db.sh", str(MODULE), str(TABLE)):
        assert re.search(f"fill in .*{name}", laid_out)
    assert "set STIMMEN in db.sh" in no_path
    assert "its emotion, 'Freude', is not in EMOTIONS" in no_emotions
    assert "stimmen.tsv: there are no folds in it" in no_folds and "anna, ben, clara, dirk" in no_folds
    assert not any("Traceback" in said for said in stage_one)


def test_the_corpus_is_prepared_without_a_repair(project, stage_one):
    assert "Stimmen: 96 utterances of 4 speakers" in stage_one[-1] and "no faults" in stage_one[-1]
    data = DataDir(project / "egs/stimmen/c2ser1/data/fold2/test")
    assert set(data.read("utt2spk").values()) == {"ben"} and data.read("spk2gender") == {"ben": "m"}
    assert set(data.read("utt2lang").values()) == {"de"} and len(data.utterances()) == 25
    assert data.read("text")["ben-ben_Ärger_02"] == "Das weiß ich schon." and data.read("text")["ben-ben_Ärger_04"] == ""


def test_few_lines_are_ones_own(project, stage_one):
    """Those that the laid-out module does not have, the fold table and the path."""
    laid_out = (ROOT / "egs/TEMPLATE/c2ser1/corpus.py.template").read_text(encoding="utf-8")
    laid_out = laid_out.replace("NAME", "stimmen").replace("LANGUAGE", "de").splitlines()
    own = [line for line in (project / MODULE).read_text(encoding="utf-8").splitlines() if line not in laid_out]
    assert 10 < len(own) + len(blocks("text")[0].splitlines()) + 1 <= 50
    assert len(re.findall(r"^## \d\.", PAGE, re.MULTILINE)) == 5


def test_its_rationales_are_in_english_and_quote_german(project, stage_one):
    shell(project, "cd egs/stimmen/c2ser1 && ./run.sh --stage 2 --stop_stage 4 --folds 1")
    rationale = DataDir(project / "egs/stimmen/c2ser1/data/fold1/test").read("cot_explicit")["anna-anna_Ärger_01"]
    assert "Der Zug kommt gleich." in rationale and rationale.endswith("Emotion: angry.")


def test_a_corpus_without_transcripts_and_with_unlabelled_speech(project, stage_one):
    """Everything up to the inputs of the language model's training works, and what needs words is refused with a line."""
    shell(project, "egs/TEMPLATE/c2ser1/setup.sh --language de egs/stumm/c2ser1")
    module = (project / MODULE).read_text(encoding="utf-8").replace("stimmen", "stumm")
    module = module.replace("texts = dict(", "return {}\n    texts = dict(").replace('"neutral": "neutral"', '"neutral": "unknown"')
    module = module.replace('"neutral": ', '"unknown": ').replace('"unknown": "unknown"', '"neutral": "unknown"')
    (project / "c2ser/corpora/stumm.py").write_text(module, encoding="utf-8")
    shutil.copy(project / TABLE, project / "c2ser/corpora/folds/stumm.tsv")
    options = "--conf conf/tiny --e2v_s none --folds 1"
    recipe = f"cd egs/stumm/c2ser1 && STUMM={project}/stimmen ./run.sh {options}"
    said = shell(project, f"{recipe} --stop_stage 9")
    assert "no transcripts, and no table text" in said and "27 have no label (unknown)" in said
    folder = project / "egs/stumm/c2ser1/data/fold1"
    for part in ("train_nodev", "dev", "test"):
        data = DataDir(folder / part)
        unlabelled = set(data.unlabelled())
        assert unlabelled and not data.has("text") and set(data.read("cot_explicit")) == set(data.utterances()) - unlabelled
        assert all("speed=unknown" in style for style in data.read("utt2style").values())
    inputs = project / "egs/stumm/c2ser1/exp/base/fold1/inputs/train_nodev"
    assert "neutral" in (inputs / "excluded").read_text(encoding="utf-8") and not (inputs / "transcript").exists()
    said = shell(project, f"{recipe} --stage 8 --stop_stage 9 --tag words --text_only true", status=1)
    assert "the corpus has no transcripts (text), so --text_only has nothing to read" in said


@pytest.mark.parametrize("options", ["egs/Stimmen-2/c2ser1", "--language German egs/neu/c2ser1", "egs/neu", "--language de", ""])
def test_setup_refuses_what_cannot_be_a_corpus(project, options):
    before = sorted(project.glob("c2ser/corpora/*"))
    assert "setup.sh" in shell(project, f"egs/TEMPLATE/c2ser1/setup.sh {options}", status=1)
    assert sorted(project.glob("c2ser/corpora/*")) == before and not (project / "egs/neu").exists()


def test_setup_leaves_what_is_there(project, stage_one):
    kept = [(project / path).read_bytes() for path in (MODULE, TABLE, "egs/TEMPLATE/c2ser1/db.sh")]
    assert "run.sh is there already" in shell(project, "egs/TEMPLATE/c2ser1/setup.sh egs/stimmen/c2ser1", status=1)
    assert shell(project, "egs/TEMPLATE/c2ser1/setup.sh elsewhere/stimmen/c2ser1") == "made elsewhere/stimmen/c2ser1\n"
    assert [(project / path).read_bytes() for path in (MODULE, TABLE, "egs/TEMPLATE/c2ser1/db.sh")] == kept
