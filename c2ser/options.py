"""Dataclasses of options out of configurations, which users write."""

from dataclasses import fields

from c2ser.errors import InputError, brief


def build(kind, values, where):
    """A dict from a configuration → an instance of a dataclass that checks itself.

    Raises InputError, beginning with `where`, for an unknown key and for a value of which its checks can make nothing.
    """
    known = [field.name for field in fields(kind)]
    unknown = sorted(map(str, set(values) - set(known)))
    if unknown:
        raise InputError(f"{where}: unknown {', '.join(unknown)}; known are {', '.join(known)}")
    try:
        return kind(**values)
    except (TypeError, ValueError, LookupError, ArithmeticError) as error:
        raise InputError(f"{where}: a value of the wrong kind among {brief(values)}: {brief(error)}") from None


def is_count(value):
    """Whether a value is a whole number from 1; `true` is none."""
    return type(value) is int and value >= 1


def blocks_or_mix(value):
    """The type of --whisper_blocks: a whole number, "mix", or None for none."""
    return value if value == "mix" else None if value in ("none", "None", "null") else int(value)
