"""A recipe looks before it acts: options, runs beside it, what has changed, what is gone. Stages 1 and 2 on tones."""

import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "egs/TEMPLATE/c2ser1"
SPEAKERS = ("anna", "eva", "jan", "petr")
MODULE = '''
"""Toy: four speakers, two emotions, one recording each."""

from pathlib import Path

from c2ser.corpora.base import Corpus, Reading, Utterance, uniform

CORPUS = Corpus(
    name="toy", title="Toy", languages=("cs",), licence="none", source="a test",
    expected=uniform(("anna", "eva", "jan", "petr"), ("angry", "sad"), 1), folds=Path(__file__).with_name("folds.tsv"),
)


def read(root):
    reading = Reading()
    for path in sorted(Path(root).glob("*.wav")):
        speaker, emotion = path.stem.split("_")
        reading.utterances.append(
            Utterance(f"{speaker}-{emotion}", speaker=speaker, emotion=emotion, language="cs", audio=str(path), text="ano")
        )
    return reading
'''


def toy(root):
    """A recipe of a corpus of its own in a folder that there is; returns the recipe's."""
    # Of a corpus that is known setup.sh lays out nothing in the project itself
    subprocess.run([TEMPLATE / "setup.sh", root / "polish/c2ser1"], check=True, capture_output=True)
    folder = (root / "polish").rename(root / "toy") / "c2ser1"
    (folder / "run.sh").write_text((folder / "run.sh").read_text().replace("polish", "toy").replace("POLISH", "TOY"))
    (root / "speech").mkdir()
    random = np.random.default_rng(0)
    for speaker in SPEAKERS:
        for emotion in ("angry", "sad"):
            soundfile.write(root / "speech" / f"{speaker}_{emotion}.wav", random.normal(0, 0.1, 8000), 16000)
    (root / "corpus.py").write_text(MODULE)
    (root / "folds.tsv").write_text("1\tanna\n2\teva\n3\tjan\n4\tpetr\n")
    (root / "whisper.pt").write_bytes(b"stage 6 would read it")
    return folder


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """That recipe after stage 2."""
    folder = toy(tmp_path_factory.mktemp("a recipe"))
    run(folder, "--stop_stage", 2)
    return folder


@pytest.fixture
def recipe(prepared):
    """The same, whatever a test has done to it."""
    run(prepared, "--stop_stage", 2)
    return prepared


def options(recipe, *more):
    root = recipe.parents[1]
    settings = ["--corpus", root / "corpus.py", "--whisper", root / "whisper.pt", "--llm", "scratch", "--nj", 1]
    return ["./run.sh", *map(str, [*settings, *more])]


def environment(recipe, **more):
    return {**os.environ, "OMP_NUM_THREADS": "1", "TOY": str(recipe.parents[1] / "speech"), **more}


def run(recipe, *more, status=0, **variables):
    """Returns what the recipe says; `--stop_stage` is meant to be among the options."""
    done = subprocess.run(
        options(recipe, *more), cwd=recipe, capture_output=True, text=True, env=environment(recipe, **variables)
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def state(recipe):
    """Every file of the recipe with its time."""
    return {path: path.stat().st_mtime_ns for path in recipe.rglob("*") if path.is_file() and not path.is_symlink()}


@pytest.mark.parametrize(
    ("stages", "fetched"),
    [
        ("1 5", []), ("2 3", []), ("6 6", ["whisper-tiny.en"]), ("7 7", []), ("8 9", ["smollm2-135m-instruct"]),
        ("1 14", ["whisper-tiny.en", "smollm2-135m-instruct"]), ("11 11", ["whisper-tiny.en"]), ("12 14", []),
    ],
)  # fmt: skip
def test_models_are_fetched_for_the_stages_that_read_them(recipe, tmp_path, stages, fetched):
    """What would be fetched is noted; what then ends the run is --leave_out, of which one corpus has nothing."""
    first, last = stages.split()
    words = ["./run.sh", "--corpus", recipe.parents[1] / "corpus.py", "--leave_out", "x"]
    words += ["--stage", first, "--stop_stage", last]
    variables = environment(recipe, BASH_ENV=str(tmp_path / "env"))
    for result in (0, 3):
        (tmp_path / "fetched").write_text("")
        stub = f'python3() {{ echo "${{!#}}" >>{tmp_path}/fetched; return {result}; }}'
        (tmp_path / "env").write_text(f"case $0 in *c2ser.sh) {stub} ;; esac\n")
        done = subprocess.run([str(word) for word in words], cwd=recipe, capture_output=True, text=True, env=variables)
        if result and fetched:  # a failure ends the run
            assert done.returncode == 3 and (tmp_path / "fetched").read_text().split() == fetched[:1]
        else:
            assert done.stderr == "./run.sh: --leave_out x: there is one corpus; egs/all has several\n"
            assert (tmp_path / "fetched").read_text().split() == fetched


def test_done_twice_is_done_once(recipe):
    assert "[skip] data/.done.prepare: up to date\n" in run(recipe, "--stop_stage", 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--nj", "0"], "--nj 0: expected a whole number from 1"),
        (["--stage", "15"], "--stage 15: expected a whole number from 1 to 14"),
        (["--stage", "0"], "--stage 0: expected"),
        (["--stage", "5", "--stop_stage", "4"], "--stop_stage 4: comes before --stage 5"),
        (["--num_nodes", "0"], "--num_nodes 0"),
        (["--seed", "x"], "--seed x"),
        (["--paraphrases", "6"], "--paraphrases 6"),
        (["--min_seconds", "soon"], "--min_seconds soon"),
        (["--max_seconds", "0"], "--max_seconds 0"),
        (["--max_seconds", "0.1"], "--min_seconds 0.1: not below --max_seconds 0.1"),
        (["--balance_temperature", "-1"], "--balance_temperature -1"),
        (["--f0_method", "yin"], "--f0_method yin: expected swift, pyworld, praat or penn"),
        (["--style_population", "all"], "--style_population all"),
        (["--measures", "speed tempo"], "--measures speed tempo: tempo is none of speed pitch volume range"),
        (["--measures", "speed speed"], "--measures speed speed: one is there twice"),
        (["--measures", " "], "--measures is empty"),
        (["--style_questions", "1"], "--style_questions 1: expected a share from 0 to below 1"),
        (["--verdict", "middle"], "--verdict middle: expected last or first"),
        (["--ensemble_prompts", "6"], "--ensemble_prompts 6: expected a whole number from 0 to 5"),
        (["--cot_rounds", "1", "--verdict", "first"], "--cot_rounds 1: rationales are drawn with --verdict last"),
        (["--cot_rounds", "1", "--answers", "label"], "--cot_rounds 1: --answers label has no rationales to draw"),
        (["--cot_language", "xx"], "--cot_language xx: expected auto, en, it, pl or zh"),
        (["--encoder_task", "x"], "--encoder_task x"),
        (["--e2v_s_teacher", "3,"], "--e2v_s_teacher 3,: expected layers"),
        (["--e2v_s_teacher", "3", "--whisper", "none"], "--e2v_s_teacher 3: there is no --whisper to learn from"),
        (["--utterance_mode", "x"], "--utterance_mode x"),
        (["--precision", "x"], "--precision x"),
        (["--probe_classifier", "x"], "--probe_classifier x"),
        (["--probe_choose_by", "x"], "--probe_choose_by x"),
        (["--answers", "x"], "--answers x"),
        (["--tag", "a/b"], "--tag 'a/b'"),
        (["--folds", "1 x"], "--folds 1 x"),
        (["--folds", "1 all"], "--folds 1 all"),
        (["--folds", "0"], "--folds 0"),
        (["--whisper", "absent.pt"], "--whisper absent.pt: expected an openai-whisper file (.pt), or a folder with config.json"),
        (["--llm", "absent"], "--llm absent: expected a folder"),
        (["--model", "absent"], "--model absent: no model.yaml"),
        (["--ngpu", "2"], "--ngpu 2: 1 GPUs are to be seen here"),
        (["--folds", "1 9"], "--folds 9: data/fold9/test is not there; there are: 1 2 3 4"),
    ],
)
def test_a_wrong_option_touches_nothing(recipe, options, message):
    before = state(recipe)
    output = run(recipe, "--force", str("1 9" not in options).lower(), *options, status=1, CUDA_VISIBLE_DEVICES="0")
    assert f"./run.sh: {message}" in output.splitlines()[-1] and "Traceback" not in output and "usage:" not in output
    assert state(recipe) == before


def test_a_fold_left_behind_is_none(recipe):
    """An earlier version made data/fold9 with a marker alone."""
    (recipe / "data/fold9").mkdir(exist_ok=True)
    (recipe / "data/fold9/.done.style.begun").write_text("x\n")
    run(recipe, "--stop_stage", 2, "--folds", "all")


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda root: (root / "corpus.py").write_text(MODULE + "# edited\n"), "corpus.py changed"),
        (lambda root: (root / "folds.tsv").write_text("1\teva\n2\tanna\n3\tjan\n4\tpetr\n"), "folds.tsv changed"),
        (lambda root: soundfile.write(root / "speech/jan_sad.wav", np.full(9000, 0.1), 16000), "speech changed"),
    ],
)
def test_an_edit_is_seen(recipe, edit, words):
    edit(recipe.parents[1])
    output = run(recipe, "--stop_stage", 2)
    assert "[redo] data/.done.prepare: " in output and words in output and "[redo] data/.done.dump" in output


def test_a_deleted_recording_is_missed(recipe):
    path = recipe.parents[1] / "speech/petr_sad.wav"
    content = path.read_bytes()
    path.unlink()
    output = run(recipe, "--stop_stage", 2, status=1)
    assert "speech changed" in output and "petr" in output
    path.write_bytes(content)


def test_a_deleted_dump_is_told_and_made_again(recipe):
    (recipe / "dump/all/audio.1.0001.ark").unlink()
    output = run(recipe, "--stage", 3, "--stop_stage", 3, status=1)
    wanted = "error: dump/all/audio.1.0001.ark is gone: run ./run.sh --stage 2 --stop_stage 2, then this again"
    assert output.splitlines()[-1] == wanted and not (recipe / "dump/prosody").exists()
    assert "[redo] data/.done.dump: dump/all/audio.1.0001.ark is gone" in run(recipe, "--stage", 2, "--stop_stage", 2)


def test_a_failure_leaves_what_was_there(recipe):
    """The dump is forced and cannot be made: the one before is set aside, not lost, and goes when another is there."""
    kept = (recipe / "dump/all/audio.1.0001.ark").read_bytes()
    (recipe / "data/all/wav.scp").rename(recipe / "wav.scp")
    assert "Traceback" not in run(recipe, "--stage", 2, "--stop_stage", 2, "--force", "true", status=1)
    assert (recipe / "dump/.all.old/audio.1.0001.ark").read_bytes() == kept
    (recipe / "wav.scp").rename(recipe / "data/all/wav.scp")
    run(recipe, "--stage", 2, "--stop_stage", 2)
    assert (recipe / "dump/all/audio.1.0001.ark").read_bytes() == kept and not (recipe / "dump/.all.old").exists()


def test_two_runs_and_an_interruption(recipe):
    """The first is at work, however slowly: the second is refused, forced or not. Ctrl-C ends it in one line."""
    slow = recipe / "slow"
    slow.mkdir(exist_ok=True)
    (slow / "run.py").write_text('#!/bin/sh\ntouch slow/begun\nexec sleep 900\n')
    (slow / "run.py").chmod(0o755)
    words = options(recipe, "--stage", 2, "--stop_stage", 2, "--force", "true")
    path = {"BASH_ENV": str(slow / "env")}
    (slow / "env").write_text('case $0 in *c2ser.sh) run.py() { slow/run.py "$@"; } ;; esac\n')
    first = subprocess.Popen(
        words, cwd=recipe, env=environment(recipe, **path), text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # where the tests run in the background it is ignored
    )  # fmt: skip
    deadline = time.monotonic() + 300
    while not (slow / "begun").exists() and time.monotonic() < deadline and first.poll() is None:
        time.sleep(0.05)
    for force in ("false", "true"):
        refused = run(recipe, "--stop_stage", 2, "--force", force, status=1).splitlines()
        assert len(refused) == 1 and refused[0].startswith("error: exp/base: a run is at work there, process ")
    other = run(recipe, "--tag", "other", "--stage", 2, "--stop_stage", 2, status=1).splitlines()
    assert other[-1].startswith("error: data/.done.dump: process ") and "is at this stage" in other[-1]
    os.killpg(first.pid, signal.SIGINT)
    _, error = first.communicate(timeout=120)
    assert first.returncode in (130, -signal.SIGINT) and "Traceback" not in error
    assert not (recipe / "exp/base/.lock").exists()
    assert "[resume] data/.done.dump" in run(recipe, "--stage", 2, "--stop_stage", 2)


def test_help_is_the_recipes_own():
    help_text = subprocess.run([ROOT / "egs/esd/c2ser1/run.sh", "--help"], capture_output=True, text=True).stderr
    assert help_text.startswith("Usage: ./run.sh [--option value] …    (in ") and "TEMPLATE" not in help_text
    options = ("corpus [esd]", "db [ESD]", "folds [1 2 3 4 5]", "dev_speakers [4]", "tag [smollm2]", "nj [2]")
    for option in options:
        assert f"\n  --{option}: " in help_text, option


def test_help_of_the_comparison():
    script = TEMPLATE / "encoders.sh"
    help_text = subprocess.run([script, "--help"], cwd=ROOT / "egs/casia/c2ser1", capture_output=True, text=True).stderr
    assert help_text.startswith("What does L_cate buy?") and '\n  --systems ["frm_utt supervised"]: encoders' in help_text
    names = [line for line in script.read_text().split("# --- ")[1].splitlines()[1:] if "=" in line]
    assert help_text.count("\n  --") == len(names) > 5


def test_who_trains_no_c2ser_needs_no_configuration_of_it(recipe, tmp_path):
    (tmp_path / "train_e2v_s.yaml").write_text("max_epoch: 1\n")
    assert "No such file" not in run(recipe, "--conf", tmp_path, "--stop_stage", 2)
