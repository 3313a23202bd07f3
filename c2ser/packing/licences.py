"""Under which terms the parts of a packed system stand, as far as that can be read off them."""

import textwrap
from pathlib import Path

import yaml

from c2ser.checkpoints.weights import SAFE, read_safe_metadata
from c2ser.errors import InputError
from c2ser.jsonfile import read_json
from c2ser.yamlfile import parse_yaml

LICENCE_FILES = ("LICENSE", "LICENCE", "NOTICE", "COPYING", "USE_POLICY")
"""Beginnings of the names of files that say what may be done with a model."""

OURS = "Apache-2.0, within what the corpora below allow"
WHISPER = "MIT (OpenAI), the same for weights that were trained further"
RELEASED = "that of the authors' release: see there"
CONVERTED = "that of the checkpoint it was converted from: see there"
UNKNOWN = "see the model's own licence"
UNSTATED = "not stated"


def llm_licence(folder):
    """What a language model's folder says of its licence: its card's head or configuration, and files that hold one."""
    return ", ".join(_named(folder) + [f"[llm/{path.name}](llm/{path.name})" for path in _files(folder)]) or UNKNOWN


def whisper_licence(source):
    """That of a Whisper encoder: what a Hugging Face folder says (its card's head, configuration or licence file), what
    was noted when it was packed before, and OpenAI's for files of the form that OpenAI publishes."""
    source = Path(source)
    if source.suffix == SAFE:
        return read_safe_metadata(source).get("licence", UNSTATED)
    if not source.is_dir():
        return WHISPER
    titles = (path.read_text(encoding="utf-8", errors="replace").strip().partition("\n")[0] for path in _files(source))
    return ", ".join(_named(source) or [_cell(title) for title in titles if title][:1]) or UNSTATED


def _named(folder):
    """The names of licences in the head of a folder's card or, where that says nothing, in its configuration."""
    values = {**_configuration(Path(folder, "config.json")), **_card_head(Path(folder, "README.md"))}
    said = [values[key] for key in ("license", "license_name") if values.get(key)]
    return [_cell(name) for one in said for name in (one if isinstance(one, list) else [one])]


def _files(folder):
    return sorted(path for path in Path(folder).iterdir() if path.name.upper().startswith(LICENCE_FILES))


def _cell(text):
    return textwrap.shorten(str(text).replace("|", "/"), 100, placeholder=" …")


def _card_head(path):
    """The YAML between the first two lines `---` of a model card; {} where there is none."""
    if not path.is_file():
        return {}
    begin, _, rest = path.read_text(encoding="utf-8-sig", errors="replace").partition("---\n")
    try:
        head = parse_yaml(rest.partition("\n---")[0]) if not begin.strip() else None
    except yaml.YAMLError:
        head = None
    return head if isinstance(head, dict) else {}


def _configuration(path):
    try:
        return read_json(path, "")
    except InputError:
        return {}
