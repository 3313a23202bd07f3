"""The corpora: one module each, found by name. To add one, add a module with `CORPUS` and `read` (see `base`)."""

import importlib
import importlib.util
import re
from pathlib import Path

from c2ser.errors import InputError


def available():
    """Names of the modules here that define CORPUS, in order; none is imported for it."""
    modules = Path(__file__).parent.glob("*.py")
    return sorted(path.stem for path in modules if re.search(r"^CORPUS\b", path.read_text(encoding="utf-8"), re.M))


def load(name):
    """The module of a corpus: by name, or a user's own by the path of its file (`path/to/my_corpus.py`).

    Raises InputError for an unknown name, a missing file, or a module without `CORPUS` and `read`.
    """
    if name.endswith(".py"):
        module = _load_file(Path(name))
    elif name.isidentifier() and importlib.util.find_spec(f"{__name__}.{name}"):
        module = importlib.import_module(f"{__name__}.{name}")
    else:
        module = None
    if not hasattr(module, "CORPUS") or not hasattr(module, "read"):
        raise InputError(
            f"{name}: no corpus of that name; there are {', '.join(available())}, or give the path of a module "
            "that holds CORPUS and read(root)"
        )
    return module


def _load_file(path):
    if not path.is_file():
        raise InputError(f"{path}: no such file; --corpus takes a name or the path of a module")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
