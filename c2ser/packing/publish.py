"""A packed system as a repository of the Hugging Face hub: its card with results that the hub reads, and what a pipeline needs."""

import shutil
from pathlib import Path

from c2ser.encodings import read_text
from c2ser.errors import InputError
from c2ser.inference.bundle import Bundle
from c2ser.jsonfile import write_json
from c2ser.packing.card import CARD
from c2ser.packing.hub import CODE, IMPORT, TASK
from c2ser.packing.results import scores

METRICS = {"UA %": "recall", "WA %": "accuracy", "macro-F1 %": "f1"}
"""Column of a table of results → what the hub calls the measure."""


def write_repository(packed, folder):
    """Copy a packed system into an empty folder and add what the hub and transformers read. Returns the number of results.

    Raises InputError for a folder that `c2ser pack` has not written.
    """
    from huggingface_hub import EvalResult, ModelCard

    bundle = Bundle.read(packed)
    sections = [section for section in (bundle.emotion, *bundle.modes.values()) if section]
    parts = [bundle.llm, *filter(None, [bundle.whisper]), *(section["checkpoint"] for section in sections)]
    if not (packed / CARD).is_file() or not all(
        part.is_relative_to(packed.resolve()) and part.suffix in ("", ".safetensors") for part in map(Path, parts)
    ):
        raise InputError(f"{packed}: is no packed system; c2ser pack --model {packed} --out_dir NEW makes one of it")
    shutil.copytree(packed, folder, dirs_exist_ok=True)
    card = ModelCard.load(packed / CARD)
    results = [
        EvalResult(task_type="audio-classification", task_name="Speech emotion recognition", dataset_type=dataset.split(":")[0],
                   dataset_name=dataset, metric_type=kind, metric_name=f"{column} ({system})", metric_value=values[column])
        for dataset, system, values in scores(card.content) if system.startswith("C2SER")
        for column, kind in METRICS.items() if column in values
    ]  # fmt: skip
    if results:
        card.data.model_name, card.data.eval_results = bundle.name, results
    use = read_text(Path(__file__).with_name("use.md")).replace('"MODE"', f'"{list(bundle.modes)[-1]}"')
    card.text = card.text.replace("## Use\n\n", use, 1)
    card.save(folder / CARD)
    write_json(folder / "config.json", {
        "model_type": "c2ser", "architectures": ["C2SERModel"], "id2label": dict(enumerate(bundle.labels)),
        "label2id": {label: number for number, label in enumerate(bundle.labels)},
        "auto_map": {"AutoConfig": f"{Path(CODE).stem}.C2SERConfig", "AutoModel": f"{Path(CODE).stem}.C2SERModel"},
        "custom_pipelines": {TASK: {"impl": f"{Path(CODE).stem}.C2SERPipeline", "pt": ["AutoModel"], "type": "audio"}},
    })  # fmt: skip
    (folder / CODE).write_text(IMPORT, encoding="utf-8")
    return len(results)
