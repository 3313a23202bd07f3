"""Weights on disk: state dicts that torch.save wrote, and safetensors; told apart by the suffix."""

import datetime
import io
import json
import os
import pickle
import re
import zipfile
from pathlib import Path

import numpy as np
import torch

from c2ser.errors import InputError, brief

SAFE = ".safetensors"

FEW = 8
"""A model is made where so many times its weights suffice; which are missing is then told by their names."""

PLAIN = [datetime.timedelta, np.ndarray, np.dtype, np._core.multiarray._reconstruct, np._core.multiarray.scalar,
         *(type(np.dtype(kind)) for kind in "?bBhHiIlLqQefd")]  # fmt: skip
"""What a training's checkpoint holds beside tensors: times, and numbers of numpy. None of it does anything when made."""


def read_weights(path):
    """A state dict, name → tensor on the CPU, read without executing anything in the file. Raises InputError."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; has the training finished?")
    return _read_safe(path)[0] if path.suffix == SAFE else load_inert(path)


def load_inert(path, load=torch.load, map_location="cpu", **options):
    """What torch.save wrote, of tensors, plain values and `PLAIN`, by `load`, running nothing. Raises InputError."""
    try:
        if isinstance(path, (str, Path)) and zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                if any(info.compress_type for info in archive.infolist()):
                    raise ValueError("compressed, as torch.save never does: it could unfold to any size")
        with torch.serialization.safe_globals(PLAIN):
            return load(path, map_location=map_location, **{**options, "weights_only": True})
    except pickle.UnpicklingError:  # whose message tells how to run what it holds
        raise InputError(
            f"{path}: not a state dict that loads with weights_only: damaged, or it holds more than numbers, which would be "
            "run; fetch or make it again, or ask its authors for safetensors"
        ) from None
    except Exception as error:  # torch.load raises whatever its parsers meet
        raise InputError(
            f"{path}: not a state dict that loads with weights_only ({brief(error)}); fetch or write it again"
        ) from None


def check_size(make, state, layers, path):
    """Raise InputError where a configuration asks for far more than its weights are: memory is taken by what a file has.

    make: makes the model, here without memory; state: name → tensor, read from `path`; layers: how many it is to have.
    """
    try:
        if layers > len(state):
            raise ValueError(f"{layers} layers")
        with torch.device("meta"):
            asked = sum(value.numel() for value in make().state_dict().values())
    except (ArithmeticError, AssertionError, IndexError, RuntimeError, TypeError, ValueError) as error:
        what = f"no network has the sizes of its configuration ({brief(error)})"
        raise InputError(f"{path}: {what}; fetch both again") from None
    there = sum(value.numel() for value in state.values() if isinstance(value, torch.Tensor))
    if asked > FEW * there:
        raise InputError(f"{path}: holds {there} numbers, but its configuration asks for {asked}; fetch both again")


def read_safe_metadata(path):
    """What stands in a safetensors file beside its tensors, name → text. Raises InputError."""
    return _read_safe(path, tensors=False)[1]


class _Noting(io.BufferedWriter):
    """A file that remembers the first error of writing to it."""

    error = None

    def write(self, data):
        try:
            return super().write(data)
        except OSError as error:
            self.error = self.error or error
            raise


def write_weights(path, state, *arguments, save=torch.save, **options):
    """As torch.save(state, path, …), but a full disk is an OSError: torch tells of it so through a stream alone, and at the end of
    a file not even there."""
    try:
        with _Noting(io.FileIO(path, "wb")) as stream:
            try:
                save(state, stream, *arguments, **options)
            except RuntimeError as error:
                raise stream.error or error from None
    except OSError as error:
        error.filename = str(path)
        raise


def write_safe(path, state, metadata=None):
    """Write a state dict as safetensors: plain numbers with their names, which nothing can be hidden in.

    Tensors that share memory are written one by one, as the format wants it; dtypes and values stay as they are.
    metadata: name → text, kept beside the tensors.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    tensors = {name: value.detach().clone(memory_format=torch.contiguous_format) for name, value in state.items()}
    path.touch()
    mode = path.stat().st_mode
    try:
        save_file(tensors, path, {"format": "pt", **(metadata or {})})
    except SafetensorError as error:
        number = re.search(r"\(os error (\d+)\)", str(error))  # a full disk, for one
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1])), str(path)) from None
    path.chmod(mode)  # safetensors lets nobody else read its files
    with open(path, "r+b") as stream:  # its metadata stand in any order: the same weights shall be the same bytes
        size = int.from_bytes(stream.read(8), "little")
        header = json.loads(stream.read(size))
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
        told = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode().ljust(size)
        if len(told) == size:
            stream.seek(8)
            stream.write(told)


def _read_safe(path, tensors=True):
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys() if tensors}, file.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path}: not a safetensors file, or a truncated one ({error}); copy it again") from None
