"""The options that a model is built from."""

import ast
import inspect

from c2ser.models import build


def test_all_options_that_are_read_are_listed():
    """Packing keeps those that are listed, so that one that is read and not listed would be lost."""
    tree = ast.parse(inspect.getsource(build))
    read = {node.attr for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "options"}  # fmt: skip
    assert read == {*build.MODEL_OPTIONS, "llm", "whisper"}
