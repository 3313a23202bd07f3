"""Reading a checkpoint that somebody else made, without running anything that is in it.

torch.save writes a zip archive: a pickle that describes the objects, and the numbers of each storage. A pickle is a
program: it may name any function and have it called. Here each class and function that it names becomes a `Record`,
which does nothing but remember what it was given. Tensors are made afterwards, from the records that torch is known to
write, with their bounds checked; configurations (argparse, omegaconf) become dicts. Nothing that the file names is ever
imported, so it does not matter whether it is installed either.
"""

import io
import mmap
import pickle
import struct
import zipfile
from pathlib import Path

import torch

from c2ser.errors import InputError

ELEMENTS = {
    "Float": torch.float32, "Double": torch.float64, "Half": torch.float16, "BFloat16": torch.bfloat16,
    "Long": torch.int64, "Int": torch.int32, "Short": torch.int16, "Char": torch.int8, "Byte": torch.uint8,
    "Bool": torch.bool,
}  # fmt: skip
"""torch.<key>Storage → what it holds."""


class Record:
    """An object of the file that is not brought to life: `path`, the dotted name of its class or function; `args` and
    `kwargs`, which that was to be called with; `state`, which was to be set; `items`, which were to be put in."""

    path = ""

    def __new__(cls, *args, **kwargs):
        record = object.__new__(cls)
        record.args, record.kwargs, record.state, record.items = args, kwargs, None, []
        return record

    def __init__(self, *args, **kwargs):
        pass

    def __setstate__(self, state):
        self.state = state

    def __setitem__(self, key, value):
        self.items.append((key, value))

    def append(self, value):
        self.items.append(value)

    add = append

    def extend(self, values):
        self.items.extend(values)

    def __repr__(self):
        return f"<{self.path or type(self).__name__}, not run>"


class Storage(Record):
    """Numbers in the archive. args: what torch writes to name them."""


class InertUnpickler(pickle.Unpickler):
    """Builds dicts, lists, tuples, strings and numbers; all else becomes records."""

    def __init__(self, stream):
        super().__init__(stream, encoding="utf-8")
        self.kinds = {}

    def find_class(self, module, name):
        path = f"{module}.{name}".replace("__builtin__.", "builtins.", 1)
        if path not in self.kinds:
            self.kinds[path] = type("Record", (Record,), {"path": path})
        return self.kinds[path]

    def persistent_load(self, pid):
        return Storage(*pid)


def read_untrusted(path):
    """Read a file that torch.save wrote (since torch 1.6), executing nothing of it.

    Returns its dict, of dicts, lists, tuples, strings, numbers, tensors (CPU, backed by the file until written to), and
    `Record` where the file has an object of any other kind; argparse namespaces, omegaconf configurations and ordered
    dicts are plain dicts and lists. Raises InputError, naming the file, where it is absent, truncated or none of these.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        with zipfile.ZipFile(path) as archive:
            content = Archive(path, archive).read()
    except InputError:
        raise
    except zipfile.BadZipFile:
        raise InputError(
            f"{path}: truncated, or not written by torch.save since torch 1.6 (those are zip archives); fetch it again"
        ) from None
    except Exception as error:  # what a hostile or damaged file makes a parser raise is anybody's guess
        raise InputError(f"{path}: not a checkpoint that can be read ({type(error).__name__}: {error})") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: holds {type(content).__name__}, not the dict of a checkpoint")
    return content


class Archive:
    """An open zip archive of torch.save."""

    def __init__(self, path, archive):
        self.path, self.archive = path, archive
        self.members = {info.filename: info for info in archive.infolist()}
        pickles = [name for name in self.members if name.count("/") == 1 and name.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise InputError(f"{path}: a zip archive, but not of torch.save: it has no data.pkl")
        self.root = pickles[0].removesuffix("data.pkl")
        if f"{self.root}constants.pkl" in self.members:
            raise InputError(f"{path}: a TorchScript program, not a checkpoint; ask for the weights it was made from")
        order = f"{self.root}byteorder"
        if order in self.members and self.plain_bytes(order) != b"little":
            raise InputError(f"{path}: written by a big-endian machine, which is not supported")
        with open(path, "rb") as stream:
            self.bytes = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_COPY)
        self.storages, self.done = {}, {}

    def read(self):
        """The object of the archive, its records resolved where their kind is known."""
        raw = InertUnpickler(io.BytesIO(self.plain_bytes(f"{self.root}data.pkl"))).load()
        return self.resolve(raw)

    def member(self, name):
        """A member's entry. Raises InputError where it is absent or compressed, which torch.save never does: a small
        file could unfold to any size."""
        if name not in self.members:
            raise InputError(f"{self.path}: incomplete: {name} is missing; fetch it again")
        if self.members[name].compress_type != zipfile.ZIP_STORED:
            raise InputError(f"{self.path}: {name} is compressed, which torch.save never does")
        return self.members[name]

    def plain_bytes(self, name):
        return self.archive.read(self.member(name))

    def resolve(self, value):
        """A value with the records inside it resolved. Shared and circular references stay what they are."""
        if isinstance(value, type):
            return value()  # a class that the file names without making anything of it: a dtype, say
        if not isinstance(value, (dict, list, tuple, set, frozenset, Record)):
            return value
        if id(value) not in self.done:
            self.done[id(value)] = value, self._resolve(value)
        return self.done[id(value)][1]

    def _resolve(self, value):
        if isinstance(value, Record):
            return self.resolve_record(value)
        if isinstance(value, dict):
            return self.fill(value, {}, value.items())
        if isinstance(value, list):
            made = []
            self.done[id(value)] = value, made
            made.extend(map(self.resolve, value))
            return made
        return type(value)(map(self.resolve, value))

    def fill(self, value, made, items):
        self.done[id(value)] = value, made  # before its entries are looked at: they may refer back to it
        for key, entry in items:
            made[key] = self.resolve(entry)
        return made

    def resolve_record(self, record):
        """What a record stands for: a tensor, a dict, a list or a value, where its kind is known; else itself."""
        path = record.path
        if path in ("collections.OrderedDict", "collections.defaultdict", "builtins.dict"):
            start = record.args[0] if record.args and isinstance(record.args[0], (dict, list)) else ()
            return self.fill(record, {}, [*dict(start).items(), *record.items])
        if path == "argparse.Namespace":
            return self.fill(record, {}, dict(record.state or {}).items())
        if path.startswith("omegaconf.") and isinstance(record.state, dict):
            for field in ("_content", "_val"):
                if field in record.state:
                    return self.resolve(record.state[field])
        if path in ("builtins.set", "builtins.frozenset", "builtins.list", "builtins.tuple", "torch.Size"):
            return tuple(self.resolve(record.args[0])) if record.args else ()
        if path == "_codecs.encode":
            return record.args[0].encode("latin-1")  # how bytes are written in the pickle protocol that torch uses
        if path in ("torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state"):
            return self.resolve(record.args[0])
        if path in ("torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2"):
            return self.tensor(*record.args[:4])
        if path == "torch._utils._rebuild_tensor_v3":
            return self.tensor(*record.args[:4], record.args[6])
        self.done[id(record)] = record, record
        record.args, record.kwargs = self.resolve(record.args), self.resolve(record.kwargs)
        record.state, record.items = self.resolve(record.state), self.resolve(record.items)
        return record

    def tensor(self, storage, offset, size, stride, dtype=None):
        """A view into a storage. Raises InputError where it would reach beyond it."""
        numbers = self.storage(storage, dtype)
        size, stride = self.resolve(size), self.resolve(stride)
        fields = [offset, *size, *stride]
        if len(size) != len(stride) or not all(type(field) is int and 0 <= field < 2**62 for field in fields):
            made = f"a tensor of size {size}, stride {stride} at {offset}"
            raise InputError(f"{self.path}: {made}: not what torch writes")
        last = offset + sum((count - 1) * step for count, step in zip(size, stride))
        if 0 not in size and last >= len(numbers):
            held = len(numbers)
            raise InputError(f"{self.path}: a tensor of size {size} needs {last + 1} numbers; its storage has {held}")
        return numbers.new_empty(size) if 0 in size else numbers.as_strided(size, stride, offset)

    def storage(self, storage, dtype):
        """The numbers of a storage, `(numbers,)`. Raises InputError where the archive has another number of them."""
        if not isinstance(storage, Storage) or len(storage.args) != 5 or storage.args[0] != "storage":
            raise InputError(f"{self.path}: a tensor without a storage: not what torch writes")
        _, kind, key, _, count = storage.args
        kind, dtype = getattr(kind, "path", ""), getattr(dtype, "path", None)
        element = ELEMENTS.get(kind.removeprefix("torch.").removesuffix("Storage"))
        if dtype is not None:
            element = getattr(torch, dtype.removeprefix("torch."), None)
        if not isinstance(element, torch.dtype) or element.is_complex:
            raise InputError(f"{self.path}: a tensor of {dtype or kind}, a kind that is not supported")
        if (key, element) not in self.storages:
            self.storages[key, element] = self.map_storage(key, element, None if dtype is not None else count)
        return self.storages[key, element]

    def map_storage(self, key, element, count):
        info = self.member(f"{self.root}data/{key}")
        header = self.bytes[info.header_offset : info.header_offset + 30]
        start = info.header_offset + 30 + sum(struct.unpack("<HH", header[26:30]))  # behind its name and extra field
        held = info.file_size // element.itemsize
        if start + info.file_size > len(self.bytes) or count not in (None, held) or info.file_size % element.itemsize:
            held = f"{info.filename} holds {info.file_size} bytes, not {count} of {element}"
            raise InputError(f"{self.path}: {held}; fetch it again")
        if not held:
            return torch.empty(0, dtype=element)
        return torch.frombuffer(self.bytes, dtype=element, count=held, offset=start)
