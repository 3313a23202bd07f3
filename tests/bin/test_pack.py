"""Packing: one folder, replaced as a whole, with nothing left beside it."""

import shutil

import pytest

from c2ser.bin import pack
from c2ser.errors import InputError
from c2ser.inference.bundle import Bundle


def run(model, out):
    pack.main(["--model", str(model), "--out_dir", str(out)])


def test_everything_lies_inside(system_dir, tmp_path):
    run(system_dir, tmp_path / "new folder" / "packed")
    folder = tmp_path / "new folder" / "packed"
    assert [path.name for path in folder.parent.iterdir()] == ["packed"]
    packed, source = Bundle.read(folder), Bundle.read(system_dir)
    assert (packed.labels, packed.language) == (source.labels, source.language)
    assert packed.emotion["utterance_mode"] == source.emotion["utterance_mode"]
    pairs = [(packed.whisper, source.whisper)]
    for one, other in [(packed.emotion, source.emotion), *zip(packed.modes.values(), source.modes.values())]:
        pairs += [(one["config"], other["config"]), (one["checkpoint"], other["checkpoint"])]
    pairs += [(packed.llm / path.name, path) for path in source.llm.iterdir()]
    for one, other in pairs:
        assert one.is_relative_to(folder) and not one.is_symlink() and one.read_bytes() == other.read_bytes()
    assert list(packed.modes) == list(source.modes)
    assert folder.stat().st_mode & 0o055 == 0o055  # others may read it


def test_an_earlier_one_is_replaced(system_dir, tmp_path):
    (tmp_path / "packed/old").mkdir(parents=True)
    run(system_dir, tmp_path / "packed")
    assert not (tmp_path / "packed/old").exists() and Bundle.read(tmp_path / "packed")


def test_an_earlier_one_is_kept_on_a_fault(system_dir, tmp_path, monkeypatch):
    (tmp_path / "packed/old").mkdir(parents=True)
    with pytest.raises(InputError):
        run(tmp_path, tmp_path / "packed")

    def fail(*args, **options):
        raise OSError("no space left on device")

    monkeypatch.setattr(shutil, "copy", fail)
    with pytest.raises(OSError, match="no space"):
        run(system_dir, tmp_path / "packed")
    assert [path.name for path in tmp_path.iterdir()] == ["packed"] and (tmp_path / "packed/old").is_dir()


def test_a_system_without_whisper_and_emotion_tokens(system_dir, tmp_path):
    bundle = Bundle.read(system_dir)
    bundle.whisper = bundle.emotion = None
    (tmp_path / "source").mkdir()
    bundle.write(tmp_path / "source")
    run(tmp_path / "source", tmp_path / "packed")
    assert {path.name for path in (tmp_path / "packed").iterdir()} == {"llm", "explicit", "implicit", "model.yaml"}
