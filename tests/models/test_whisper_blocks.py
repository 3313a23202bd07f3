"""Whisper's first blocks alone."""

from types import SimpleNamespace

import pytest
import torch

from c2ser.errors import InputError
from c2ser.models.build import build_encoder
from tests.builders import waves, whisper_file
from tests.closeness import assert_rounds_alike


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("whisper") / "two.pt"
    whisper_file(path, n_audio_layer=2)
    return path


@torch.no_grad()
def test_they_give_what_that_depth_gives_under_the_final_norm(file):
    whole, first = (build_encoder(SimpleNamespace(whisper=file, whisper_blocks=blocks)).eval() for blocks in (None, 1))
    speech, lengths = waves([5000, 3200])
    *_, after_first, _, _ = whole.depths(speech, lengths)
    frames, counts = first(speech, lengths)
    inside = torch.arange(frames.shape[1]) < counts[:, None]
    wanted = whole.encoder.ln_post(after_first[0])
    assert_rounds_alike(frames[inside], wanted[inside])
    assert not torch.allclose(frames[inside], whole(speech, lengths)[0][inside], atol=1e-3)


@pytest.mark.parametrize("blocks", [0, 3])
def test_there_must_be_as_many(file, blocks):
    with pytest.raises(InputError, match=f"--whisper_blocks {blocks}: .*two.pt has 2"):
        build_encoder(SimpleNamespace(whisper=file, whisper_blocks=blocks))
