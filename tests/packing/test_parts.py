"""What of a language model's folder is packed."""

import json

import pytest

from c2ser.errors import InputError
from c2ser.packing.parts import copy_llm


def test_pickles_other_formats_and_hidden_files_stay_behind(tmp_path):
    source = tmp_path / "llm"
    kept = ("config.json", "model.safetensors", "tokenizer.model", "chat_template.jinja", "merges.txt", "LICENSE")
    left = ("pytorch_model.bin", "pytorch_model.bin.index.json", "tf_model.h5", "q4.gguf", ".done", "training_args.bin")
    (source / "original").mkdir(parents=True)
    for name in (*kept, *left):
        (source / name).write_text("{}")
    copy_llm(source, tmp_path / "copy")
    assert sorted(path.name for path in (tmp_path / "copy").iterdir()) == sorted(kept)


def test_where_it_was_loaded_from_is_left_out(tmp_path):
    source = tmp_path / "llm"
    source.mkdir()
    (source / "model.safetensors").touch()
    (source / "config.json").write_text(json.dumps({"_name_or_path": "/models/a", "width": 3}))
    (source / "vocab.json").write_text('{"name_or_path_of":   1}')
    copy_llm(source, tmp_path / "copy")
    assert json.loads((tmp_path / "copy/config.json").read_text()) == {"width": 3}
    assert (tmp_path / "copy/vocab.json").read_text() == '{"name_or_path_of":   1}'  # untouched
    (source / "config.json").write_text('{"_name_or_path": ')
    with pytest.raises(InputError, match="config.json: not JSON"):
        copy_llm(source, tmp_path / "other")


def test_a_folder_without_a_model(tmp_path):
    (tmp_path / "llm").mkdir()
    with pytest.raises(InputError, match="llm: no folder with a config.json"):
        copy_llm(tmp_path / "llm", tmp_path / "copy")
