"""Packing: one folder without pickles and without paths, which answers the same on a machine without the experiment."""

import json
import os
import pickletools
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile
import torch
import yaml

from c2ser.bin import pack
from c2ser.checkpoints.weights import read_weights
from c2ser.emotions import EMOTIONS
from c2ser.errors import InputError
from c2ser.inference.bundle import Bundle
from c2ser.inference.emotion_encoder import backbone_weights
from c2ser.inference.predictor import Predictor
from tests.builders import c2ser_config, c2ser_model, language_model, system, waves, whisper_file, write_parts
from tests.closeness import nearly
from tests.packing.test_results import REPORT

ROOT = Path(__file__).resolve().parents[2]


def run(model, out, *more):
    pack.main(["--model", str(model), "--out_dir", str(out), *more])


@pytest.fixture(scope="module")
def packed(system_dir, tmp_path_factory):
    folder = tmp_path_factory.mktemp("packed") / "new folder/packed"
    run(system_dir, folder)
    return folder


def test_everything_lies_inside(system_dir, packed):
    assert [path.name for path in packed.parent.iterdir()] == ["packed"]
    copy, source = Bundle.read(packed), Bundle.read(system_dir)
    assert copy.name == source.name == "system"  # of its folder
    assert (copy.labels, copy.languages, list(copy.modes)) == (source.labels, source.languages, list(source.modes))
    assert copy.emotion["utterance_mode"] == source.emotion["utterance_mode"]
    sections = [copy.emotion, *copy.modes.values()]
    paths = [copy.llm, copy.whisper, *(section[key] for section in sections for key in ("config", "checkpoint"))]
    assert all(path.is_relative_to(packed) and not path.is_symlink() for path in paths)
    assert {path.name for path in packed.iterdir()} == {
        "README.md", "model.yaml", "whisper.safetensors", "emotion2vec_s", "llm", "explicit", "implicit"
    }  # fmt: skip
    for path in packed.rglob("*"):
        assert path.stat().st_mode & 0o044 == 0o044  # others may read it


def test_weights_are_kept_to_the_bit(system_dir, packed):
    copy, source = Bundle.read(packed), Bundle.read(system_dir)
    pairs = [(read_weights(copy.modes[mode]["checkpoint"]), read_weights(source.modes[mode]["checkpoint"]))
             for mode in source.modes]  # fmt: skip
    pairs.append((read_weights(copy.emotion["checkpoint"]), backbone_weights(source.emotion["checkpoint"])))
    for one, other in pairs:
        assert one.keys() == other.keys() and one
        assert all(torch.equal(value, other[name]) and value.dtype == other[name].dtype for name, value in one.items())
    for path in source.llm.iterdir():
        assert (copy.llm / path.name).read_bytes() == path.read_bytes()


def test_no_pickle_is_packed(packed):
    for path in packed.rglob("*"):
        if path.is_file():
            assert path.suffix in (".safetensors", ".yaml", ".json", ".md", ".model"), path
            with pytest.raises(ValueError):
                list(pickletools.genops(path.read_bytes()))
            assert path.read_bytes()[:2] != b"PK"  # the archive that torch.save writes


def test_no_path_of_the_machine_is_packed(system_dir, packed):
    made = (system_dir, packed, Bundle.read(system_dir).llm, ROOT, Path.home(), Path(sys.prefix), Path.cwd())
    told = {str(path.resolve()) for path in made} | {str(system_dir.parents[1])}
    assert str(Bundle.read(system_dir).llm) in (system_dir / "implicit/config.yaml").read_text(encoding="utf-8")
    for path in packed.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not [text for text in told if text.encode() in content], path


SCRIPT = """
import json, sys
from c2ser import Predictor
predictor = Predictor(sys.argv[1])
made = [[p.posterior, p.text] for mode in ("implicit", "explicit") for p in predictor([sys.argv[2]], mode)]
json.dump(made, open(sys.argv[3], "w"))
"""


def test_it_answers_the_same_without_the_experiment(tmp_path):
    """Everything that it was made of is removed, and another process loads it from another folder."""
    source = tmp_path / "source"
    source.mkdir()
    model = system(source / "exp", language_model(source / "llm"), whisper_file(source / "w.pt"))
    soundfile.write(tmp_path / "a.wav", waves([9000])[0][0].numpy(), 16000)
    predictor = Predictor(model)
    wanted = [predictor([tmp_path / "a.wav"], mode)[0] for mode in ("implicit", "explicit")]
    run(model, tmp_path / "made/packed")
    shutil.rmtree(source)
    (tmp_path / "elsewhere").mkdir()
    shutil.move(tmp_path / "made/packed", tmp_path / "elsewhere/系统")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(tmp_path / "elsewhere")}
    arguments = [sys.executable, "-c", SCRIPT, "系统", str(tmp_path / "a.wav"), "made.json"]
    done = subprocess.run(arguments, cwd=tmp_path / "elsewhere", env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    made = json.loads((tmp_path / "elsewhere/made.json").read_text(encoding="utf-8"))
    assert [text for _, text in made] == [one.text for one in wanted]
    for (posterior, _), one in zip(made, wanted):  # processes may sum in another order
        assert posterior == nearly(one.posterior)


def test_an_earlier_one_is_replaced(system_dir, tmp_path):
    (tmp_path / "packed/old").mkdir(parents=True)
    (tmp_path / "packed/model.yaml").touch()
    run(system_dir, tmp_path / "packed")
    assert not (tmp_path / "packed/old").exists() and Bundle.read(tmp_path / "packed")


def test_nothing_else_is_replaced(system_dir, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis/chapter.tex").touch()
    with pytest.raises(InputError, match="thesis: is there and is no packed system"):
        run(system_dir, tmp_path / "thesis")
    for out in (system_dir, system_dir.parent, Bundle.read(system_dir).llm, system_dir / "implicit"):
        with pytest.raises(InputError, match="would replace .*, which is to be packed"):
            run(system_dir, out)
    assert (tmp_path / "thesis/chapter.tex").exists() and Bundle.read(system_dir)


def test_an_earlier_one_is_kept_on_a_fault(system_dir, tmp_path, monkeypatch):
    (tmp_path / "packed/old").mkdir(parents=True)
    (tmp_path / "packed/model.yaml").touch()
    with pytest.raises(InputError, match="model.yaml: no such file"):
        run(tmp_path, tmp_path / "packed")

    def fail(*args, **options):
        raise OSError("no space left on device")

    monkeypatch.setattr(shutil, "copyfile", fail)
    with pytest.raises(OSError, match="no space"):
        run(system_dir, tmp_path / "packed")
    assert [path.name for path in tmp_path.iterdir()] == ["packed"] and (tmp_path / "packed/old").is_dir()


def test_a_system_without_ears(llm_dir, tmp_path):
    config = c2ser_config(llm_dir, None, prompt_language="zh", model_conf={"train_mode": "implicit"}, text_only=True)
    parts = write_parts(tmp_path / "implicit", config, c2ser_model(config))
    Bundle(list(EMOTIONS), ["zh"], llm_dir, None, None, {"implicit": parts}).write(tmp_path)
    run(tmp_path, tmp_path / "packed")
    assert {path.name for path in (tmp_path / "packed").iterdir()} == {"llm", "implicit", "model.yaml", "README.md"}
    made = [Predictor(folder)([waves([800])[0][0].numpy()], transcripts=["No."])[0].posterior
            for folder in (tmp_path, tmp_path / "packed")]  # fmt: skip
    assert made[0] == made[1]
    assert "reads a transcript and hears nothing" in (tmp_path / "packed/README.md").read_text(encoding="utf-8")


def test_one_model_asked_in_two_ways_is_packed_once(system_dir, tmp_path):
    bundle = Bundle.read(system_dir)
    bundle.modes = dict.fromkeys(("implicit", "explicit"), bundle.modes["implicit"])
    (tmp_path / "source").mkdir()
    bundle.write(tmp_path / "source")
    run(tmp_path / "source", tmp_path / "packed")
    modes = Bundle.read(tmp_path / "packed").modes
    assert modes["implicit"] == modes["explicit"] and not (tmp_path / "packed/explicit").exists()


def test_a_language_model_in_pickles_becomes_safetensors(system_dir, tmp_path):
    from transformers import AutoModelForCausalLM

    source = tmp_path / "llm"
    shutil.copytree(Bundle.read(system_dir).llm, source)
    model = AutoModelForCausalLM.from_pretrained(source)
    torch.save(model.state_dict(), source / "pytorch_model.bin")
    (source / "model.safetensors").unlink()
    config = json.loads((source / "config.json").read_text())
    (source / "config.json").write_text(json.dumps({**config, "_name_or_path": str(source)}))
    (source / "LICENSE").write_text("Do as you like.")
    (source / ".cache").mkdir()
    bundle = Bundle.read(system_dir)
    bundle.llm = source
    (tmp_path / "exp").mkdir()
    bundle.write(tmp_path / "exp")
    run(tmp_path / "exp", tmp_path / "packed")
    names = {path.name for path in (tmp_path / "packed/llm").iterdir()}
    assert {"model.safetensors", "LICENSE", "config.json"} <= names and not any(name.endswith(".bin") for name in names)
    assert str(source) not in (tmp_path / "packed/llm/config.json").read_text()
    speech = [waves([6000])[0][0].numpy()]
    assert Predictor(tmp_path / "packed")(speech)[0].posterior == Predictor(system_dir)(speech)[0].posterior
    assert "[llm/LICENSE](llm/LICENSE)" in (tmp_path / "packed/README.md").read_text(encoding="utf-8")


def test_card(system_dir, tmp_path):
    (tmp_path / "RESULTS.md").write_text(REPORT, encoding="utf-8")
    options = ["--results", tmp_path / "RESULTS.md", "--leaks", "Speakers are new; see /x/y.", "--note", "Fold 1."]
    run(system_dir, tmp_path / "packed", *map(str, options), "--corpus", "polish", "emovo")
    card = (tmp_path / "packed/README.md").read_text(encoding="utf-8")
    head, _, body = card.removeprefix("---\n").partition("\n---\n")
    assert yaml.safe_load(head)["language"] == ["it", "pl", "zh"]
    for words in (
        "# hlasy: base", "Classes: angry, disgusted, fearful", "Answers in: zh", "trained on: it, pl", "| C2SER | 90 |",
        "Fold 1.", "- Nothing; see …/notes.", "--whisper …/medium.pt", "Whisper's encoder and Emotion2Vec-S",
        "| Whisper's encoder | `whisper.safetensors` | 0.1 | MIT", "| Emotion2Vec-S | `emotion2vec_s` | 0.1 | Apache-2.0",
        "| Language model | `llm` | 0.1 | see the model's own licence |", "| EMOVO | it | for research |",
        "| Emotions in Polish speech | pl | CC BY |", 'Predictor("FOLDER")', "c2ser predict a.wav b.flac --model FOLDER",
    ):  # fmt: skip
        assert words in body, words


def test_leaks_are_said_where_results_do_not_say_so(system_dir, tmp_path):
    run(system_dir, tmp_path / "packed", "--leaks", "Speakers are new; see /x/y.")
    assert "\nSpeakers are new; see …/y.\n" in (tmp_path / "packed/README.md").read_text(encoding="utf-8")


def test_card_of_what_nothing_is_known_of(packed):
    card = (packed / "README.md").read_text(encoding="utf-8")
    assert "packed before it was scored" in card and "Not stated. Ask who packed it" in card and "| not stated |" in card


def test_a_converted_encoder_has_its_own_licence(system_dir, tmp_path):
    bundle = Bundle.read(system_dir)
    config = yaml.safe_load(bundle.emotion["config"].read_text(encoding="utf-8"))
    config["converted"] = {"from": "Emotion2Vec-S.pt", "sha256": "0" * 64, "layout": "fairseq", "notes": ["of /x/y"]}
    bundle.emotion["config"] = tmp_path / "config.yaml"
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    (tmp_path / "exp").mkdir()
    bundle.write(tmp_path / "exp")
    run(tmp_path / "exp", tmp_path / "packed")
    kept = yaml.safe_load((tmp_path / "packed/emotion2vec_s/config.yaml").read_text(encoding="utf-8"))
    assert kept["converted"] == {"from": "Emotion2Vec-S.pt", "sha256": "0" * 64, "layout": "fairseq"}
    card = (tmp_path / "packed/README.md").read_text(encoding="utf-8")
    assert "| that of the checkpoint it was converted from: see there |" in card


def test_results_that_stand_in_the_experiment_are_taken(system_dir, tmp_path):
    bundle = Bundle.read(system_dir)
    (tmp_path / "exp").mkdir()
    bundle.write(tmp_path / "exp")
    (tmp_path / "exp/RESULTS.md").write_text(REPORT, encoding="utf-8")
    (tmp_path / "exp/import.json").write_text("{}")
    run(tmp_path / "exp", tmp_path / "packed")
    card = (tmp_path / "packed/README.md").read_text(encoding="utf-8")
    assert "| C2SER | 90 |" in card and "that of the authors' release" in card
    with pytest.raises(InputError, match="klingon: no corpus of that name"):
        run(tmp_path / "exp", tmp_path / "packed", "--corpus", "klingon")
