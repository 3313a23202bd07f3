"""Weights on disk: state dicts that torch.save wrote, and safetensors; told apart by the suffix."""

import pickle
from pathlib import Path

import torch

from c2ser.errors import InputError, brief

SAFE = ".safetensors"


def read_weights(path):
    """A state dict, name → tensor on the CPU, read without executing anything in the file. Raises InputError."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; has the training finished?")
    if path.suffix == SAFE:
        return _read_safe(path)[0]
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:  # whose message tells how to run what it holds
        raise InputError(
            f"{path}: not a state dict that loads with weights_only: damaged, or it holds more than numbers, which would be "
            "run; fetch it again, or ask its authors for safetensors"
        ) from None
    except Exception as error:  # torch.load raises whatever its parsers meet
        raise InputError(
            f"{path}: not a state dict that loads with weights_only ({brief(error)}); fetch or write it again"
        ) from None


def read_safe_metadata(path):
    """What stands in a safetensors file beside its tensors, name → text. Raises InputError."""
    return _read_safe(path, tensors=False)[1]


def write_safe(path, state, metadata=None):
    """Write a state dict as safetensors: plain numbers with their names, which nothing can be hidden in.

    Tensors that share memory are written one by one, as the format wants it; dtypes and values stay as they are.
    metadata: name → text, kept beside the tensors.
    """
    from safetensors.torch import save_file

    tensors = {name: value.detach().clone(memory_format=torch.contiguous_format) for name, value in state.items()}
    path.touch()
    mode = path.stat().st_mode
    save_file(tensors, path, {"format": "pt", **(metadata or {})})
    path.chmod(mode)  # safetensors lets nobody else read its files


def _read_safe(path, tensors=True):
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys() if tensors}, file.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path}: not a safetensors file, or a truncated one ({error}); copy it again") from None
