"""ms-swift's JSON lines of supervised fine-tuning with sound: `messages` and `audios`, one example a line."""

import json

from c2ser.fileio import atomic_write
from c2ser.formats import sft
from c2ser.formats.reading import find

HOLDS, lost = sft.HOLDS, sft.lost


def write(rows, folder, options):
    """Write train.jsonl."""
    with atomic_write(folder / "train.jsonl") as stream:
        for asked, answer, path, ours in sft.examples(rows, folder, options):
            messages = [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]
            stream.write(json.dumps({"messages": messages, "audios": [path], **ours}, ensure_ascii=False) + "\n")


def read(path, options):
    """Yield (where, `Row`) of a .jsonl file, or of all that lie in a folder."""
    return sft.read_conversations(find(path, "*.jsonl"), ("messages", "role", "content", "assistant"), options)
