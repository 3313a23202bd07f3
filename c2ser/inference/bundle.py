"""What belongs to a trained system: `model.yaml` in its folder says where each part lies, relative to that folder."""

import os
from dataclasses import dataclass
from pathlib import Path

import yaml

from c2ser.encodings import read_text
from c2ser.errors import InputError, brief
from c2ser.fileio import atomic_write
from c2ser.yamlfile import parse_yaml

MANIFEST = "model.yaml"
PARTS = ("config", "checkpoint")
PACKED = "packed"
"""The folder beside an experiment's others that stage 14 makes; it names no system."""


@dataclass
class Bundle:
    """A trained system.

    labels: the classes it was trained on; languages: of the answers
    that it was trained to give, a list; llm, whisper: base models (whisper may be None);
    emotion: {"config", "checkpoint", "utterance_mode"} of Emotion2Vec-S, or None; modes: "explicit"/"implicit" →
    {"config", "checkpoint"}. All paths are absolute once read. name: what the system is called, such as "casia: base";
    "" is written as no name, and read as that of the folder. style: the statistics that measured levels are cut by
    (`c2ser make-style --stats`), for a system that is told them, or None.
    """

    labels: list
    languages: list
    llm: Path
    whisper: Path | None
    emotion: dict | None
    modes: dict
    name: str = ""
    style: Path | None = None

    @classmethod
    def read(cls, folder):
        """Read folder/model.yaml. Raises InputError where it or a part that it names is missing."""
        folder = Path(folder)
        manifest = folder / MANIFEST
        if not manifest.is_file():
            raise InputError(f"{manifest}: no such file; --model is the folder that stage 11 or 14 of a recipe made")

        def locate(path):
            found = (folder / path).resolve()
            if not found.exists():
                raise InputError(f"{manifest}: names {path}, which is not there; rerun the recipe, or stage 14 to pack it")
            return found

        def parts(section):
            return {key: locate(value) if key in PARTS else value for key, value in section.items()}

        try:
            values = parse_yaml(read_text(manifest))
            if not values["modes"] or not all(mode.isidentifier() for mode in values["modes"]):  # stage 14 names folders so
                raise KeyError("modes")
            return cls(
                labels=values["labels"], languages=_languages(values), llm=locate(values["llm"]),
                whisper=locate(values["whisper"]) if values.get("whisper") else None,
                emotion=parts(values["emotion"]) if values.get("emotion") else None,
                modes={mode: parts(section) for mode, section in values["modes"].items()},
                name=str(values.get("name") or _name(folder.resolve())),
                style=locate(values["style"]) if values.get("style") else None,
            )  # fmt: skip
        except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
            what = brief(error) if isinstance(error, yaml.YAMLError) else repr(error)
            raise InputError(f"{manifest}: not what stage 11 or 14 writes ({what}); rerun one of them") from None

    def write(self, folder):
        """Write folder/model.yaml with paths relative to the folder."""
        folder = Path(folder).resolve()

        def relative(path):
            return os.path.relpath(Path(path).resolve(), folder)

        def parts(section):
            return {key: relative(value) if key in PARTS else value for key, value in section.items()}

        values = {
            **({"name": self.name} if self.name else {}),
            "labels": list(self.labels), "languages": list(self.languages), "llm": relative(self.llm),
            "whisper": relative(self.whisper) if self.whisper else None,
            "emotion": parts(self.emotion) if self.emotion else None,
            "modes": {mode: parts(section) for mode, section in self.modes.items()},
            **({"style": relative(self.style)} if self.style else {}),
        }  # fmt: skip
        with atomic_write(folder / MANIFEST) as stream:
            yaml.safe_dump(values, stream, sort_keys=False, allow_unicode=True)


def _name(folder):
    """What a system without a name is called: its folder, or the experiment that it was packed from."""
    return folder.parent.name if folder.name == PACKED else folder.name


def _languages(values):
    """The languages that a manifest lists; one of earlier versions names a single `language`."""
    languages = values["languages"] if "languages" in values else [values["language"]]
    if not isinstance(languages, list) or not languages:
        raise TypeError(f"languages: {languages!r}")
    return languages
