"""Writing several tables of a directory as one step."""

import os
import shutil
from pathlib import Path

from c2ser.datadir.datadir import KNOWN_TABLES, DataDir
from c2ser.fileio import beside

BACKUP = ".backup"


def replace_tables(path, tables, backup=False):
    """Write tables (name → dict, or None to remove the table) into a directory: all of them or, on an error, none.

    `backup` keeps what was there before in `.backup/`, in place of an older backup.
    """
    path = Path(path)
    existed = path.is_dir()
    staged = beside(path / "replace")
    new, old = staged / "new", staged / "old"
    try:
        old.mkdir(parents=True)
        new.mkdir()
        for table, values in tables.items():
            if values is not None:
                DataDir(new).write(table, values)
            if (path / table).is_file():
                shutil.copy2(path / table, old / table)
        _move_in(path, tables, new, old)
        if backup:
            shutil.rmtree(path / BACKUP, ignore_errors=True)
            old.rename(path / BACKUP)
        existed = True
    finally:
        shutil.rmtree(staged, ignore_errors=True)
        if not existed:
            shutil.rmtree(path, ignore_errors=True)


def replace_all(path, tables):
    """Write a whole directory; known tables that `tables` does not hold, left from an earlier run, are removed."""
    stale = {table: None for table in KNOWN_TABLES if table not in tables and (Path(path) / table).is_file()}
    replace_tables(path, {**tables, **stale})


def _move_in(path, tables, new, old):
    try:
        for table, values in tables.items():
            if values is None:
                (path / table).unlink(missing_ok=True)
            else:
                os.replace(new / table, path / table)
    except BaseException:
        for table in tables:
            if (old / table).is_file():
                shutil.copy2(old / table, path / table)
            else:
                (path / table).unlink(missing_ok=True)
        raise
