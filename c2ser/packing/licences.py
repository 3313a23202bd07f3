"""Under which terms the parts of a packed system stand, as far as that can be read off them."""

from pathlib import Path

import yaml

from c2ser.packing.parts import LICENCE_FILES
from c2ser.yamlfile import parse_yaml

OURS = "Apache-2.0, within what the corpora below allow"
WHISPER = "MIT (OpenAI), the same for weights that were trained further"
RELEASED = "that of the authors' release: see there"
CONVERTED = "that of the checkpoint it was converted from: see there"
UNKNOWN = "see the model's own licence"


def llm_licence(folder):
    """What a language model's folder says of its licence: the head of its card, and files that hold a licence."""
    folder = Path(folder)
    named = _card_head(folder / "README.md")
    files = sorted(path.name for path in folder.iterdir() if path.name.upper().startswith(LICENCE_FILES))
    said = [str(named[key]) for key in ("license", "license_name") if named.get(key)]
    if not said and not files:
        return UNKNOWN
    return ", ".join(said + [f"[llm/{name}](llm/{name})" for name in files])


def _card_head(path):
    """The YAML between the first two lines `---` of a model card; {} where there is none."""
    if not path.is_file():
        return {}
    begin, _, rest = path.read_text(encoding="utf-8", errors="replace").partition("---\n")
    try:
        head = parse_yaml(rest.partition("\n---")[0]) if not begin.strip() else None
    except yaml.YAMLError:
        head = None
    return head if isinstance(head, dict) else {}
