"""utils/stage.sh: finished stages are skipped, changed and half-finished ones done again."""

import os
import time

import pytest

SCRIPT = """
set -euo pipefail
force=${force-}
[ -n "$force" ] || unset force
. "$UTILS"/stage.sh
if stage_begin data/.done.prepare --file conf/prepare.yaml; then
    echo "prepare $stage_verdict"
    cat conf/prepare.yaml > data/text
    stage_end
fi
inputs=(--file conf/train.yaml --value "nj=${nj:-1}" --done data/.done.prepare)
if stage_begin exp/train "${inputs[@]}" --clean exp/train/model; then
    echo "train $stage_verdict"
    mkdir -p exp/train/model
    echo step >> exp/train/model/steps
    ${fail:-true}
    stage_end
fi
echo "end $stage_verdict"
"""


@pytest.fixture
def recipe(call, utils, tmp_path):
    """Run the script in its folder; returns (status, lines of stdout, stderr)."""
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "prepare.yaml").write_text("a\n")
    (tmp_path / "conf" / "train.yaml").write_text("b\n")
    (tmp_path / "run.sh").write_text(SCRIPT)

    def run(**variables):
        done = call("bash", "run.sh", UTILS=str(utils), **variables)
        return done.returncode, done.stdout.splitlines(), done.stderr

    return run


FRESH = [
    "[run] data/.done.prepare: not done yet", "prepare run",
    "[run] exp/train: not done yet", "train run", "end run",
]  # fmt: skip
SKIPPED = ["[skip] data/.done.prepare: up to date", "[skip] exp/train: up to date", "end skip"]


def test_finished_stages_are_skipped(recipe):
    assert recipe() == (0, FRESH, "")
    assert recipe() == (0, SKIPPED, "")


def test_a_changed_input_is_named_and_its_stage_redone(recipe, tmp_path):
    recipe()
    (tmp_path / "conf" / "train.yaml").write_text("changed\n")
    expected = [SKIPPED[0], "[redo] exp/train: conf/train.yaml changed", "train redo", "end redo"]
    assert recipe() == (0, expected, "")
    assert recipe()[1] == SKIPPED
    assert recipe(nj="2")[1][1] == "[redo] exp/train: nj changed"
    assert recipe(nj="2")[1] == SKIPPED


def test_a_stage_depends_on_the_stages_before_it(recipe, tmp_path):
    recipe()
    (tmp_path / "conf" / "prepare.yaml").write_text("changed\n")
    lines = recipe()[1]
    assert lines[0] == "[redo] data/.done.prepare: conf/prepare.yaml changed"
    assert lines[2] == "[redo] exp/train: data/.done.prepare changed"
    assert recipe()[1] == SKIPPED


def test_a_half_finished_stage_is_resumed(recipe, tmp_path):
    status, lines, _ = recipe(fail="false")
    assert status == 1 and "end run" not in lines
    assert not (tmp_path / "exp" / "train" / ".done").exists()
    status, lines, _ = recipe()
    resumed = "[resume] exp/train: it was interrupted, its inputs are the same"
    assert lines[1:] == [resumed, "train resume", "end resume"]
    assert (tmp_path / "exp" / "train" / "model" / "steps").read_text() == "step\nstep\n"
    assert recipe()[1] == SKIPPED


def test_a_half_finished_stage_with_other_inputs_starts_anew(recipe, tmp_path):
    recipe(fail="false")
    (tmp_path / "conf" / "train.yaml").write_text("changed\n")
    assert recipe()[1][1:3] == ["[redo] exp/train: conf/train.yaml changed", "train redo"]
    assert (tmp_path / "exp" / "train" / "model" / "steps").read_text() == "step\n"


def test_force(recipe):
    recipe()
    lines = recipe(force="true")[1]
    assert lines[0] == "[redo] data/.done.prepare: forced" and lines[2] == "[redo] exp/train: forced"
    assert recipe(force="false")[1] == SKIPPED


def test_a_missing_input_ends_the_script(recipe, tmp_path):
    (tmp_path / "conf" / "train.yaml").unlink()
    status, lines, error = recipe()
    assert status == 1 and lines == FRESH[:2]
    assert error == "error: conf/train.yaml: no such file\n"


def test_an_input_changed_meanwhile_counts_the_next_time(recipe, tmp_path):
    """The key is that of the start: what the stage did not see must make it run again."""
    (tmp_path / "edit").write_text("#!/bin/sh\necho changed > conf/train.yaml\n")
    (tmp_path / "edit").chmod(0o755)
    assert recipe(fail="./edit")[0] == 0
    assert recipe()[1][1] == "[redo] exp/train: conf/train.yaml changed"


def test_an_end_without_a_beginning(call, utils):
    done = call("bash", "-c", f". '{utils}/stage.sh'; stage_end; echo went on")
    assert done.returncode == 1 and done.stdout == "" and "no stage has begun" in done.stderr


LOCKED = """
set -euo pipefail
. "$UTILS"/stage.sh
stage_lock exp/a
echo "$_stage_keeper"
[ -f exp/a/.lock ]
$THEN
"""


@pytest.mark.parametrize(("then", "status"), [("true", 0), ("false", 1), ("kill -TERM $$", -15), ("rm exp/a/.lock", 0)])
def test_a_lock_and_what_renews_it_end_with_the_script(call, utils, tmp_path, then, status):
    (tmp_path / "run.sh").write_text(LOCKED.replace("$THEN", then))
    done = call("bash", "run.sh", UTILS=str(utils))
    assert (done.returncode, done.stderr) == (status, "") and not (tmp_path / "exp/a/.lock").exists()
    keeper, deadline = int(done.stdout), time.monotonic() + 60
    while runs(keeper) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not runs(keeper)


def runs(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
