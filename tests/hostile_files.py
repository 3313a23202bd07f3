"""What commands say of hostile files: `python -m tests.hostile_files` prints the table of docs/hostile_files.md.

Every case puts one file into the small sound world of `tests.bad_inputs` that would run something, write elsewhere or
take memory without bounds if it were believed, and runs one command on it, before which somebody sits who says yes to
every question. All that would be run is to make the folder `mark`. `tests/test_hostile_files.py` asserts each message
and status, that nothing was run or left, and how much memory was taken.
"""

import json
import os
import pickle
import re
import struct
import zipfile
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import numpy as np
import soundfile
import yaml

from tests import bad_inputs
from tests.bad_inputs import CHECK_LLM, DECODE, DUMP, FEATURES, PREDICT, SCORE, VALIDATE, put, setting

MEMORY = 300
"""MiB that a command may take beyond what the process had; the files announce thousands of times as much."""

EXPORT = ("export-onnx --config {w}/system/e2v_s/config.yaml --checkpoint {w}/system/e2v_s/model.pth --probe {w}/probe "
          "--out {w}/x.onnx")  # fmt: skip
CONVERT = "convert --from {w}/evil.pt --to {w}/out"
PLOT = "plot-embeddings --feats_scp {w}/feats.scp --data_dir {w}/data --out {w}/x.png"
PROSODY = "extract-prosody --data_dir {w}/data --out_dir {w}/out"
TRAIN = ("train-emotion2vec-s --config {w}/train.yaml --output_dir {w}/exp --train_shape_file {w}/train/speech_shape "
         "--valid_shape_file {w}/train/speech_shape --train_data_path_and_name_and_type {w}/train/wav.scp,speech,kaldi_ark "
         "--valid_data_path_and_name_and_type {w}/train/wav.scp,speech,kaldi_ark")  # fmt: skip
NO_STATE = "not a state dict that loads with weights_only: damaged, or it holds more than numbers"


class Case(NamedTuple):
    """As of `tests.bad_inputs`; leaves: what a command notes for its rerun before it reads the file, a regular expression."""

    kind: str
    what: str
    change: object
    command: str
    message: str
    status: int = 1
    leaves: str = "nothing"


class Mark:
    """Pickled, a program that makes a folder."""

    def __init__(self, world):
        self.path = str(world / "mark")

    def __reduce__(self):
        return os.mkdir, (self.path,)


def build_world(folder):
    """The world of `tests.bad_inputs`, with what a training of Emotion2Vec-S reads and its configuration."""
    from tests import builders

    bad_inputs.build_world(folder)
    builders.dump(folder / "train", 4)
    config = {
        "batch_type": "unsorted", "batch_size": 4, "num_workers": 0, "optim": "adam", "optim_conf": {"lr": 1.0e-3},
        "num_iters_per_epoch": 1, "max_epoch": 1, "use_matplotlib": False, "use_tensorboard": False, "resume": True,
        "best_model_criterion": [["valid", "loss", "min"]], "keep_nbest_models": 1, "ngpu": 0,
        "backbone_conf": builders.BACKBONE, "model_conf": builders.PRETRAINING,
    }  # fmt: skip
    (folder / "train.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")


def torch_file(name, content):
    """A change: what torch.save makes of content(world)."""

    def change(world):
        import torch

        (world / name).parent.mkdir(parents=True, exist_ok=True)
        torch.save(content(world), world / name)

    return change


def several(*changes):
    """A change: these, one after the other."""
    return lambda world: [change(world) for change in changes]


def gone(name):
    """A change: a file is removed."""
    return lambda world: (world / name).unlink()


def deflated(name):
    """A change: a checkpoint's archive is compressed, as a file that unfolds would be."""

    def change(world):
        content = {info: archive.read(info) for archive in [zipfile.ZipFile(world / name)] for info in archive.namelist()}
        with zipfile.ZipFile(world / name, "w", zipfile.ZIP_DEFLATED) as made:
            for member, data in content.items():
                made.writestr(member, data)

    return change


def npz(compressed=False, **arrays):
    """A change: probe/probe.npz of these arrays; a function makes one of the world."""

    def change(world):
        (world / "probe").mkdir()
        save = np.savez_compressed if compressed else np.savez
        save(world / "probe/probe.npz", **{key: value(world) if callable(value) else value for key, value in arrays.items()})

    return change


def announced_npz(world):
    """probe.npz with a member whose header speaks of 2^45 numbers."""
    header = repr({"descr": "<f8", "fortran_order": False, "shape": (2**45,)}).encode().ljust(117) + b"\n"
    (world / "probe").mkdir()
    with zipfile.ZipFile(world / "probe/probe.npz", "w") as made:
        made.writestr("probe.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header)


def ark(table, content, offset=0):
    """A change: the first utterances of a table have their entry in x.ark, of content(world)."""

    def change(world):
        (world / "x.ark").write_bytes(content(world) if callable(content) else content)
        entries = dict.fromkeys(bad_inputs.UTTERANCES, f"{world}/x.ark:{offset}")
        if table == "train/wav.scp":
            entries = {f"s1_{number:02d}": entry for number, entry in enumerate(entries.values())}
        bad_inputs.write(world / table, entries)

    return change


def pickled_ark(world):
    return b"PKL" + pickle.dumps(Mark(world))


def matrix(rows, columns):
    """An ark's float matrix of that many rows and columns, of which nothing but the header is there."""
    return b"\0BFM \4" + struct.pack("<i", rows) + b"\4" + struct.pack("<i", columns)


def command(table, form):
    """A change: the entries of a table are a command, written as `form`."""

    def change(world):
        entry = form.format(f"mkdir {world}/mark")
        utterances = [f"s1_{number:02d}" for number in range(4)] if "train" in table else bad_inputs.UTTERANCES
        bad_inputs.write(world / table, dict.fromkeys(utterances, entry))

    return change


def hollow(name, begin=b""):
    """A change: a file of a GiB and one byte that takes no room: after its beginning it is a hole."""

    def change(world):
        with open(world / name, "wb") as stream:
            stream.write(begin)
            stream.truncate((1 << 30) + 1)

    return change


def safetensors(name, header, length=None):
    """A change: a safetensors file with this header, of which it says that it has another length."""
    text = json.dumps(header).encode()
    return put(name, struct.pack("<Q", len(text) if length is None else length) + text)


def code_beside(name, **values):
    """A change: the language model's folder brings a module of its own, and its JSON file asks for it."""

    def change(world):
        setting(name, **values)(world)
        (world / "llm/evil.py").write_text(f"import os\nos.mkdir({str(world / 'mark')!r})\nclass Evil:\n    pass\n")

    return change


def template(text):
    """A change: the system asks through its language model's chat template, which is this."""
    return several(setting("system/implicit/config.yaml", prompt_style="chat"), put("llm/chat_template.jinja", text))


def onnx(location=None, **metadata):
    """A change: x.onnx, with weights in another file, or with metadata of its own."""

    def change(world):
        from onnx import TensorProto, helper

        numbers = TensorProto(name="w", data_type=1, dims=[1], float_data=[1.0])
        if location:
            numbers = TensorProto(name="w", data_type=1, dims=[1], data_location=TensorProto.EXTERNAL)
            for key, value in (("location", location), ("offset", "0"), ("length", "4")):
                numbers.external_data.add(key=key, value=value)
        ends = [helper.make_tensor_value_info(name, 1, [1]) for name in "xy"]
        graph = helper.make_graph([helper.make_node("Add", ["x", "w"], ["y"])], "g", ends[:1], ends[1:], [numbers])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
        helper.set_model_props(model, metadata)
        (world / "x").mkdir()
        (world / "x/x.onnx").write_bytes(model.SerializeToString())

    return change


def whisper_dims(**dims):
    """A change: whisper.pt says that it has these sizes."""

    def change(world):
        import torch

        content = torch.load(world / "whisper.pt", weights_only=True)
        torch.save({**content, "dims": {**content["dims"], **dims}}, world / "evil.pt")

    return change


def backbone(**sizes):
    """A change: the configuration of Emotion2Vec-S asks for these sizes."""

    def change(world):
        path = world / "system/e2v_s/config.yaml"
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
        path.write_text(yaml.safe_dump({**values, "backbone_conf": {**values["backbone_conf"], **sizes}}), encoding="utf-8")

    return change


def slow(world):
    """A recording of one sample a second, which at 16 kHz is 16,000 times as long."""
    soundfile.write(world / "a-1.wav", np.full(100_000, 0.1), 1)


def announcing(world):
    """A recording whose header speaks of 2 GB."""
    content = (world / "a-1.wav").read_bytes()
    (world / "a-1.wav").write_bytes(content[:40] + struct.pack("<I", 2_000_000_000) + content[44:])


TAG = "!!python/object/apply:os.mkdir [mark]"
ALIASES = "a0: &a0 [x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 8)}]\n" for n in range(1, 20)
)
"""Nineteen lines that stand for 8²⁰ values."""
DEEP = "[" * 100_000
BIN = several(gone("llm/model.safetensors"), torch_file("llm/pytorch_model.bin", Mark))
HF = {"model_type": "whisper", "num_mel_bins": 80, "max_source_positions": 1500, "d_model": 16, "encoder_attention_heads": 2,
      "encoder_layers": 2, "vocab_size": 51, "max_target_positions": 8, "decoder_attention_heads": 2, "decoder_layers": 1}  # fmt: skip
HF_BIN = several(put("hf/config.json", json.dumps(HF)), torch_file("hf/pytorch_model.bin", Mark))
EXP = r"exp/.*|config\.yaml"

CASES = [
    # programs in weights
    Case("pickle", "a Whisper file", torch_file("evil.pt", Mark), FEATURES + "{w}/evil.pt", f"evil.pt: not an openai-whisper checkpoint .{NO_STATE}"),
    Case("pickle", "beside Whisper's weights", torch_file("evil.pt", lambda w: {"dims": {}, "model_state_dict": Mark(w)}), FEATURES + "{w}/evil.pt", NO_STATE),
    Case("pickle", "weights of a folder of Whisper", HF_BIN, FEATURES + "{w}/hf", f"hf/pytorch_model.bin: {NO_STATE}"),
    Case("pickle", "a system's weights", torch_file("system/implicit/model.pth", Mark), PREDICT, f"implicit/model.pth: {NO_STATE}"),
    Case("pickle", "weights of Emotion2Vec-S", torch_file("system/e2v_s/model.pth", Mark), PREDICT, f"e2v_s/model.pth: {NO_STATE}"),
    Case("pickle", "a language model's weights", BIN, PREDICT, "llm: no causal language model there .a pickle, or custom code, lies in it, which is not run"),
    Case("pickle", "a checkpoint to convert", torch_file("evil.pt", lambda w: {"a": Mark(w)}), CONVERT, "evil.pt: no checkpoint of the emotion2vec family"),
    Case("pickle", "a classifier to convert", torch_file("system/e2v_s/head.pth", lambda w: {"weight": Mark(w), "bias": 0}), "convert --from {w}/system/e2v_s --to {w}/out", "head.pth: its classifier is no linear layer"),
    Case("pickle", "without an archive around it", lambda w: put("evil.pt", pickle.dumps(Mark(w)))(w), CONVERT, "evil.pt: truncated, or not written by torch.save"),
    Case("pickle", "a training's checkpoint", torch_file("exp/checkpoint.pth", Mark), TRAIN, f"exp/checkpoint.pth: {NO_STATE}", leaves=EXP),
    Case("pickle", "an optimizer's state", torch_file("exp/checkpoint.pth", lambda w: {"model": {}, "reporter": {}, "optimizers": [Mark(w)], "schedulers": [None], "scaler": None}), TRAIN, f"exp/checkpoint.pth: {NO_STATE}", leaves=EXP),
    Case("pickle", "weights that a training starts from", torch_file("evil.pt", Mark), TRAIN + " --init_param {w}/evil.pt", f"evil.pt: {NO_STATE}", leaves=EXP),
    Case("pickle", "a probe", npz(probe=lambda w: np.array([Mark(w)], object)), EXPORT, "probe.npz: not a probe .*allow_pickle=False"),
    Case("pickle", "sound in an ark", ark("data/wav.scp", pickled_ark), DUMP, "a-1: .*x.ark:0: .*neither numbers nor sound"),
    Case("pickle", "features in an ark", ark("feats.scp", pickled_ark), PLOT, "x.ark:0: .*neither numbers nor sound"),
    Case("pickle", "an ark that a training reads", ark("train/wav.scp", pickled_ark), TRAIN, "x.ark:0: .*neither numbers nor sound", leaves=EXP),
    Case("pickle", "in the place of a SentencePiece model", several(gone("llm/tokenizer.json"), lambda w: put("llm/tokenizer.model", pickle.dumps(Mark(w)))(w)), CHECK_LLM, "llm: no tokenizer there"),
    # programs beside weights, in tables and templates
    Case("code", "beside a language model, asked for by its configuration", code_beside("llm/config.json", model_type="evil", auto_map={"AutoConfig": "evil.Evil", "AutoModelForCausalLM": "evil.Evil"}), CHECK_LLM, "llm: no causal language model there .*custom code, lies in it, which is not run"),
    Case("code", "beside a language model, asked for by its tokenizer", code_beside("llm/tokenizer_config.json", tokenizer_class="Evil", auto_map={"AutoTokenizer": ["evil.Evil", None]}), CHECK_LLM, "llm: no tokenizer there .*custom code, lies in it, which is not run"),
    Case("code", "an adapter that names modules", put("llm/adapter_config.json", json.dumps({"peft_type": "LORA", "base_model_name_or_path": "x", "megatron_core": "evil"})), CHECK_LLM, "llm: holds an adapter"),
    Case("code", "a chat template that looks behind its words", template("{{ messages[0].content.__class__.__mro__ }}{{ messages.append(1) }}"), PREDICT, "chat template does not take one turn of a user .*unsafe"),
    Case("code", "a chat template that counts to a milliard", template("{% for n in range(1000000000) %}a{% endfor %}"), PREDICT, "chat template does not take one turn of a user .*[Rr]ange"),
    Case("code", "a tag in a system's manifest", put("system/model.yaml", f"labels: {TAG}\n"), PREDICT, "model.yaml: not what stage 11 or 14 writes .*os.mkdir"),
    Case("code", "a tag in a decoding's configuration", put("decode.yaml", f"num_beams: {TAG}\n"), DECODE, "decode.yaml: .*os.mkdir"),
    Case("code", "a tag in a training's configuration", put("system/implicit/config.yaml", f"llm: {TAG}\n"), PREDICT, "implicit/config.yaml: .*os.mkdir"),
    Case("code", "a tag in the configuration of Emotion2Vec-S", put("system/e2v_s/config.yaml", f"backbone_conf: {TAG}\n"), "convert --from {w}/system/e2v_s --to {w}/out", "e2v_s/config.yaml: .*os.mkdir"),
    Case("command", "in wav.scp, read by a dump", command("data/wav.scp", "{} |"), DUMP, "a-1.*only with --allow_commands true"),
    Case("command", "in wav.scp, behind a bar", command("data/wav.scp", "| {}"), DUMP, "a-1.*no such file"),
    Case("command", "in wav.scp, read by the prosody", command("data/wav.scp", "{} |"), PROSODY, "a-1.*only with --allow_commands true"),
    Case("command", "in wav.scp, validated", command("data/wav.scp", "{} |"), f"{VALIDATE} --check-audio true", "a-1.*only with --allow_commands true"),
    Case("command", "in wav.scp, exported", command("data/wav.scp", "{} |"), "export-data --format lhotse --data_dir {w}/data --out_dir {w}/out", "a-1.*only files can be handed on"),
    Case("command", "in wav.scp, read for features", command("data/wav.scp", "{} |"), FEATURES + "{w}/whisper.pt", "a-1.*only with --allow_commands true", leaves=r"out/(layers|short|parts/inputs\.json)"),
    Case("command", "in wav.scp, decoded", several(put("decode.yaml", ""), command("data/wav.scp", "{} |")), DECODE, "mkdir.*only with --allow_commands true"),
    Case("command", "in an scp that a training reads", command("train/wav.scp", "{} |"), TRAIN, "mkdir.*no such file", leaves=EXP),
    # sizes that are not there
    Case("size", "a compressed checkpoint", deflated("system/implicit/model.pth"), PREDICT, "implicit/model.pth: .*compressed, as torch.save never does"),
    Case("size", "a compressed checkpoint to convert", several(lambda w: (w / "evil.pt").write_bytes((w / "whisper.pt").read_bytes()), deflated("evil.pt")), CONVERT, "evil.pt: .* is compressed"),
    Case("size", "a probe of zeros that unfold", npz(True, probe=np.zeros(1 << 20)), EXPORT, "probe.npz: not a probe .*compressed"),
    Case("size", "a probe that announces 256 TiB", announced_npz, EXPORT, "probe.npz: not a probe"),
    Case("size", "a matrix that announces 16 EiB", ark("feats.scp", matrix(2**31 - 1, 2**31 - 1)), PLOT, "x.ark:0: cannot be read"),
    Case("size", "a matrix of negative size", ark("feats.scp", matrix(-1, 4)), PLOT, "feats.scp: a-1: features of shape"),
    Case("size", "an ark's offset beyond the end", ark("data/wav.scp", b"a ", 999), DUMP, "a-1: .*x.ark:999: .*beyond the end"),
    Case("size", "an ark that is a hole", several(ark("data/wav.scp", b""), hollow("x.ark")), DUMP, "a-1: .*x.ark:0: .*neither numbers nor sound"),
    Case("size", "safetensors with a header of 2⁶² bytes", safetensors("llm/model.safetensors", {}, 2**62), PREDICT, "llm: no causal language model there"),
    Case("size", "safetensors of numbers beyond the end", safetensors("system/whisper.safetensors", {"a": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}), FEATURES + "{w}/system/whisper.safetensors", "whisper.safetensors: .*not a safetensors file"),
    Case("size", "a GGUF file of 2⁶⁰ tensors", put("x.gguf", b"GGUF" + struct.pack("<IQQ", 3, 2**60, 2**60)), "prepare-llm --gguf {w}/x.gguf --out_dir {w}/out", "x.gguf: not a GGUF"),
    Case("size", "Whisper of 16,384 channels", whisper_dims(n_audio_state=2**14), FEATURES + "{w}/evil.pt", "evil.pt: holds .*asks for"),
    Case("size", "Whisper of 2³⁰ layers", whisper_dims(n_audio_layer=2**30), FEATURES + "{w}/evil.pt", "evil.pt: no network has the sizes"),
    Case("size", "Emotion2Vec-S of 300,000 channels", backbone(dim=300_000), PREDICT, "e2v_s/model.pth: holds .*asks for"),
    Case("size", "Emotion2Vec-S of 2³⁰ blocks", backbone(depth=2**30), PREDICT, "e2v_s/model.pth: no network has the sizes"),
    Case("size", "a recording of 1 Hz", slow, PREDICT, "a-1.wav: 1 Hz: speech has 1,000 to"),
    Case("size", "a recording that announces 2 GB", announcing, PREDICT, "a-1.wav: truncated: its header announces 2000000000"),
    Case("size", "JSON, 100,000 levels deep", put("llm/config.json", DEEP), CHECK_LLM, "llm: no tokenizer there .*recursion"),
    Case("size", "a decoding's JSON, as deep", put("decode/decode.json", DEEP), SCORE, "decode.json: not JSON .nested too deeply"),
    Case("size", "a corpus' JSON, as deep", put("corpus/Emo-Emilia-ALL.jsonl", DEEP), "prepare-data --corpus emo_emilia --root {w}/corpus --data_dir {w}/out", "Emo-Emilia-ALL.jsonl:1: .*nested too deeply"),
    Case("size", "YAML, 5,000 levels deep", put("system/model.yaml", DEEP[:5000]), PREDICT, "model.yaml: .*nested too deeply"),
    Case("size", "YAML of 8²⁰ values in 20 lines", put("decode.yaml", ALIASES + "num_beams: *a19\n"), DECODE, "decode.yaml: its aliases unfold into more than 1,000,000 values"),
    Case("size", "YAML with the 45th of a month", put("decode.yaml", "num_beams: 2026-13-45\n"), DECODE, "decode.yaml: month must be"),
    Case("size", "a table of a GiB that is a hole", hollow("data/utt2emo"), SCORE, "data/utt2emo:1: zero bytes for the most part"),
    Case("size", "a table that goes on as a hole", hollow("data/utt2emo", b"a-1 sad\na-2 "), SCORE, "data/utt2emo:2: zero bytes for the most part"),
    Case("size", "a table that is a hole, validated", hollow("data/text", b"a-1 sad\na-2 "), VALIDATE, "data/text: zero bytes where its text should be"),
    Case("size", "a table of one line of 70 MB", lambda w: put("data/utt2emo", b"x" * 70_000_000)(w), SCORE, "data/utt2emo:1: a line of more than 67108864 bytes"),
    Case("size", "a manifest of a GiB", hollow("system/model.yaml", b"labels: [sad]\n"), PREDICT, "model.yaml: zero bytes where"),
    # files that are not its own
    Case("place", "a mode that is a path", bad_inputs.edit("system/model.yaml", "  implicit:", "  ../../implicit:"), PREDICT, "model.yaml: not what stage 11 or 14 writes"),
    Case("place", "an ONNX file that reads beside its folder", onnx("../a-1.wav"), "predict-onnx {w}/a-1.wav --model {w}/x/x.onnx", "x.onnx: onnxruntime cannot load it .*escapes"),
    Case("place", "an ONNX file that reads anywhere", onnx("/etc/hostname"), "predict-onnx {w}/a-1.wav --model {w}/x/x.onnx", "x.onnx: onnxruntime cannot load it .*[Aa]bsolute path"),
    Case("place", "an ONNX file with notes that are none", onnx(c2ser="1", labels="sad", sample_rate="fast"), "predict-onnx {w}/a-1.wav --model {w}/x/x.onnx", "x.onnx: not what c2ser export-onnx notes"),
]  # fmt: skip


class Resident:
    """How many MiB of memory this process had at most since then, beyond what it had: `taken`; Linux counts it."""

    def __enter__(self):
        Path("/proc/self/clear_refs").write_text("5")
        self._before, self.taken = _status("VmRSS"), 0
        return self

    def __exit__(self, *_):
        self.taken = (_status("VmHWM") - self._before) // 1024


def _status(name):
    return int(re.search(rf"^{name}:\s+(\d+)", Path("/proc/self/status").read_text(), re.M)[1])


def tell(case, world, folder):
    """What a case tells (`tests.bad_inputs.tell`), but for what it may leave, and the MiB that it took."""
    with mock.patch("builtins.input", return_value="y"), Resident() as memory:
        told = bad_inputs.tell(case, world, folder)
    left = [name for name in told.left if not re.fullmatch(case.leaves, name)]
    return told._replace(left=left + ["mark"] * (folder / "mark").exists()), memory.taken


WORDS = f"""\
# Hostile files, and what is said of them

Printed by `python -m tests.hostile_files`; `tests/test_hostile_files.py` asserts every message and status, and that
nothing is run, nothing written, and less than {MEMORY} MiB taken. [THREATS.md](../THREATS.md) says what is promised.

| file"""

if __name__ == "__main__":
    bad_inputs.print_page(CASES, build_world, lambda *given: tell(*given)[0], WORDS)
