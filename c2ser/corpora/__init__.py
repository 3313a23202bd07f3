"""The corpora: one module each, found by name. To add one, add a module with `CORPUS` and `read` (see `base`)."""

import importlib
import importlib.util
import re
import traceback
from contextlib import contextmanager
from pathlib import Path

from c2ser.errors import InputError, brief


def available():
    """Names of the modules here that define CORPUS, in order; none is imported for it."""
    modules = Path(__file__).parent.glob("*.py")
    return sorted(path.stem for path in modules if re.search(r"^CORPUS\b", path.read_text(encoding="utf-8"), re.M))


def load(name):
    """The module of a corpus: by name, or a user's own by the path of its file (`path/to/my_corpus.py`).

    Raises InputError for an unknown name, a missing file, a module without `CORPUS` and `read`, and whatever it raises.
    """
    from c2ser.corpora.base import Corpus  # not above: naming the corpora imports none of them

    if name.endswith(".py"):
        module = _load_file(Path(name))
    elif name.isidentifier() and (spec := importlib.util.find_spec(f"{__name__}.{name}")):
        with naming(spec.origin):
            module = importlib.import_module(spec.name)
    else:
        module = None
    if not isinstance(getattr(module, "CORPUS", None), Corpus) or not callable(getattr(module, "read", None)):
        raise InputError(
            f"{name}: no corpus of that name; there are {', '.join(available())}, or give the path of a module "
            "that holds CORPUS, a Corpus, and read(root)"
        )
    return module


@contextmanager
def naming(path):
    """Inside, an exception out of the corpus module at `path` becomes an InputError with its line; InputErrors pass."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # whatever users may write
        trace = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
        trace.append((getattr(error, "filename", None), getattr(error, "lineno", None)))  # of a SyntaxError
        lines = [line for file, line in trace if line and Path(file or "").resolve() == Path(path).resolve()]
        where = f"{path}:{lines[-1]}" if lines else path
        what = brief(traceback.format_exception_only(error)[-1])
        raise InputError(f"{where}: {what}; correct the module, or the file that it reads there") from error


def _load_file(path):
    if not path.is_file():
        raise InputError(f"{path}: no such file; --corpus takes a name or the path of a module")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    with naming(path):
        spec.loader.exec_module(module)
    return module
