"""Data directories in Kaldi's format: tables, the directory object, checks and operations."""

from c2ser.datadir.datadir import DataDir
from c2ser.datadir.tables import read_entries, read_table, write_table

__all__ = ["DataDir", "read_entries", "read_table", "write_table"]
