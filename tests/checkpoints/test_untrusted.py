"""Reading checkpoints without running them."""

import argparse
import enum
import io
import os
import pickle
import sys
import types
import zipfile
from collections import OrderedDict, defaultdict

import omegaconf
import pytest
import torch

from c2ser.checkpoints.untrusted import Record, read_untrusted
from c2ser.errors import InputError


def save(path, content):
    torch.save(content, path)
    return path


class Call:
    """Pickled, this is a call of any function with any arguments."""

    def __init__(self, function, *args):
        self.function, self.args = function, args

    def __reduce__(self):
        return self.function, self.args


class Loud:
    """Notices when it is brought to life."""

    alive = []

    def __init__(self):
        Loud.alive.append("init")

    def __setstate__(self, state):
        Loud.alive.append("setstate")

    def __getstate__(self):
        return {"secret": torch.ones(2)}


class StorageMark:
    """Stands for a storage in a pickle made by hand."""

    def __init__(self, *pid):
        self.pid = pid


def archive(path, content, storages=None, names=("data.pkl",), compression=zipfile.ZIP_STORED):
    """A zip archive as torch.save writes it, of a pickle and storages made by hand."""

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            return value.pid if isinstance(value, StorageMark) else None

    buffer = io.BytesIO()
    Pickler(buffer, protocol=2).dump(content)
    with zipfile.ZipFile(path, "w", compression) as made:
        for name in names:
            made.writestr(f"archive/{name}", buffer.getvalue())
        for key, numbers in (storages or {}).items():
            made.writestr(f"archive/data/{key}", numbers)
    return path


def tensor(offset, size, stride, kind=torch.FloatStorage, key="0", count=4, function=torch._utils._rebuild_tensor_v2):
    return Call(function, StorageMark("storage", kind, key, "cpu", count), offset, size, stride, False, OrderedDict())


def test_tensors_are_those_that_were_saved(tmp_path):
    torch.manual_seed(0)
    whole = torch.randn(4, 6)
    content = {
        "whole": whole, "view": whole[1:3].t(), "parameter": torch.nn.Parameter(torch.randn(3)),
        "empty": torch.empty(0, 3), "scalar": torch.tensor(3.5), "half": torch.randn(5).half(),
        "bfloat": torch.randn(5).bfloat16(),
        "double": torch.randn(2).double(), "long": torch.arange(4), "bool": torch.tensor([True, False]),
        "uint16": torch.tensor([1, 65535], dtype=torch.uint16), "state": torch.nn.Linear(3, 2).state_dict(),
    }  # fmt: skip
    made = read_untrusted(save(tmp_path / "a.pt", content))
    assert list(made) == list(content) and list(made["state"]) == ["weight", "bias"]
    assert all(torch.equal(made["state"][key], content["state"][key]) for key in ("weight", "bias"))
    del made["state"]
    for key, value in made.items():
        assert value.dtype == content[key].dtype and torch.equal(value, content[key].detach()), key
    assert made["view"].untyped_storage().data_ptr() == made["whole"].untyped_storage().data_ptr()
    made["whole"].zero_()
    assert torch.equal(read_untrusted(tmp_path / "a.pt")["whole"], whole)  # the file is not written to


def test_configurations_become_plain(tmp_path):
    nested = argparse.Namespace(lr=[0.1], inner=argparse.Namespace(depth=3))
    config = omegaconf.OmegaConf.create({"model": {"dim": 8, "list": [1, {"x": None}], "same": "${model.dim}"}})
    content = {
        "args": nested, "cfg": config, "ordered": OrderedDict(b=1, a=2), "default": defaultdict(list, x=[1]),
        "bytes": b"ab\xff", "set": {1}, "size": torch.Size([2, 3]), "none": None, "tuple": (1, "x", 2.5),
    }  # fmt: skip
    assert read_untrusted(save(tmp_path / "a.pt", content)) == {
        "args": {"lr": [0.1], "inner": {"depth": 3}},
        "cfg": {"model": {"dim": 8, "list": [1, {"x": None}], "same": "${model.dim}"}},
        "ordered": {"b": 1, "a": 2}, "default": {"x": [1]}, "bytes": b"ab\xff", "set": (1,), "size": (2, 3),
        "none": None, "tuple": (1, "x", 2.5),
    }  # fmt: skip


def test_what_is_not_installed_is_not_needed(tmp_path):
    module = types.ModuleType("a_module_that_is_gone")
    kind = enum.Enum("Modality", {"AUDIO": 1}, module="a_module_that_is_gone", qualname="Modality")
    module.Modality = kind
    sys.modules["a_module_that_is_gone"] = module
    try:
        config = omegaconf.OmegaConf.create({"type": kind.AUDIO})
        save(tmp_path / "a.pt", {"type": kind.AUDIO, "class": kind, "config": config})
    finally:
        del sys.modules["a_module_that_is_gone"]
    made = read_untrusted(tmp_path / "a.pt")
    for record in (made["type"], made["class"], made["config"]["type"]):
        assert isinstance(record, Record) and record.path == "a_module_that_is_gone.Modality"
    assert made["type"].args == (1,) and repr(made["type"]) == "<a_module_that_is_gone.Modality, not run>"


@pytest.mark.parametrize("call", [
    lambda mark: Call(os.system, f"touch {mark}"),
    lambda mark: Call(eval, f"open({str(mark)!r}, 'w')"),
    lambda mark: Call(exec, f"open({str(mark)!r}, 'w')"),
    lambda mark: Call(open, str(mark), "w"),
    lambda mark: Call(getattr, Call(__import__, "os"), "system"),
    lambda mark: {Call(open, str(mark), "w"): 1},
    lambda mark: OrderedDict(x=Call(os.mkdir, str(mark))),
    lambda mark: argparse.Namespace(x=[Call(os.mkdir, str(mark))]),
])  # fmt: skip
def test_nothing_is_run(tmp_path, call):
    mark = tmp_path / "mark"
    made = read_untrusted(save(tmp_path / "a.pt", {"weight": torch.ones(3), "evil": call(mark)}))
    assert torch.equal(made["weight"], torch.ones(3)) and not mark.exists()


def test_the_danger_is_real(tmp_path):
    """The same file does run when pickle reads it: the test above is about something."""
    mark = tmp_path / "mark"
    save(tmp_path / "a.pt", {"evil": Call(os.mkdir, str(mark))})
    torch.load(tmp_path / "a.pt", weights_only=False)
    assert mark.exists()


def test_nothing_is_imported(tmp_path, monkeypatch):
    (tmp_path / "imported_by_pickle.py").write_text(f"open({str(tmp_path / 'mark')!r}, 'w')\nclass Thing: pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    module = types.ModuleType("imported_by_pickle")
    module.Thing = type("Thing", (), {"__module__": "imported_by_pickle"})
    monkeypatch.setitem(sys.modules, "imported_by_pickle", module)
    save(tmp_path / "a.pt", {"thing": module.Thing()})
    monkeypatch.delitem(sys.modules, "imported_by_pickle")
    assert read_untrusted(tmp_path / "a.pt")["thing"].path == "imported_by_pickle.Thing"
    assert "imported_by_pickle" not in sys.modules and not (tmp_path / "mark").exists()


def test_objects_are_not_brought_to_life(tmp_path):
    save(tmp_path / "a.pt", {"loud": Loud()})
    Loud.alive.clear()
    record = read_untrusted(tmp_path / "a.pt")["loud"]
    assert Loud.alive == [] and torch.equal(record.state["secret"], torch.ones(2))


def test_references_back_stay(tmp_path):
    content = {"list": [1]}
    content["self"], content["again"] = content, content["list"]
    content["list"].append(content)
    made = read_untrusted(save(tmp_path / "a.pt", content))
    assert made["self"] is made and made["again"] is made["list"] and made["list"][1] is made


def test_repetitions_do_not_multiply(tmp_path):
    value = ["x"]
    for _ in range(60):  # written out, 2^60 strings
        value = [value, value]
    made = read_untrusted(save(tmp_path / "a.pt", {"value": value}))["value"]
    assert made[0] is made[1]


def test_truncated_files_are_refused(tmp_path):
    content = save(tmp_path / "a.pt", {"w": torch.randn(3000), "v": torch.randn(10)}).read_bytes()
    for kept in (0, 3, 100, len(content) // 2, len(content) - 30, len(content) - 1):
        (tmp_path / "cut.pt").write_bytes(content[:kept])
        with pytest.raises(InputError, match=r"cut\.pt: truncated, or not written by torch\.save"):
            read_untrusted(tmp_path / "cut.pt")


def test_missing_and_short_storages_are_refused(tmp_path):
    content = {"w": tensor(0, (4,), (1,))}
    assert torch.equal(read_untrusted(archive(tmp_path / "a.pt", content, {"0": bytes(16)}))["w"], torch.zeros(4))
    with pytest.raises(InputError, match="incomplete: archive/data/0 is missing"):
        read_untrusted(archive(tmp_path / "a.pt", content))
    for size in (0, 15, 20):
        with pytest.raises(InputError, match=f"archive/data/0 holds {size} bytes, not 4 of torch.float32"):
            read_untrusted(archive(tmp_path / "a.pt", content, {"0": bytes(size)}))


@pytest.mark.parametrize(("made", "message"), [
    (lambda: tensor(0, (5,), (1,)), r"size \(5,\) needs 5 numbers; its storage has 4"),
    (lambda: tensor(1, (4,), (1,)), "needs 5 numbers"),
    (lambda: tensor(0, (2, 2), (3, 1)), "needs 5 numbers"),
    (lambda: tensor(-1, (2,), (1,)), "not what torch writes"),
    (lambda: tensor(0, (2,), (-1,)), "not what torch writes"),
    (lambda: tensor(0, (2, 2), (1,)), "not what torch writes"),
    (lambda: tensor(0, (2**70,), (0,)), "not what torch writes"),
    (lambda: tensor(0, ("2",), (1,)), "not what torch writes"),
    (lambda: tensor(0, (2,), (1,), kind=torch.ComplexFloatStorage), "ComplexFloatStorage, a kind that is not supp"),
    (lambda: tensor(0, (2,), (1,), kind=dict), "a kind that is not supported"),
    (lambda: Call(torch._utils._rebuild_tensor_v2, "no storage", 0, (2,), (1,)), "a tensor without a storage"),
    (lambda: Call(torch._utils._rebuild_tensor_v2), "not a checkpoint that can be read"),
])  # fmt: skip
def test_tensors_stay_in_their_storage(tmp_path, made, message):
    with pytest.raises(InputError, match=message):
        read_untrusted(archive(tmp_path / "a.pt", {"w": made()}, {"0": bytes(16)}))


def test_other_files_are_refused(tmp_path):
    with pytest.raises(InputError, match="none.pt: no such file"):
        read_untrusted(tmp_path / "none.pt")
    with pytest.raises(InputError, match="holds list, not the dict of a checkpoint"):
        read_untrusted(save(tmp_path / "a.pt", [1]))
    torch.save({"w": torch.ones(2)}, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    (tmp_path / "plain.pt").write_bytes(pickle.dumps({"evil": Call(os.mkdir, str(tmp_path / "mark"))}))
    for name in ("old.pt", "plain.pt"):
        with pytest.raises(InputError, match=f"{name}: truncated, or not written by torch.save since torch 1.6"):
            read_untrusted(tmp_path / name)
    with pytest.raises(InputError, match="a TorchScript program, not a checkpoint"):
        read_untrusted(archive(tmp_path / "a.pt", {}, names=("data.pkl", "constants.pkl")))
    for names in ((), ("model.pkl",), ("deeper/data.pkl",)):
        with pytest.raises(InputError, match="a zip archive, but not of torch.save"):
            read_untrusted(archive(tmp_path / "a.pt", {}, names=names))
    with pytest.raises(InputError, match="compressed, which torch.save never does"):
        read_untrusted(archive(tmp_path / "a.pt", {}, compression=zipfile.ZIP_DEFLATED))
    assert not (tmp_path / "mark").exists()


def test_pickles_that_are_none_are_refused(tmp_path):
    deep = b"\x80\x02}X\x01\x00\x00\x00x" + b"]" * 100_000 + b"a" * 99_999 + b"s."
    for raw in (b"", b"garbage", b"\x80\x02", deep, b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00echob."):
        with zipfile.ZipFile(tmp_path / "a.pt", "w") as made:
            made.writestr("archive/data.pkl", raw)
        with pytest.raises(InputError, match=r"a\.pt: not a checkpoint that can be read"):
            read_untrusted(tmp_path / "a.pt")
