"""The console command `c2ser COMMAND …`: each command is a module of c2ser.bin."""

import importlib
import pkgutil
import sys

import c2ser.bin
from c2ser.bin.common import run


def commands():
    """Names of the commands, with dashes."""
    names = (module.name for module in pkgutil.iter_modules(c2ser.bin.__path__))
    return sorted(name.replace("_", "-") for name in names if name != "common")


def main():
    """Run `c2ser COMMAND arguments…`; without a command, list what there is."""
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in ("-h", "--help"):
        print("usage: c2ser COMMAND [options]; c2ser COMMAND --help says more\n\ncommands:")
        print("\n".join(f"  {name}" for name in commands()))
        sys.exit(0 if arguments else 2)
    if arguments[0] not in commands():
        print(f"error: unknown command {arguments[0]!r}; known are {', '.join(commands())}", file=sys.stderr)
        sys.exit(2)
    module = importlib.import_module(f"c2ser.bin.{arguments[0].replace('-', '_')}")
    sys.argv = [f"c2ser {arguments[0]}", *arguments[1:]]
    run(module.main)
