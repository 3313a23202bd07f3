"""Reading licences off the folders of language models and encoders."""

import pytest
import torch

from c2ser.checkpoints.weights import write_safe
from c2ser.packing.licences import UNKNOWN, WHISPER, llm_licence, whisper_licence


def test_nothing_is_made_up(tmp_path):
    assert llm_licence(tmp_path) == UNKNOWN


@pytest.mark.parametrize("card", ["no head at all", "---\nlicense: [a\n---\n", "---\n- a list\n---\n", "---\nlicense:\n---\n"])
def test_cards_without_one(tmp_path, card):
    (tmp_path / "README.md").write_text(card, encoding="utf-8")
    assert llm_licence(tmp_path) == UNKNOWN


def test_card_and_files(tmp_path):
    (tmp_path / "README.md").write_text("---\nlicense: other\nlicense_name: qwen\n---\n# Qwen\n", encoding="utf-8")
    assert llm_licence(tmp_path) == "other, qwen"
    for name in ("LICENSE", "Notice.txt", "config.json"):
        (tmp_path / name).touch()
    assert llm_licence(tmp_path) == "other, qwen, [llm/LICENSE](llm/LICENSE), [llm/Notice.txt](llm/Notice.txt)"


def test_an_encoder_is_under_what_its_own_folder_says(tmp_path):
    """The card's head, else the configuration, else the title of a licence file: never OpenAI's for somebody else's."""
    (tmp_path / "config.json").write_text('{"model_type": "whisper"}')
    assert whisper_licence(tmp_path) == "not stated"
    (tmp_path / "LICENSE").write_text("\n   Apache License\n   Version 2.0\n")
    assert whisper_licence(tmp_path) == "Apache License"
    (tmp_path / "config.json").write_text('{"license": "gpl-3.0"}')
    assert whisper_licence(tmp_path) == "gpl-3.0"
    (tmp_path / "README.md").write_text("\ufeff---\nlicense: [cc-by-nc-4.0, a|b]\n---\n", encoding="utf-8")
    assert whisper_licence(tmp_path) == "cc-by-nc-4.0, a/b"
    (tmp_path / "config.json").write_text("[]")
    (tmp_path / "README.md").unlink()
    assert whisper_licence(tmp_path) == "Apache License"


def test_what_was_noted_when_it_was_packed_stays(tmp_path):
    assert whisper_licence(tmp_path / "medium.pt") == WHISPER
    write_safe(tmp_path / "a.safetensors", {"a": torch.zeros(1)}, {"licence": "cc-by-nc-4.0"})
    write_safe(tmp_path / "b.safetensors", {"a": torch.zeros(1)})
    assert [whisper_licence(tmp_path / f"{name}.safetensors") for name in "ab"] == ["cc-by-nc-4.0", "not stated"]
