"""Results in parts: whole or not there, kept for the same inputs only, of both kinds of numbers."""

import numpy as np
import pytest

from c2ser.ark import read_ark
from c2ser.datadir import read_table
from c2ser.errors import InputError
from c2ser.inference.parts import Parts

NAMES = ("tokens", "layers")


def features(*utterances, scale=1.0):
    for number, utterance in enumerate(utterances):
        value = np.full((2, 3), (number + 1) / 3 * scale, np.float32)
        yield utterance, {"tokens": value, "layers": value + 1}


def failing(*utterances):
    yield from features(*utterances)
    raise InputError("the third is broken")


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_parts_become_one_table(tmp_path, dtype):
    parts = Parts(tmp_path, NAMES, {"seed": 1}, dtype)
    parts.write(1, features("b", "ü"))
    parts.write(2, features("a"))
    assert parts.done(1) and parts.done(2) and not parts.done(3)
    assert parts.merge([1, 2]) == 3
    table = read_table(tmp_path / "layers.scp")
    assert list(table) == ["a", "b", "ü"]
    for utterance, wanted in {"a": 4 / 3, "b": 4 / 3, "ü": 5 / 3}.items():
        made = read_ark(table[utterance])
        assert made.dtype == np.dtype(dtype) and made.shape == (2, 3)
        np.testing.assert_allclose(made, wanted, rtol=1e-3 if dtype == "float16" else 1e-6)


def test_half_precision_is_read_as_espnet_reads(tmp_path):
    import kaldiio  # ESPnet opens --train_data_path_and_name_and_type tokens.scp,emotion,kaldi_ark with it

    parts = Parts(tmp_path, NAMES, {}, "float16")
    parts.write(1, (("u", {name: np.arange(9000, dtype=np.float32).reshape(3, -1) / 7 for name in NAMES}) for _ in [0]))
    parts.merge([1])
    loaded = kaldiio.load_scp(str(tmp_path / "tokens.scp"))["u"]
    assert loaded.dtype == np.float16 and loaded.shape == (3, 3000)
    np.testing.assert_allclose(loaded[2, -1], 8999 / 7, rtol=1e-3)


def test_an_error_leaves_no_part(tmp_path):
    parts = Parts(tmp_path, NAMES, {})
    with pytest.raises(InputError, match="the third is broken"):
        parts.write(1, failing("a", "b"))
    assert not parts.done(1) and [path.name for path in (tmp_path / "parts").iterdir()] == ["inputs.json"]
    parts.write(1, features("a"))
    with pytest.raises(InputError):
        parts.write(1, failing("a", "b"))  # nor one of an earlier attempt
    assert not parts.done(1)


def test_a_part_lacking_a_table_is_not_done(tmp_path):
    parts = Parts(tmp_path, NAMES, {})
    parts.write(1, features("a"))
    (tmp_path / "parts/layers.0001.scp").unlink()
    assert not parts.done(1)


def test_other_inputs_start_anew(tmp_path):
    parts = Parts(tmp_path, NAMES, {"checkpoint": "1", "precision": "fp32"})
    parts.write(1, features("a"))
    parts.merge([1])
    (tmp_path / "parts/notes").write_text("mine")
    assert Parts(tmp_path, NAMES, {"precision": "fp32", "checkpoint": "1"}).done(1)
    assert not Parts(tmp_path, NAMES, {"checkpoint": "2", "precision": "fp32"}).done(1)
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["inputs.json", "notes"]


def test_numbers_that_cannot_be_written(tmp_path):
    nan = np.full((2, 3), np.nan, np.float32)
    with pytest.raises(InputError, match="u: tokens with NaN or infinite values"):
        Parts(tmp_path, NAMES, {}).write(1, iter([("u", {"tokens": nan, "layers": nan})]))
    with pytest.raises(InputError, match="a: tokens with values beyond float16; use --out_dtype float32"):
        Parts(tmp_path, NAMES, {}, "float16").write(1, features("a", scale=1e6))
    Parts(tmp_path, NAMES, {}).write(1, features("a", scale=1e6))
