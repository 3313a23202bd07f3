"""LLaMA-Factory's ShareGPT conversations with sound, and the dataset_info.json that tells it of them."""

from c2ser.formats import sft
from c2ser.formats.reading import find
from c2ser.jsonfile import read_json, write_json

HOLDS, lost = sft.HOLDS, sft.lost
INFO, NAME = "dataset_info.json", "c2ser"


def write(rows, folder, options):
    """Write c2ser.json and dataset_info.json, which names it as the data set `c2ser`."""
    entries = []
    for asked, answer, path, ours in sft.examples(rows, folder, options):
        turns = [{"from": "human", "value": asked}, {"from": "gpt", "value": answer}]
        entries.append({"conversations": turns, "audios": [path], **ours})
    write_json(folder / f"{NAME}.json", entries)
    columns = {"messages": "conversations", "audios": "audios"}
    write_json(folder / INFO, {NAME: {"file_name": f"{NAME}.json", "formatting": "sharegpt", "columns": columns}})


def read(path, options):
    """Yield (where, `Row`) of a JSON file, or of those that a folder's dataset_info.json names."""
    files = find(path, INFO, "*.json")
    if files[0].name == INFO:
        listed = [entry["file_name"] for entry in read_json(files[0], "name the file itself").values() if "file_name" in entry]
        files = [file for name in listed for file in find(files[0].parent / name)]
    return sft.read_conversations(files, ("conversations", "from", "value", "gpt"), options)
