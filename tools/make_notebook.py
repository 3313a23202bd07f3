#!/usr/bin/env python3
"""Run the cells of docs/notebook_cells.txt and write them with what they gave to docs/notebook.ipynb.

    PYTHONPATH=. .venv/bin/python tools/make_notebook.py

Cells run in one process, as in a notebook: Python with what its last line gives, or lines `!c2ser COMMAND …`, in which {NAME}
stands for a variable. The model is one with random weights, as the tests use. tests/docs runs them and compares.
"""

import ast
import base64
import contextlib
import importlib
import io
import json
import os
import re
import shlex
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CELLS, NOTEBOOK = ROOT / "docs/notebook_cells.txt", ROOT / "docs/notebook.ipynb"


def read_cells(path=CELLS):
    """List of ("md" or "code", source) of a file in which `# %%` and `# %% md` begin cells."""
    parts = re.split(r"^# %%( md)?\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    pairs = [("md" if mark else "code", source.strip("\n")) for mark, source in zip(parts[::2], parts[1::2])]
    return [(kind, re.sub(r"^# ?", "", text, flags=re.MULTILINE) if kind == "md" else text) for kind, text in pairs]


def run_cells(cells, folder, model):
    """Run the code of cells in a folder. Returns, for each cell, its outputs as nbformat 4 has them."""
    names, made, before = {}, [], os.getcwd()
    os.environ["C2SER_MODEL"] = str(model)
    os.chdir(folder)
    try:
        for kind, source in cells:
            made.append(_run(source, names) if kind == "code" else [])
    finally:
        os.chdir(before)
        del os.environ["C2SER_MODEL"]
    return made


def _run(source, names):
    told, value = io.StringIO(), None
    with contextlib.redirect_stdout(told):
        if source.startswith("!"):
            for line in source.splitlines():
                command, *arguments = shlex.split(line.removeprefix("!c2ser ").format_map(names))
                if importlib.import_module(f"c2ser.bin.{command.replace('-', '_')}").main(arguments):
                    raise RuntimeError(f"{line}: failed")
        else:
            tree = ast.parse(source)
            last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
            exec(compile(tree, "cell", "exec"), names)
            value = last and eval(compile(ast.Expression(last.value), "cell", "eval"), names)
    outputs = [{"output_type": "stream", "name": "stdout", "text": told.getvalue()}] if told.getvalue() else []
    if value is not None:
        data = {"text/plain": type(value).__name__}
        if hasattr(value, "_repr_png_"):
            data["image/png"] = base64.b64encode(value._repr_png_()).decode()
        outputs.append({"output_type": "execute_result", "execution_count": None, "metadata": {}, "data": data})
    return outputs


def notebook(cells, outputs):
    """The notebook, format 4.5, as JSON can hold it."""
    made = []
    for number, ((kind, source), given) in enumerate(zip(cells, outputs)):
        cell = {"cell_type": "markdown", "id": f"cell-{number}", "metadata": {}, "source": source}
        made.append(cell if kind == "md" else cell | {"cell_type": "code", "execution_count": None, "outputs": given})
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {"cells": made, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def main():
    """Make the model, run, write."""
    sys.path.insert(0, str(ROOT))
    from tests.builders import language_model, system, whisper_file

    with tempfile.TemporaryDirectory() as folder:
        parts, work = Path(folder) / "parts", Path(folder) / "work"
        parts.mkdir()
        work.mkdir()
        model = system(parts / "system", language_model(parts / "llm"), whisper_file(parts / "small.pt"))
        cells = read_cells()
        text = json.dumps(notebook(cells, run_cells(cells, work, model)), ensure_ascii=False, indent=1) + "\n"
    NOTEBOOK.write_text(text, encoding="utf-8")
    print(f"{NOTEBOOK}: {len(cells)} cells, {len(text) / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
