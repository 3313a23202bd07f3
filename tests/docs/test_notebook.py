"""The notebook runs, and says what stands in it."""

import base64
import importlib.util
import io
import json
import re
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
NUMBER = re.compile(r"-?\d+\.\d+")


def tool():
    """tools/make_notebook.py as a module."""
    spec = importlib.util.spec_from_file_location("make_notebook", ROOT / "tools/make_notebook.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_notebook_gives_what_it_shows(system_dir, tmp_path):
    """Every cell, in order: words and whole numbers to the letter, fractions to what their last digit may round to."""
    made = json.loads((ROOT / "docs/notebook.ipynb").read_text(encoding="utf-8"))
    run = tool()
    cells = run.read_cells()
    assert [(cell["cell_type"], cell["source"]) for cell in made["cells"]] == [
        ("markdown" if kind == "md" else "code", source) for kind, source in cells
    ], "run tools/make_notebook.py"
    outputs = run.run_cells(cells, tmp_path, system_dir)
    shown = [cell.get("outputs", []) for cell in made["cells"]]
    assert sum(map(len, shown)) >= 7
    for given, wanted in zip(outputs, shown, strict=True):
        assert [one["output_type"] for one in given] == [one["output_type"] for one in wanted]
        for one, other in zip(given, wanted):
            text, meant = one.get("text", ""), other.get("text", "")
            assert NUMBER.sub("#", text) == NUMBER.sub("#", meant)
            np.testing.assert_allclose([*map(float, NUMBER.findall(text))], [*map(float, NUMBER.findall(meant))], atol=0.0101)
            if "image/png" in other.get("data", {}):
                sizes = [Image.open(io.BytesIO(base64.b64decode(part["data"]["image/png"]))).size for part in (one, other)]
                assert sizes[0] == sizes[1]
    assert len(json.dumps(made)) < 100_000
