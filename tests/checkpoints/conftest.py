"""FunASR's emotion2vec without the rest of FunASR, and a backbone whose outputs differ from frame to frame."""

import importlib.util
import sys
import types
import warnings

import pytest
import torch

from c2ser.models.emotion2vec import Emotion2Vec, backbone_config
from tests.builders import BACKBONE


@pytest.fixture(scope="session")
def funasr():
    """What is needed of FunASR. Importing the package itself would import its hundreds of modules and their
    dependencies, which are not installed; so it is entered as an empty package that has its path."""
    spec = importlib.util.find_spec("funasr")
    if spec is None:
        pytest.skip("FunASR is not installed: tools/install.sh --test")
    package = types.ModuleType("funasr")
    package.__path__, package.__spec__ = list(spec.submodule_search_locations), spec
    sys.modules["funasr"] = package
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it imports distutils
        from funasr.models.emotion2vec.model import Emotion2vec
    from funasr.tokenizer.char_tokenizer import CharTokenizer
    from funasr.train_utils.load_pretrained_model import load_pretrained_model

    return types.SimpleNamespace(model=Emotion2vec, load=load_pretrained_model, tokenizer=CharTokenizer)


@pytest.fixture(scope="session")
def make_lively():
    """make_lively(field=value…): a small random Emotion2Vec in evaluation mode."""

    def build(seed=0, **changes):
        return enliven(Emotion2Vec(backbone_config({**BACKBONE, **changes})), seed).eval()

    return build


def enliven(model, seed=0):
    """Draw the weights so that frames keep their differences through all blocks: with large weights a deep post-norm
    network gives nearly the same vector everywhere, under which faults of positions and attention would not show."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            noise = torch.randn(weight.shape, generator=generator)
            if name.endswith("extra_tokens"):
                weight.copy_(noise)
            elif "alibi_scale" in name or (weight.dim() == 1 and name.endswith("weight")):
                weight.copy_(1 + 0.3 * noise)
            elif weight.dim() == 1:
                weight.copy_(0.1 * noise)
            else:
                gain = 0.7 if "blocks" in name or "prenet" in name else 1.4
                weight.copy_(noise * gain / max(1, weight[0].numel()) ** 0.5)
    return model
