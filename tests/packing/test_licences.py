"""Reading a language model's licence off its folder."""

import pytest

from c2ser.packing.licences import UNKNOWN, llm_licence


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
