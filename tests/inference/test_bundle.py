"""The manifest of a trained system: relative paths, and what is missing or malformed."""

import shutil
from dataclasses import replace

import pytest
import yaml

from c2ser.errors import InputError
from c2ser.inference.bundle import Bundle


def write(root, whisper="w/small.pt", emotion=True):
    """A system whose parts lie beside its own folder, as in a recipe. Returns root/exp."""
    files = "llm/config.json w/small.pt e2v/config.yaml e2v/model.pth exp/im/config.yaml exp/im/model.pth"
    for name in files.split():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    parts = {"config": root / "e2v/config.yaml", "checkpoint": root / "e2v/model.pth", "utterance_mode": "mean"}
    modes = {"implicit": {"config": root / "exp/im/config.yaml", "checkpoint": root / "exp/im/model.pth"}}
    whisper = whisper and root / whisper
    Bundle(["angry", "sad"], ["zh", "en"], root / "llm", whisper, parts if emotion else None, modes).write(root / "exp")
    return root / "exp"


def test_what_is_written_is_read(tmp_path):
    bundle = Bundle.read(write(tmp_path))
    assert (bundle.labels, bundle.languages) == (["angry", "sad"], ["zh", "en"])
    assert bundle.llm == tmp_path / "llm" and bundle.whisper == tmp_path / "w/small.pt"
    files = {"config": tmp_path / "e2v/config.yaml", "checkpoint": tmp_path / "e2v/model.pth"}
    assert bundle.emotion == {**files, "utterance_mode": "mean"}
    modes = {"implicit": {"config": tmp_path / "exp/im/config.yaml", "checkpoint": tmp_path / "exp/im/model.pth"}}
    assert bundle.modes == modes


def test_a_system_has_a_name(tmp_path):
    folder = write(tmp_path)
    replace(Bundle.read(folder), name="hlasy: base").write(folder)
    assert Bundle.read(folder).name == "hlasy: base"


@pytest.mark.parametrize(("folder", "name"), [("exp/base", "base"), ("exp/base/packed", "base"), ("hlasy", "hlasy")])
def test_without_a_name_it_is_called_as_its_folder(tmp_path, folder, name):
    """Or as the experiment, of which `packed` is but the packed form."""
    bundle = Bundle.read(write(tmp_path))
    (tmp_path / folder).mkdir(parents=True)
    replace(bundle, name="").write(tmp_path / folder)
    assert "name" not in yaml.safe_load((tmp_path / folder / "model.yaml").read_text(encoding="utf-8"))
    assert Bundle.read(tmp_path / folder).name == name


def test_paths_are_relative_and_move_with_the_system(tmp_path):
    folder = write(tmp_path / "first place")
    values = yaml.safe_load((folder / "model.yaml").read_text(encoding="utf-8"))
    assert values["llm"] == "../llm" and values["modes"]["implicit"]["checkpoint"] == "im/model.pth"
    shutil.move(tmp_path / "first place", tmp_path / "第二")
    assert Bundle.read(tmp_path / "第二/exp").llm == tmp_path / "第二/llm"


def test_parts_that_need_not_be_there(tmp_path):
    bundle = Bundle.read(write(tmp_path, whisper=None, emotion=False))
    assert bundle.whisper is None and bundle.emotion is None


def test_links_are_followed(tmp_path):
    folder = write(tmp_path)
    (folder / "im/model.pth").rename(folder / "im/3epoch.pth")
    (folder / "im/model.pth").symlink_to("3epoch.pth")
    Bundle.read(folder).write(folder)
    assert Bundle.read(folder).modes["implicit"]["checkpoint"] == folder / "im/3epoch.pth"


def test_no_manifest(tmp_path):
    with pytest.raises(InputError, match="model.yaml: no such file; --model is the folder"):
        Bundle.read(tmp_path)


@pytest.mark.parametrize("part", ["llm", "w/small.pt", "e2v/config.yaml", "exp/im/model.pth"])
def test_a_missing_part_is_named(tmp_path, part):
    folder = write(tmp_path)
    (tmp_path / part).rename(tmp_path / "away")
    with pytest.raises(InputError, match=rf"model.yaml: names .*{part.removeprefix('exp/')}, which is not there"):
        Bundle.read(folder)


def test_a_manifest_of_earlier_versions_names_one_language(tmp_path):
    folder = write(tmp_path)
    text = (folder / "model.yaml").read_text(encoding="utf-8")
    (folder / "model.yaml").write_text(text.replace("languages:\n- zh\n- en\n", "language: pl\n"), encoding="utf-8")
    assert Bundle.read(folder).languages == ["pl"]


MALFORMED = ("", "labels: [a", "- a list", "labels: [a]\nlanguage: en", "words", "modes: 3\nllm: .",
             "labels: [a]\nlanguages: en\nllm: .")


@pytest.mark.parametrize("text", MALFORMED)
def test_a_malformed_manifest_is_named(tmp_path, text):
    (tmp_path / "model.yaml").write_text(text)
    with pytest.raises(InputError, match="model.yaml: not what stage 11 or 14 writes"):
        Bundle.read(tmp_path)
