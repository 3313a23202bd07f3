"""Foreign formats of data, one module each, behind one interface.

A module has `HOLDS`, the tables of a data directory that the format can hold; `write(rows, folder, options)`, which
writes a list of `Row` into a new folder; `read(path, options)`, which yields (where, `Row`) with `where` naming file and
line; and, where more is left out, `lost(rows, options)`. Nothing that is read is run: no script, pickle or command.
"""

import importlib

from c2ser.errors import InputError

FORMATS = {
    "ms-swift": "ms_swift", "llamafactory": "llamafactory", "datasets": "parquet", "lhotse": "lhotse_manifests",
    "shar": "lhotse_shar", "audformat": "audformat_database", "nkululeko": "nkululeko",
}  # fmt: skip
"""What --format calls each → its module here."""


def load(name):
    """The module of a format."""
    return importlib.import_module(f"{__name__}.{FORMATS[name]}")


def need(module):
    """Import what only one format needs. Raises InputError, naming the package, where it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise InputError(f"this format needs {package} ({error}): pip install {package}") from None
