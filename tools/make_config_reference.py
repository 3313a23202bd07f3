#!/usr/bin/env python3
"""Write docs/configuration.md: every option of the recipe and every key of its configurations, read from the code.

The code is parsed, not imported: this takes a moment and needs nothing installed. tests/tools fails where the file is
not what this writes; run it after a change of an option, a default or a docstring that it takes over:

    python3 tools/make_config_reference.py
"""

import argparse
import ast
import inspect
import os
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "docs/configuration.md"
RECIPE = ROOT / "egs/TEMPLATE/c2ser1/c2ser.sh"

HEAD = """\
# Configuration reference

Written by `tools/make_config_reference.py` from the code; change the code, not this file.

A recipe has two places for settings. Its **options** (`./run.sh --name value`) say what is run on what. The **YAML
files** of the folder that `--conf` names say how networks are trained and decoded: `train_e2v_s.yaml` (stage 5),
`train_explicit.yaml` and `train_implicit.yaml` (stages 10 and 11), `decode.yaml` (stage 12). Their keys are the options
of ESPnet2's training, such as `max_epoch`, `batch_type`, `optim`, `scheduler`, `accum_grad` (the `--help` of a training
command lists them all), and those below. What a training used stands in the `config.yaml` beside its weights.
"""

TASKS = (
    ("Every training", "c2ser/tasks/common.py", "SpeechTask.get_parser"),
    ("Every training: the trainer", "c2ser/tasks/trainer.py", "AtomicTrainer.add_arguments"),
    ("train_e2v_s.yaml, train_classifier.yaml: the backbone", "c2ser/tasks/backbone.py", "add_backbone_arguments"),
    ("train_e2v_s.yaml: Emotion2Vec-S", "c2ser/tasks/emotion2vec_s.py", "Emotion2VecSTask.add_task_arguments"),
    ("train_classifier.yaml: the supervised baseline", "c2ser/tasks/emotion_classifier.py",
     "EmotionClassifierTask.add_task_arguments"),
    ("train_explicit.yaml, train_implicit.yaml: C2SER", "c2ser/tasks/c2ser.py", "C2SERTask.add_task_arguments"),
)  # fmt: skip

KEYS = (
    ("`backbone_conf`", "c2ser/models/emotion2vec.py", "Emotion2VecConfig"),
    ("`model_conf` of Emotion2Vec-S", "c2ser/models/emotion2vec_s.py", "Emotion2VecS"),
    ("`model_conf` of the supervised baseline", "c2ser/models/emotion_classifier.py", "EmotionClassifier"),
    ("`sampler_conf`", "c2ser/tasks/sampler.py", "BalanceConfig"),
    ("`augment`", "c2ser/augment.py", "Augment"),
    ("`model_conf` of C2SER", "c2ser/models/c2ser.py", "C2SER"),
    ("`connector_conf`", "c2ser/models/connector.py", "Connector"),
    ("`llm_conf`", "c2ser/models/language_model.py", "load_language_model"),
    ("`specaug_conf`", "c2ser/models/specaugment.py", "SpecAugment"),
    ("decode.yaml", "c2ser/inference/decoding.py", "Decoding"),
)

GIVEN = {
    "c2ser/models/c2ser.py": ("connector", "augment", "total_batches", "seed", "text_only", "verdicts", "classes", "verdict", "measured_style"),
    "c2ser/models/language_model.py": ("device",),
}
"""Arguments with defaults that no configuration sets: `c2ser.models.build` derives them from other options."""


def get_parser():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=OUT, help="File to write (default: docs/configuration.md)")
    return parser


def reference():
    """The whole text of docs/configuration.md."""
    parts = [HEAD, "## Options of a recipe\n\nOf `./run.sh`, in every recipe.\n\n" + recipe_table()]
    parts.append("## Options of the trainings\n\nAs keys of a YAML file, or as `--name value` of a training command.\n")
    parts += [f"### {title}\n\n" + options_table(path, name) for title, path, name in TASKS]
    parts.append("## Keys of the configurations\n")
    parts += [f"### {title}\n\n" + keys_section(path, name) for title, path, name in KEYS]
    return "\n".join(parts)


def recipe_table():
    """The options of c2ser.sh: lines `name=default  # help`."""
    block = RECIPE.read_text(encoding="utf-8").split("# --- options")[1].split("# --- end")[0]
    found = [re.fullmatch(r'(\w+)=("[^"]*"|[^ #]*) *# (.*)', line) for line in block.splitlines()[1:]]
    if not all(found):
        raise ValueError(f"{RECIPE}: an option that is not `name=default  # help`")
    options = [one.groups() for one in found]
    rows = [(f"`--{name}`", code(default.strip('"')), text(told)) for name, default, told in options]
    return table(("option", "default", "what it is"), rows)


def options_table(path, name):
    """The add_argument calls of a method, `Class.method`."""
    node, constants = find(path, name)
    calls, rows = [one for one in ast.walk(node) if isinstance(one, ast.Call)], []
    for call in calls:
        if not ast.unparse(call.func).endswith(".add_argument"):
            continue
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        choices = ast.literal_eval(given["choices"]) if "choices" in given else ()
        told = text(value(given["help"], constants) + (f" ({' | '.join(choices)})" if choices else ""))
        default = code(shown(given["default"], constants)) if "default" in given else ""
        rows.append((f"`{ast.literal_eval(call.args[0]).lstrip('-')}`", default, told))
    return table(("key", "default", "what it is"), rows)


def keys_section(path, name):
    """A dataclass, or the arguments with defaults of a class or function: its docstring, then its keys."""
    node, constants = find(path, name)
    told = f"`{path[:-3].replace('/', '.')}.{name}`\n\n{ast.get_docstring(node)}\n"
    if any(ast.unparse(decorator).startswith("dataclass") for decorator in node.decorator_list):
        return told + "\n" + fields_table(node, constants)
    function = node
    if isinstance(node, ast.ClassDef):
        function = next(one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "__init__")
    arguments = function.args.args[len(function.args.args) - len(function.args.defaults) :]
    rows = [
        (f"`{argument.arg}`", code(shown(default, constants)))
        for argument, default in zip(arguments, function.args.defaults)
        if argument.arg not in GIVEN.get(path, ())
    ]
    return told + "\n" + table(("key", "default"), rows)


def fields_table(node, constants):
    """The fields of a dataclass, each with the string that follows it, where one does."""
    rows = []
    for one, after in zip(node.body, [*node.body[1:], None]):
        if isinstance(one, ast.AnnAssign):
            is_told = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            told = text(inspect.cleandoc(after.value.value)) if is_told else ""
            default = one.value
            if isinstance(default, ast.Call):  # field(default_factory=…)
                made = default.keywords[0].value
                default = made.body if isinstance(made, ast.Lambda) else made
            rows.append((f"`{one.target.id}`", code(shown(default, constants)), told))
    if not any(told for *_, told in rows):
        return table(("key", "default"), [row[:2] for row in rows])
    return table(("key", "default", "what it is"), rows)


def find(path, name):
    """The definition `name` or `Class.name` of a file, and the constants of the file."""
    node = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    constants = {}
    for one in node.body:
        if isinstance(one, ast.Assign) and isinstance(one.targets[0], ast.Name):
            try:
                constants[one.targets[0].id] = ast.literal_eval(one.value)
            except ValueError:
                pass  # computed
    for part in name.split("."):
        node = next(one for one in node.body if getattr(one, "name", None) == part)
    return node, constants


def value(node, constants):
    """The value of an expression of literals and of the file's constants. Raises ValueError for any other."""

    class Resolve(ast.NodeTransformer):
        def visit_Name(self, name):
            return ast.parse(repr(constants[name.id]), mode="eval").body if name.id in constants else name

    return ast.literal_eval(Resolve().visit(ast.parse(ast.unparse(node), mode="eval")).body)


def shown(node, constants):
    """A default as it would be written: constants by their value, strings without quotes, None as null."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "list" and isinstance(node.args[0], ast.Name):
        node = node.args[0]
    try:
        found = value(node, constants)
    except ValueError:
        return ast.unparse(node)
    if found is None or isinstance(found, bool):
        return "null" if found is None else str(found).lower()
    return str(list(found) if isinstance(found, tuple) else found)


def text(told):
    """Help on one line, fit for a cell of a table."""
    return " ".join(told.split()).replace("|", "\\|").replace("<", "&lt;")


def code(default):
    return f"`{default}`".replace("|", "\\|") if default else ""


def table(head, rows):
    lines = ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)]
    return "\n".join(lines) + "\n"


def main():
    path = get_parser().parse_args().out
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    partial.write_text(reference(), encoding="utf-8")
    os.replace(partial, path)


if __name__ == "__main__":
    main()
