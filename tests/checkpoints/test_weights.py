"""State dicts in both formats: values and dtypes are kept, and damaged files are named."""

import errno
import resource

import pytest
import torch

from c2ser.checkpoints.weights import read_safe_metadata, read_weights, write_safe
from c2ser.errors import InputError


def state():
    base = torch.arange(12, dtype=torch.float32).view(3, 4)
    return {
        "a": base, "same": base, "row": base[1], "transposed": base.T, "half": base.half(), "count": torch.tensor(7),
        "bfloat16": base.bfloat16(), "none": torch.zeros(0, 3),
    }  # fmt: skip


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
def test_what_is_written_is_read(tmp_path, name):
    write_safe(tmp_path / name, state()) if name.endswith("safetensors") else torch.save(state(), tmp_path / name)
    found = read_weights(tmp_path / name)
    assert found.keys() == state().keys()
    for key, value in state().items():
        assert found[key].dtype == value.dtype and torch.equal(found[key], value), key


def test_metadata_and_rights(tmp_path):
    write_safe(tmp_path / "w.safetensors", state(), {"dims": "7"})
    assert read_safe_metadata(tmp_path / "w.safetensors") == {"format": "pt", "dims": "7"}
    (tmp_path / "plain").touch()
    assert (tmp_path / "w.safetensors").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
def test_damaged_files_are_named(tmp_path, name):
    with pytest.raises(InputError, match=f"{name}: no such file"):
        read_weights(tmp_path / name)
    (tmp_path / name).write_bytes(b"neither of both")
    with pytest.raises(InputError, match=f"{name}: not a "):
        read_weights(str(tmp_path / name))


def test_truncated_safetensors(tmp_path):
    write_safe(tmp_path / "w.safetensors", state())
    content = (tmp_path / "w.safetensors").read_bytes()
    (tmp_path / "w.safetensors").write_bytes(content[:-5])
    with pytest.raises(InputError, match="w.safetensors: not a safetensors file, or a truncated one"):
        read_weights(tmp_path / "w.safetensors")


def test_the_same_weights_and_words_are_the_same_bytes(tmp_path):
    """The format's own writer has six orders of three words."""
    words = {"licence": "CC BY — “so”", "dims": '{"n": 1}'}
    for number in range(20):
        write_safe(tmp_path / f"{number}.safetensors", state(), words)
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1
    assert read_safe_metadata(tmp_path / "0.safetensors") == {"format": "pt", **words}
    assert all(torch.equal(value, state()[name]) for name, value in read_weights(tmp_path / "0.safetensors").items())


def test_a_full_disk_is_told_as_one(tmp_path):
    """A limit on the size of files is as good, but for its number."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(OSError) as caught:
            write_safe(tmp_path / "w.safetensors", state())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (caught.value.errno, caught.value.filename) == (errno.EFBIG, str(tmp_path / "w.safetensors"))
