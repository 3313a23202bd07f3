"""docs/configuration.md is what the code says."""

import ast
import importlib.util
import inspect
from dataclasses import MISSING, fields
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tool():
    """tools/make_config_reference.py as a module; the tools are no package."""
    spec = importlib.util.spec_from_file_location("make_config_reference", ROOT / "tools/make_config_reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_file_is_up_to_date(tool):
    told = "docs/configuration.md is not what the code says: run python3 tools/make_config_reference.py"
    assert (ROOT / "docs/configuration.md").read_text(encoding="utf-8") == tool.reference(), told


def test_every_option_of_the_recipe_is_there(tool):
    rows = tool.recipe_table().splitlines()[2:]
    marks = [number for number, line in enumerate(tool.RECIPE.read_text(encoding="utf-8").splitlines())
             if line.startswith(("# --- options", "# --- end"))]  # fmt: skip
    assert len(rows) == marks[1] - marks[0] - 1 > 20
    assert "| `--seed` | `0` | decides everything random |" in rows


def test_a_default_of_several_words_is_whole(tool, tmp_path, monkeypatch):
    (tmp_path / "c2ser.sh").write_text('# --- options\nfolds="1 2"  # which <k> | all\nx=  # y\n# --- end\n')
    monkeypatch.setattr(tool, "RECIPE", tmp_path / "c2ser.sh")
    assert tool.recipe_table().splitlines()[2:] == ["| `--folds` | `1 2` | which &lt;k> \\| all |", "| `--x` |  | y |"]
    (tmp_path / "c2ser.sh").write_text("# --- options\nfolds=1\n# --- end\n")
    with pytest.raises(ValueError, match="an option that is not"):
        tool.recipe_table()


def cells(section):
    """key → default, of the table of a section."""
    rows = [line.split(" | ") for line in section.splitlines() if line.startswith("| `")]
    return {row[0].strip("| `"): row[1].strip("| `") for row in rows}


@pytest.mark.parametrize(
    ("path", "name"), [("c2ser/augment.py", "Augment"), ("c2ser/tasks/sampler.py", "BalanceConfig")]
)
def test_fields_are_those_of_the_class(tool, path, name):
    """The code is parsed; here it is imported, and both must say the same."""
    module = importlib.import_module(path[:-3].replace("/", "."))
    found = cells(tool.keys_section(path, name))
    for field in fields(getattr(module, name)):
        default = field.default if field.default is not MISSING else field.default_factory()
        default = list(default) if isinstance(default, tuple) else default
        assert found.pop(field.name) == ("null" if default is None else str(default))
    assert not found


def test_arguments_are_those_of_the_constructor(tool):
    from c2ser.models.connector import Connector

    found = cells(tool.keys_section("c2ser/models/connector.py", "Connector"))
    wanted = inspect.signature(Connector).parameters.values()
    assert found == {one.name: str(one.default) for one in wanted if one.default is not inspect.Parameter.empty}


def test_arguments_that_the_code_sets_itself_are_left_out(tool):
    """What build_c2ser passes by name is no key of model_conf."""
    call = next(
        node for node in ast.walk(ast.parse((ROOT / "c2ser/models/build.py").read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "C2SER"
    )  # fmt: skip
    passed = {keyword.arg for keyword in call.keywords if keyword.arg}
    keys = set(cells(tool.keys_section("c2ser/models/c2ser.py", "C2SER")))
    assert "freeze_encoder" in keys and not keys & passed
    from_build = set(tool.GIVEN["c2ser/models/c2ser.py"])
    assert from_build <= passed


def test_help_and_choices_of_a_training_option(tool):
    found = tool.options_table("c2ser/tasks/c2ser.py", "C2SERTask.add_task_arguments")
    assert "| `prompt_style` | `plain` | How the prompt is laid out (plain \\| chat) |" in found.splitlines()
