"""Options of the form NAME=PATH1,PATH2,…: a system and what belongs to it, one path a fold."""

from c2ser.errors import InputError


def named_lists(values, option):
    """["name=a,b", …] → {name: [a, b]}. Raises InputError for a value without both, or a name given twice."""
    named = {}
    for value in values:
        name, _, listed = value.partition("=")
        name, members = name.strip(), [member for member in listed.split(",") if member]
        if not name or not members:
            raise InputError(f"{option} {value!r}: expected name=path or name=path1,path2,…")
        if name in named:
            raise InputError(f"{option}: {name!r} is given twice")
        named[name] = members
    return named
