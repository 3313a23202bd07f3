"""The console command `c2ser COMMAND …`: each command is a module of c2ser.bin."""

import ast
import importlib
import pkgutil
import shutil
import sys
import textwrap
from pathlib import Path

import c2ser.bin
from c2ser.bin.common import run

GROUPS = {
    "data": """prepare-data combine-corpora validate-data-dir fix-data-dir subset-data-dir copy-data-dir split-data-dir
        combine-data dump-audio extract-prosody make-style make-cot rewrite-cot filter-tables collect-parts
        import-data export-data""",
    "encoder": """train-emotion2vec-s train-emotion-classifier classify-text make-silver extract-features prosody-features
        probe plot-curves plot-layers plot-embeddings""",
    "language model": "prepare-llm make-inputs whisper-frames speaker-means train-c2ser sample-cot make-bundle",
    "answers": """predict timeline decode calibrate score compare report stability faithfulness conflict benchmark majority
        transcribe cascade emotion2vec-plus qwen2-audio""",
    "sharing": "pack publish demo serve convert import-c2ser export-onnx predict-onnx doctor",
}
"""What the commands serve, in the order of the work."""


def commands():
    """Names of the commands, with dashes."""
    names = (module.name for module in pkgutil.iter_modules(c2ser.bin.__path__))
    return sorted(name.replace("_", "-") for name in names if name != "common")


def overview(width=100):
    """All commands with a line on each, by what they serve; read from their files, so that none is imported."""
    known = commands()
    groups = {title: [name for name in names.split() if name in known] for title, names in GROUPS.items()}
    others = [name for name in known if not any(name in names for names in groups.values())]
    lines = []
    for title, names in (groups | {"further": others}).items():
        if names:
            lines += ["", f"{title}:"]
            room = max(width - 28, 40)
            lines += [f"  {name:<25} {textwrap.shorten(_purpose(name), room, placeholder=' …')}" for name in names]
    return "\n".join(lines)


def _purpose(command):
    """The first sentence of a command's docstring."""
    path = Path(c2ser.bin.__path__[0], f"{command.replace('-', '_')}.py")
    said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(said.split("\n\n")[0].split()).split(". ")[0].rstrip(".")


def main():
    """Run `c2ser COMMAND arguments…`; without a command, list what there is."""
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in ("-h", "--help"):
        print("usage: c2ser COMMAND [options]; c2ser COMMAND --help says more")
        print(overview(shutil.get_terminal_size((120, 24)).columns))
        sys.exit(0 if arguments else 2)
    if arguments[0] not in commands():
        print(f"error: unknown command {arguments[0]!r}; c2ser --help lists them", file=sys.stderr)
        sys.exit(2)
    sys.argv = [f"c2ser {arguments[0]}", *arguments[1:]]
    run(lambda: importlib.import_module(f"c2ser.bin.{arguments[0].replace('-', '_')}").main())


if __name__ == "__main__":
    main()
