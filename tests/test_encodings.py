"""Tables and configurations in other encodings end in one line that says what the file seems to be and what to do."""

import shutil
import subprocess

import pytest

from c2ser.corpora.base import read_folds
from c2ser.corpora.emo_emilia import read as read_emo_emilia
from c2ser.datadir import DataDir, read_table
from c2ser.datadir.validate import find_faults
from c2ser.encodings import read_text
from c2ser.errors import InputError
from c2ser.evaluation.predictions import read_set
from c2ser.inference.bundle import Bundle
from c2ser.inference.decoding import read_decoding
from c2ser.inference.emotion_encoder import read_config

TABLE = "a-1 他说好\na-2 ciao\n"
NAMES = {
    "utf-16": "UTF-16", "utf-16-le": "UTF-16LE", "utf-16-be": "UTF-16BE", "utf-32": "UTF-32", "utf-32-le": "UTF-32LE",
    "gb18030": "GB18030", "cp1252": "CP1252",
}  # fmt: skip


@pytest.mark.parametrize("encoding, name", NAMES.items())
def test_one_line_with_the_command_that_converts(tmp_path, encoding, name):
    path = tmp_path / "text"
    words = TABLE if encoding != "cp1252" else "a-1 perché è così\na-2 già\n"
    path.write_bytes(words.encode(encoding))
    for read in (read_table, read_text):
        with pytest.raises(InputError, match=rf"text:(1:)? not UTF-8; it seems to be .*: iconv -f {name} -t UTF-8") as told:
            read(path)
        assert "\n" not in str(told.value) and "\0" not in str(told.value)
    if shutil.which("iconv"):  # the command works
        command = str(told.value).split(": ")[-1].removesuffix(" converts it").split(" > ")[0]
        assert subprocess.run(command.split(), capture_output=True, check=True).stdout.decode().lstrip("\ufeff") == words


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_data_directory_says_it_once(tmp_path, encoding):
    DataDir(tmp_path).write("utt2spk", {f"a-{number}": "a" for number in range(20)})
    (tmp_path / "text").write_bytes("".join(f"{one} word\n" for one in sorted(f"a-{n}" for n in range(20))).encode(encoding))
    found = [fault for fault in find_faults(tmp_path) if fault.path.endswith("text")]
    assert [(fault.kind, fault.line) for fault in found] == [("not-utf8", 1)] and "iconv -f" in found[0].message


@pytest.mark.parametrize("stray", [b"\xff", b"x\0y"])
def test_a_broken_character_is_no_other_encoding(tmp_path, stray):
    (tmp_path / "text").write_bytes(TABLE.encode() + b"a-3 " + stray + b"\n")
    with pytest.raises(InputError, match="text:3: not UTF-8: a broken character, or a zero byte"):
        read_table(tmp_path / "text")


@pytest.mark.parametrize(
    "read, name",
    [
        (read_folds, "folds.tsv"), (lambda path: read_emo_emilia(path.parent), "Emo-Emilia-ALL.jsonl"),
        (lambda path: Bundle.read(path.parent), "model.yaml"), (read_decoding, "decode.yaml"), (read_config, "config.yaml"),
    ],
)  # fmt: skip
def test_every_reader_of_text(tmp_path, read, name):
    path = tmp_path / name
    path.write_bytes("a: b\n".encode("utf-16"))
    with pytest.raises(InputError, match=f"{name}: not UTF-8; it seems to be UTF-16: iconv -f UTF-16 -t UTF-8"):
        read(path)


def test_predictions(tmp_path):
    data = DataDir(tmp_path)
    data.write("utt2spk", {"a-1": "a"})
    data.write("utt2emo", {"a-1": "sad"})
    (tmp_path / "utt2pred").write_bytes("a-1 sad\n".encode("utf-16"))
    with pytest.raises(InputError, match="utt2pred:1: not UTF-8; it seems to be UTF-16"):
        read_set(tmp_path, tmp_path)
