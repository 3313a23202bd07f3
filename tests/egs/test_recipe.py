"""A recipe made by setup.sh, run through every stage on a synthetic corpus with the smallest configuration."""

import json
import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml
from PIL import Image

from tests.closeness import nearly
from tests.preloaded import leave

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "egs/TEMPLATE/c2ser1"
PITCH = {"a": 300.0, "n": 150.0, "s": 220.0}
SUBMITTED = [
    ("dump/all/log", "dump.sh"), ("dump/prosody/log", "prosody.sh"), ("exp/t/fold1/features/log", "extract.sh"),
    ("exp/t/fold1/explicit", "train.sh"), ("exp/t/fold1/implicit", "train.sh"),
    ("exp/t/fold1/decode_implicit_test", "decode.sh"),
]  # fmt: skip
"""Where Slurm's jobs leave their scripts."""
SMALLER = {"num_iters_per_epoch: 15": "num_iters_per_epoch: 4", "num_iters_per_epoch: 5": "num_iters_per_epoch: 4",
           "explicit: 150": "explicit: 30", "align_batches: 5": "align_batches: 3"}  # fmt: skip
KEPT = ["--conf", "conf/kept"]
"""conf/tiny, but for the frames of Whisper, which are computed once."""


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    """A recipe folder, its configuration copied so that tests may change it, and options for a small run."""
    root = tmp_path_factory.mktemp("egs with blank")
    folder = root / "polish" / "c2ser1"
    subprocess.run([TEMPLATE / "setup.sh", folder], check=True, capture_output=True)
    smaller_conf(folder)
    shutil.copytree(folder / "conf/tiny", folder / KEPT[1])
    for path in (folder / KEPT[1]).glob("train_*plicit.yaml"):
        text = path.read_text(encoding="utf-8").replace("freeze_encoder: true", "freeze_encoder: true, keep_frames: true")
        path.write_text(text.replace("specaug: true", "specaug: false\nwhisper_blocks: 1"), encoding="utf-8")
    write_polish(root / "情感 POLISH")
    write_whisper(root / "whisper.pt")
    return folder


def smaller_conf(folder):
    """Give a recipe's folder configurations of its own, conf/tiny with fewer updates and shorter rationales."""
    (folder / "conf").unlink()  # the link that setup.sh makes
    shutil.copytree(TEMPLATE / "conf", folder / "conf")
    for path in (folder / "conf/tiny").glob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        for before, after in SMALLER.items():
            text = text.replace(before, after)
        path.write_text(text, encoding="utf-8")


WORDS = ("nie", "oddaj", "podaj", "stop", "tak", "trzymaj")


def write_polish(folder, words=WORDS, repetitions=5):
    """450 recordings, or fewer, named as the corpus names them: tones whose pitch tells the emotion."""
    folder.mkdir()
    random = np.random.default_rng(0)
    for speaker in range(1, 6):
        for emotion, pitch in PITCH.items():
            for word in words:
                for repetition in range(1, repetitions + 1):
                    time = np.arange(int(random.uniform(0.3, 0.45) * 16000)) / 16000
                    tone = sum(np.sin(2 * np.pi * pitch * k * time) / k for k in (1, 2, 3)) * random.uniform(0.05, 0.2)
                    path = folder / f"m{speaker}.{emotion}_{word}_{repetition}.wav"
                    soundfile.write(path, tone + 1e-3 * random.standard_normal(len(tone)), 16000, subtype="FLOAT")


def write_whisper(path):
    """A Whisper file with a tiny, random encoder."""
    import torch

    from c2ser.models.whisper_encoder import WhisperEncoder

    dims = {"n_mels": 80, "n_audio_ctx": 1500, "n_audio_state": 32, "n_audio_head": 2, "n_audio_layer": 1}
    torch.manual_seed(0)
    state = {f"encoder.{key}": value for key, value in WhisperEncoder(**dims).encoder.state_dict().items()}
    torch.save({"dims": dims, "model_state_dict": state}, path)


def run(recipe, *options, status=0, **environment):
    """Run the recipe with the small settings; returns its output. Later options override the settings."""
    settings = ["--conf", "conf/tiny", "--whisper", recipe.parents[1] / "whisper.pt", "--llm", "scratch", "--tag", "t"]
    environment = {"POLISH": str(recipe.parents[1] / "情感 POLISH"), **environment}
    done = subprocess.run(
        ["./run.sh", *map(str, settings), *map(str, options)], cwd=recipe, capture_output=True, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
    )  # fmt: skip
    assert done.returncode == status, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


def verdicts(output):
    """Marker → run, skip, redo or resume, from a recipe's output."""
    lines = [line for line in output.splitlines() if line.startswith("[") and "]" in line]
    return {line.split("] ", 1)[1].split(":")[0]: line[1:].split("]")[0] for line in lines if "nltk" not in line}


@pytest.fixture(scope="module")
def first_run(recipe, preloaded):
    """What the first run says. Its commands start at once; tests of single stages run them as a user does."""
    preloaded(recipe)
    said = run(recipe)
    leave(recipe)
    return said


@pytest.fixture
def quick(recipe, preloaded):
    """The recipe's commands start at once."""
    preloaded(recipe)
    yield
    leave(recipe)


def test_every_stage_runs_and_the_table_ends_it(recipe, first_run):
    for stage in range(1, 15):
        assert f" stage {stage}: " in first_run
    for row in ("C2SER implicit, label scoring", "C2SER explicit, free answer", "Probe on Emotion2Vec-S", "Chance"):
        assert row in first_run
    results = (recipe / "exp/t/RESULTS.md").read_text(encoding="utf-8")
    assert "conf/tiny/train_implicit.yaml" in results and "./run.sh" in results
    assert "<html" in (recipe / "exp/t/report.html").read_text(encoding="utf-8")
    score = json.loads((recipe / "exp/t/scores/decode_implicit_test_utt2scored.json").read_text(encoding="utf-8"))
    assert "90" in json.dumps(score)


def test_probe_hears_the_pitch(recipe, first_run):
    """The synthetic emotions differ in pitch alone, so that even a random Whisper tells them apart."""
    predicted = dict(line.split() for line in (recipe / "exp/t/fold1/probe_whisper/utt2pred").open(encoding="utf-8"))
    wanted = dict(line.split() for line in (recipe / "data/fold1/test/utt2emo").open(encoding="utf-8"))
    assert np.mean([predicted[utterance] == wanted[utterance] for utterance in wanted]) > 0.8


def test_second_run_does_nothing_twice(recipe, first_run):
    assert set(verdicts(run(recipe)).values()) == {"skip"}


def test_changed_configuration_redoes_what_depends_on_it(recipe, first_run, quick):
    with open(recipe / "conf/tiny/decode.yaml", "a", encoding="utf-8") as stream:
        stream.write("repetition_penalty: 1.1\n")
    done = verdicts(run(recipe))
    redone = {marker for marker, verdict in done.items() if verdict != "skip"}
    assert {"exp/t/fold1/decode_implicit_test", "exp/t/fold1/decode_explicit_test", "exp/t/.done.report"} <= redone
    expected = ("decode", "report", "stability", "packed")
    assert all(any(word in marker for word in expected) for marker in redone), redone


def test_one_stage_can_be_forced(recipe, first_run):
    done = verdicts(run(recipe, "--stage", 7, "--stop_stage", 7, "--force", "true"))
    probes = {f"exp/t/fold1/probe_{name}" for name in ("e2v_s", "whisper", "both")}
    assert done == dict.fromkeys({*probes, "exp/t/.done.probes"}, "redo")


def test_data_prepared_again_get_their_texts_again(recipe, first_run):
    run(recipe, "--stage", 1, "--stop_stage", 1, "--force", "true")
    assert not (recipe / "data/fold1/train_nodev/cot_explicit").exists()
    done = verdicts(run(recipe, "--stage", 3, "--stop_stage", 4))
    wanted = {"data/.done.prosody": "skip", "data/fold1/.done.style": "run", "data/fold1/.done.cot": "run"}
    assert done == wanted and (recipe / "data/fold1/train_nodev/cot_explicit").is_file()


def test_report_has_pictures_and_errors_to_hear(recipe, first_run):
    """Unless it is to be published: then what was said stays out of it."""
    results = (recipe / "exp/t/RESULTS.md").read_text(encoding="utf-8")
    for picture in ("embeddings_e2v_s", "embeddings_whisper", "layers", "decode_implicit_test_utt2scored.reliability"):
        assert f"(scores/{picture}.png)" in results and (recipe / f"exp/t/scores/{picture}.png").stat().st_size < 300_000
    assert "## What training has seen of the test sets" in results and "peak memory, GB" in results
    page = recipe / "exp/t/report.html"
    assert page.read_text(encoding="utf-8").count("<audio") == 8
    run(recipe, "--stage", 13, "--stop_stage", 13, "--report_speech", "false")
    public = page.read_text(encoding="utf-8")
    assert "Hardest errors" in public and "<audio" not in public and "Transcript" not in public


def run_by_slurm(recipe, slurm):
    """The recipe with the small settings by jobs of Slurm, also for audio and prosody. Returns what its last run says."""
    environment = {"cmd_backend": "slurm", "SLURM_CONF": slurm.environment["SLURM_CONF"]}
    for name in ("dump", "prosody"):
        (recipe / f"data/.done.{name}").unlink()
    note = recipe / "exp/t/fold1/e2v_s/q/train.job"
    with ThreadPoolExecutor() as pool:
        broken = pool.submit(run, recipe, status=1, **environment)
        assert slurm.comes(lambda: note.is_file() and note.read_text().strip())  # at once: it ends soon
        slurm.run("scancel", note.read_text().strip())
        assert "exp/t/fold1/e2v_s/train.log: CANCELLED, says Slurm (job " in broken.result()
    scripts = [recipe / folder / "q" / name for folder, name in SUBMITTED]
    assert not any(path.exists() for path in scripts[2:])
    output = run(recipe, **environment)
    assert "[resume] exp/t/fold1/e2v_s" in output and all(path.is_file() for path in scripts)
    return output.replace("[resume] exp/t/fold1/e2v_s", "[run] exp/t/fold1/e2v_s")


def test_a_rerun_from_the_same_seed_gives_the_same_results(recipe, first_run, quick, request):
    """All is trained, decoded and scored anew by the same command; only the last part of RESULTS.md differs. Where there
    is a Slurm, by its jobs, of which the first is cancelled: the recipe tells, and a rerun goes on."""
    run(recipe)
    (recipe / "exp/t").rename(recipe / "exp/first")
    try:
        slurm = request.getfixturevalue("slurm")
    except pytest.skip.Exception:
        output = run(recipe)
    else:
        output = run_by_slurm(recipe, slurm)
    for stage in ("e2v_s", "explicit", "implicit", "decode_implicit_test"):
        assert f"[run] exp/t/fold1/{stage}" in output
    results = [(recipe / f"exp/{tag}/RESULTS.md").read_text(encoding="utf-8") for tag in ("first", "t")]
    lasting = [text.partition("\n## Date, speed and memory\n")[0] for text in results]
    lasting = [re.sub(r"- Revision: .*", "", text) for text in lasting]  # someone may commit meanwhile
    number = re.compile(r"\d+\.\d+")
    assert number.sub("·", lasting[0]) == number.sub("·", lasting[1]) and len(lasting[0]) < len(results[0])
    values = [[float(value) for value in number.findall(text)] for text in lasting]
    assert values[0] == pytest.approx(values[1], rel=1e-3, abs=0.11)  # rounding may turn the last of one decimal
    for first in (recipe / "exp/first/scores").glob("*.png"):
        second = recipe / "exp/t/scores" / first.name
        one, other = (np.asarray(Image.open(path).convert("L"), float) for path in (first, second))
        assert one.shape == other.shape and (np.abs(one - other) > 64).mean() < 1e-3, first.name


def test_trained_system_answers(recipe, first_run):
    from c2ser import Predictor

    audio = sorted((recipe.parents[1] / "情感 POLISH").glob("m3.a_nie_*.wav"))
    here, packed = Predictor(recipe / "exp/t"), Predictor(recipe / "exp/t/packed")
    for one, other in zip(here(audio), packed(audio)):
        assert one.posterior.keys() == {"angry", "fearful", "neutral"}
        assert one.posterior == nearly(other.posterior)


@pytest.mark.parametrize(
    ("options", "environment", "message"),
    [
        (["--nonsense", "1"], {}, "--nonsense"),
        (["--skip_train", "maybe"], {}, "skip"),
        (["--nj", "two"], {}, "--nj two"),
        (["--conf", "conf/none"], {}, "conf/none"),
        (["stray"], {}, "stray"),
        (["--tag", "other", "--stage", "1"], {"POLISH": ""}, "set POLISH in db.sh"),
        ([], {"cmd_backend": "cloud"}, "cmd_backend"),
    ],
)
def test_wrong_options_are_named(recipe, first_run, options, environment, message):
    assert message in run(recipe, *options, status=1, **environment)


def test_help_lists_every_option_once(recipe):
    help_text = run(recipe, "--help")
    source = (TEMPLATE / "c2ser.sh").read_text(encoding="utf-8")
    block = source.split("# --- options")[1].split("# --- end")[0]
    names = [line.split("=")[0] for line in block.splitlines()[1:] if "=" in line]
    assert len(names) > 20
    for name in names:
        assert help_text.count(f"  --{name} [") == 1, name


def test_recipes_are_short_and_link_what_they_share():
    for script in sorted(ROOT.glob("egs/*/c2ser1/run.sh")):
        assert len(script.read_text(encoding="utf-8").splitlines()) <= 40
        for part in ("path.sh", "cmd.sh", "db.sh", "conf", "utils"):
            assert (script.parent / part).is_symlink(), script.parent / part
    assert len((TEMPLATE / "c2ser.sh").read_text(encoding="utf-8").splitlines()) <= 350


@pytest.mark.parametrize(
    ("options", "modes", "hears"),
    [
        (["--whisper", "none", "--answers", "label", "--e2v_s", "exp/t/fold{fold}/e2v_s"], {"implicit"}, {"emotion"}),
        (["--text_only", "true"], {"explicit", "implicit"}, set()),
        (["--e2v_s", "none", "--paraphrases", 2, "--normalise", "speaker", *KEPT], {"explicit", "implicit"}, {"whisper"}),
    ],
)
def test_ablations_run_to_the_end(recipe, first_run, quick, options, modes, hears):
    tag = "_".join(str(option).strip("-") for option in options[:2])
    output = run(recipe, "--tag", tag, "--stage", 3, "--stop_stage", 13, *options)
    assert ("C2SER explicit, label scoring" in output) == ("explicit" in modes) and "C2SER implicit, free answer" in output
    bundle = yaml.safe_load((recipe / f"exp/{tag}/model.yaml").read_text(encoding="utf-8"))
    assert set(bundle["modes"]) == modes and {name for name in ("emotion", "whisper") if bundle.get(name)} == hears
    if KEPT[0] in options:
        frames = "dump/frames/whisper_1/frames.scp"
        assert (recipe / frames).is_file()
        for mode in modes:
            config = yaml.safe_load((recipe / f"exp/{tag}/fold1/{mode}/config.yaml").read_text(encoding="utf-8"))
            assert config["kept_frames"] == frames and config["model_conf"]["standardize"] == "speaker"
    if "--paraphrases" in options:
        report = json.loads((recipe / f"exp/{tag}/scores/stability.json").read_text(encoding="utf-8"))
        assert len(report["decodings"]) == 4 and "implicit" in report["prompts"]
