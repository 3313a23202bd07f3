"""What commands say of bad input: `python -m tests.bad_inputs` prints the table of docs/bad_inputs.md.

Every case changes a small sound world (a data directory, predictions, a system, a language model) in one place and runs
one command on it. `tests/test_bad_inputs.py` asserts each message and status, and that nothing is left half-written.
"""

import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import yaml

ROOT = Path(__file__).resolve().parents[1]
UTTERANCES = {"a-1": "sad", "a-2": "happy", "b-1": "happy", "b-2": "angry"}


class Case(NamedTuple):
    """kind: of the input; what: is bad about it; change: makes it so, in the folder of the world; command: its words, with
    {w} for that folder; message: what it says, a regular expression; status: its exit status."""

    kind: str
    what: str
    change: object
    command: str
    message: str
    status: int = 1


class Told(NamedTuple):
    """What a run of a case said and left: its lines, status, and the files that appeared or changed."""

    lines: list
    status: int
    left: list


def build_world(folder):
    """The sound world: data/, decode/, system/, llm/, whisper.pt, model.pth of Emotion2Vec-S with its config.yaml."""
    from tests import builders

    data = folder / "data"
    data.mkdir()
    rows = {"utt2spk": {}, "utt2emo": UTTERANCES, "wav.scp": {}, "text": {}, "utt2lang": {}, "utt2dur": {}, "utt2num_samples": {}}
    for number, utterance in enumerate(UTTERANCES):
        wave = 0.1 * np.sin(np.arange(8000) * (0.05 + 0.01 * number))
        soundfile.write(folder / f"{utterance}.wav", wave, 16000)
        rows["wav.scp"][utterance] = str(folder / f"{utterance}.wav")
        rows["utt2spk"][utterance], rows["utt2lang"][utterance] = utterance[0], "en"
        rows["text"][utterance], rows["utt2dur"][utterance], rows["utt2num_samples"][utterance] = "well then", "0.5", "8000"
    for name, table in rows.items():
        write(data / name, table)
    write(data / "utt2style", dict.fromkeys(UTTERANCES, "speed=low pitch=medium volume=high"))
    write(data / "spk2utt", {"a": "a-1 a-2", "b": "b-1 b-2"})
    (folder / "decode").mkdir()
    write(folder / "decode/utt2pred", UTTERANCES)
    (folder / "decode/labels").write_text("angry\nhappy\nsad\n")
    posterior = {"angry": "0.8 0.1 0.1", "happy": "0.1 0.8 0.1", "sad": "0.1 0.1 0.8"}
    write(folder / "decode/posteriors", {utterance: posterior[label] for utterance, label in UTTERANCES.items()})
    llm, whisper = builders.language_model(folder / "llm"), builders.whisper_file(folder / "whisper.pt")
    builders.system(folder / "system", llm, whisper)


def write(path, table):
    path.write_text("".join(f"{key} {value}\n" for key, value in table.items()), encoding="utf-8")


def edit(name, old, new, times=1):
    """A change: the first `old` in a file becomes `new`, texts or bytes."""
    old, new = (one.encode() if isinstance(one, str) else one for one in (old, new))

    def change(world):
        content = (world / name).read_bytes()
        assert old in content, (name, old)
        (world / name).write_bytes(content.replace(old, new, times))

    return change


def put(name, content):
    """A change: a file of that content, text or bytes."""

    def change(world):
        (world / name).parent.mkdir(parents=True, exist_ok=True)
        (world / name).write_bytes(content.encode() if isinstance(content, str) else content)

    return change


def recode(name, encoding):
    """A change: a file in another encoding."""
    return lambda world: (world / name).write_bytes((world / name).read_text(encoding="utf-8").encode(encoding))


def cut(name, size):
    """A change: only the first `size` bytes are left."""
    return lambda world: (world / name).write_bytes((world / name).read_bytes()[:size])


def remove(name):
    """A change: the file or folder is not there."""
    return lambda world: shutil.rmtree(world / name) if (world / name).is_dir() else (world / name).unlink()


def setting(name, **values):
    """A change: keys of a YAML or JSON file; None removes one."""

    def change(world):
        load = json.loads if name.endswith(".json") else yaml.safe_load
        kept = {**load((world / name).read_text(encoding="utf-8")), **values}
        kept = {key: value for key, value in kept.items() if value is not None}
        dump = json.dumps if name.endswith(".json") else yaml.safe_dump
        (world / name).write_text(dump(kept), encoding="utf-8")

    return change


def stereo(world):
    soundfile.write(world / "a-1.wav", np.zeros((800, 2)), 16000)


def nan_wave(world):
    soundfile.write(world / "a-1.wav", np.full(800, np.nan), 16000, subtype="FLOAT")


def pickled(world):
    """Weights as a pickle that would run a command."""
    import torch

    torch.save({"a": Evil()}, world / "system/implicit/model.pth")
    torch.save({"a": Evil()}, world / "evil.pt")


class Evil:
    def __reduce__(self):
        return os.system, ("true",)


def nothing(world):
    """No change: the command itself is wrong."""


VALIDATE = "validate-data-dir {w}/data"
SCORE = "score --data_dir {w}/data --decode_dir {w}/decode --out {w}/out.json --draws 10"
PREDICT = "predict {w}/a-1.wav --model {w}/system"
DUMP = "dump-audio --data_dir {w}/data --out_dir {w}/out"
COT = "make-cot --data_dir {w}/data"
PROSODY = "extract-prosody --data_dir {w}/data --out_dir {w}/out"
DECODE = ("decode --model {w}/system --mode implicit --data_dir {w}/data --audio_scp {w}/data/wav.scp --out_dir {w}/out "
          "--config {w}/decode.yaml")  # fmt: skip
BUNDLE = ("make-bundle --train_dir {w}/data --llm {w}/llm --whisper {w}/whisper.pt --mode implicit "
          "{w}/system/implicit/config.yaml {w}/system/implicit/model.pth --out_dir {w}/out")  # fmt: skip
CHECK_LLM = "prepare-llm --check {w}/llm"
FEATURES = "extract-features --audio_scp {w}/data/wav.scp --num_samples {w}/data/utt2num_samples --out_dir {w}/out --checkpoint "
RECIPE = "recipe "
UTF16 = r"not UTF-8; it seems to be UTF-16: iconv -f UTF-16 -t UTF-8 \S+ > NEW converts it"

CASES = [
    # tables
    Case("table", "in UTF-16, read by score", recode("data/utt2emo", "utf-16"), SCORE, f"data/utt2emo:1: {UTF16}"),
    Case("table", "in UTF-16, validated", recode("data/text", "utf-16"), VALIDATE, f"data/text:1: {UTF16}"),
    Case("table", "in UTF-16 without a mark", recode("data/utt2emo", "utf-16-le"), SCORE, "seems to be UTF-16-LE: iconv -f UTF-16LE"),
    Case("table", "in GB18030", put("data/text", "a-1 他说好\n".encode("gb18030")), COT, "data/text:1: .*seems to be GB18030"),
    Case("table", "in CP1252", put("data/text", "a-1 perché\n".encode("cp1252")), COT, "data/text:1: .*seems to be CP1252"),
    Case("table", "a broken character", edit("data/text", "well", b"\xffwell " + "他说好".encode()), COT, "data/text:1: not UTF-8: a broken char"),
    Case("table", "a byte order mark", edit("data/utt2emo", "a-1", b"\xef\xbb\xbfa-1"), SCORE, "data/utt2emo:1: .*byte order mark; utils/fix"),
    Case("table", "Windows line ends", edit("data/utt2emo", "\n", "\r\n", -1), SCORE, "data/utt2emo:1: carriage return .*fix_data_dir"),
    Case("table", "not sorted", edit("data/utt2emo", "a-1 sad\na-2 happy", "a-2 happy\na-1 sad"), SCORE, "utt2emo:2: a-1 stands after a-2"),
    Case("table", "an id twice", edit("data/utt2emo", "a-2", "a-1"), SCORE, "data/utt2emo:2: duplicate id a-1; remove one"),
    Case("table", "no value", edit("data/utt2emo", "a-1 sad", "a-1"), SCORE, "data/utt2emo:1: a-1 has no value"),
    Case("table", "a blank line", edit("data/utt2emo", "a-2", "\na-2"), SCORE, "data/utt2emo:2: blank line"),
    Case("table", "empty", put("data/utt2emo", ""), SCORE, "data/utt2emo: no utterances"),
    Case("table", "not there", remove("data/utt2emo"), SCORE, "data/utt2emo: no such file"),
    # data directories
    Case("data directory", "not there", remove("data"), VALIDATE, "data: no such directory; make it with stage 1"),
    Case("data directory", "a file", put("file", ""), "validate-data-dir {w}/file", "file: no such directory"),
    Case("data directory", "an utterance without a speaker", edit("data/utt2spk", "a-2 a\n", ""), VALIDATE, "a-2.*utt2spk"),
    Case("data directory", "an id without its speaker in front", edit("data/utt2spk", "a-1 a", "a-1 c"), VALIDATE, "utt2spk:1: a-1"),
    Case("data directory", "spk2utt of others", edit("data/spk2utt", "a-2", "a-3"), VALIDATE, "spk2utt.*a-3|spk2utt"),
    Case("data directory", "a length that is no number", edit("data/utt2dur", "0.5", "half"), VALIDATE, "utt2dur:1: a-1: duration 'half'"),
    Case("data directory", "a recording that is not there", remove("a-1.wav"), f"{VALIDATE} --check-audio true", "a-1.wav"),
    Case("data directory", "nothing in common", put("data/wav.scp", "z-1 z.wav\n"), "fix-data-dir {w}/data", "no utterance is in every"),
    Case("data directory", "a folder in its place", lambda w: ((w / "data/utt2emo").unlink(), (w / "data/utt2emo").mkdir()), SCORE, "data/utt2emo: no such file"),
    # labels
    Case("label", "unknown", edit("data/utt2emo", "sad", "angst"), SCORE, "data/utt2emo: 1 of 4 .* unknown label, first: a-1 angst; known are"),
    Case("label", "nan, as pandas writes an empty cell", edit("data/utt2emo", "sad", "nan"), VALIDATE, "utt2emo:1: a-1: unknown emotion 'nan'"),
    Case("label", "of another spelling", edit("data/utt2emo", "sad", "Sadness"), VALIDATE, "emotion 'Sadness' is written 'sad' here"),
    Case("label", "a language's name for its code", edit("data/utt2lang", "en", "english"), VALIDATE, "'english' is no language code"),
    Case("label", "a code that means another", edit("data/utt2lang", "en", "cn"), VALIDATE, "'cn' is no language code; write 'zh'"),
    Case("label", "a language without templates", edit("data/utt2lang", "en", "sw"), COT, "."),
    Case("label", "votes of another form", put("data/utt2votes", "a-1 sad=2\n"), SCORE, "utt2votes:1: a-1"),
    # audio files
    Case("audio", "not there", remove("a-1.wav"), PREDICT, "a-1.wav: no such file"),
    Case("audio", "empty", put("a-1.wav", ""), PREDICT, "a-1.wav"),
    Case("audio", "a text", put("a-1.wav", "no sound\n" * 99), PREDICT, "a-1.wav"),
    Case("audio", "cut", cut("a-1.wav", 4000), PREDICT, "a-1.wav"),
    Case("audio", "a header alone", cut("a-1.wav", 44), PREDICT, "a-1.wav"),
    Case("audio", "two channels", stereo, PREDICT, "a-1.wav.*channel"),
    Case("audio", "a channel that is not there", nothing, f"{PREDICT} --channel 3", "."),
    Case("audio", "not finite", nan_wave, PREDICT, "a-1.wav"),
    Case("audio", "a folder", lambda w: ((w / "a-1.wav").unlink(), (w / "a-1.wav").mkdir()), PREDICT, "a-1.wav"),
    Case("audio", "cut, in a dump", cut("a-1.wav", 4000), DUMP, "a-1.*a-1.wav"),
    Case("audio", "a command that may not run", put("data/wav.scp", "a-1 cat x |\n"), DUMP, "a-1.*allow_commands"),
    Case("audio", "a command that fails", put("data/wav.scp", "a-1 false |\n"), f"{DUMP} --allow_commands true", "a-1.*false"),
    Case("audio", "an ark that is not there", put("data/wav.scp", "a-1 none.ark:5\n"), DUMP, "a-1.*none.ark"),
    # predictions
    Case("predictions", "not there", remove("decode"), SCORE, "decode"),
    Case("predictions", "in UTF-16", recode("decode/utt2pred", "utf-16"), SCORE, f"decode/utt2pred:1: {UTF16}"),
    Case("predictions", "an utterance missing", edit("decode/utt2pred", "a-1 sad\n", ""), SCORE, "utt2pred: 1 of 4 utterances are missing, first: a-1"),
    Case("predictions", "of other utterances", edit("decode/utt2pred", "b-2", "c-2"), SCORE, "not in .*utt2emo, first: c-2"),
    Case("predictions", "an unknown class", edit("decode/utt2pred", "sad", "glad"), SCORE, "utt2pred: 1 of 4 .*first: a-1 glad"),
    Case("predictions", "posteriors that are none", edit("decode/posteriors", "0.8", "1.8"), SCORE, "posteriors:1: a-1: .*sum to 1"),
    Case("predictions", "posteriors of another length", edit("decode/posteriors", " 0.8", ""), SCORE, "posteriors:1: a-1: 2 posteriors for 3"),
    Case("predictions", "a posterior that is no number", edit("decode/posteriors", "0.8", "high"), SCORE, "posteriors:1: a-1: .*not a number"),
    Case("predictions", "decode.json that is not JSON", put("decode/decode.json", "{"), SCORE, "decode.json: not JSON"),
    Case("predictions", "decode.json in UTF-16", put("decode/decode.json", "{}".encode("utf-16")), SCORE, f"decode.json: {UTF16}"),
    Case("predictions", "a file of answers without any", put("answers", "\n\n"), "score {w}/data {w}/answers", "answers: holds no answers"),
    Case("predictions", "answers of other utterances", put("answers", "z-9 sad\n"), "score {w}/data {w}/answers", "answers"),
    # options
    Case("option", "an unknown command", nothing, "recite", "unknown command 'recite'; c2ser --help lists them", 2),
    Case("option", "an unknown option", nothing, f"{SCORE} --draw_s 5", "unrecognized arguments: --draw_s", 2),
    Case("option", "a required one is absent", nothing, "predict {w}/a-1.wav", "required: --model", 2),
    Case("option", "no number", nothing, f"{SCORE} --seed one", "--seed: invalid int value: 'one'", 2),
    Case("option", "neither true nor false", nothing, f"{DUMP} --skip_bad yes", "--skip_bad: 'yes': expected true or false", 2),
    Case("option", "an unknown choice", nothing, f"{PREDICT} --mode aloud", "--mode: invalid choice: 'aloud'", 2),
    Case("option", "no draws", nothing, SCORE.replace("10", "0"), "draws"),
    Case("option", "no batch", nothing, f"{PREDICT} --batch_size 0", "batch_size"),
    Case("option", "an unknown device", nothing, f"{PREDICT} --device tpu9", "tpu9"),
    Case("option", "a job beyond the number of jobs", nothing, f"{DECODE} --job 3 --num_jobs 2", "--job 3 of --num_jobs 2: expected 1 to 2"),
    Case("option", "more sets than decodings", nothing, "score --data_dir {w}/data {w}/data --decode_dir {w}/decode --out {w}/o.json", "decode_dir"),
    Case("option", "an unknown corpus", nothing, "prepare-data --corpus nowhere --root {w} --data_dir {w}/out", "nowhere"),
    Case("option", "a corpus' folder that is not there", nothing, "prepare-data --corpus emovo --root {w}/none --data_dir {w}/out", "none: .*"),
    Case("option", "a corpus' folder of something else", nothing, "prepare-data --corpus emovo --root {w}/llm --data_dir {w}/out", "does not hold"),
    Case("option", "a module of one's own that is not there", nothing, "prepare-data --corpus {w}/my.py --root {w} --data_dir {w}/out", "my.py"),
    Case("option", "more parts than speakers", nothing, "split-data-dir {w}/data 9", "9"),
    Case("option", "a subset of unknown ids", put("ids", "z-1\n"), "subset-data-dir --utt-list {w}/ids {w}/data {w}/out", "z-1"),
    # configurations
    Case("configuration", "not there", nothing, DECODE, "decode.yaml: no such file"),
    Case("configuration", "an unknown key", put("decode.yaml", "beams: 3\n"), DECODE, "decode.yaml: .*beams.*the keys are"),
    Case("configuration", "a value that cannot be", put("decode.yaml", "num_beams: 0\n"), DECODE, "decode.yaml: .*num_beams"),
    Case("configuration", "a word where a number stands", put("decode.yaml", "num_beams: many\n"), DECODE, "decode.yaml: .*num_beams"),
    Case("configuration", "a list for keys", put("decode.yaml", "- 1\n"), DECODE, "decode.yaml"),
    Case("configuration", "no YAML", put("decode.yaml", "a: [\n"), DECODE, "decode.yaml"),
    Case("configuration", "in UTF-16", put("decode.yaml", "num_beams: 1\n".encode("utf-16")), DECODE, f"decode.yaml: {UTF16}"),
    Case("configuration", "a manifest that is not there", remove("system/model.yaml"), PREDICT, "model.yaml: no such file"),
    Case("configuration", "a manifest without its parts", setting("system/model.yaml", modes=None), PREDICT, "model.yaml: not what stage"),
    Case("configuration", "a manifest in UTF-16", recode("system/model.yaml", "utf-16"), PREDICT, f"model.yaml: {UTF16}"),
    Case("configuration", "a manifest that names what is gone", remove("system/implicit"), PREDICT, "model.yaml: names .*not there"),
    Case("configuration", "a manifest without modes", setting("system/model.yaml", modes={}), PREDICT, "model.yaml: not what stage"),
    Case("configuration", "the mode is not there", edit("system/model.yaml", "  implicit:", "  other:"), PREDICT, "mode 'implicit': this system has explicit"),
    Case("configuration", "a training's that is a list", put("system/implicit/config.yaml", "- 1\n"), PREDICT, "config.yaml: not the config"),
    Case("configuration", "a training's with an unknown key", lambda w: setting("system/implicit/config.yaml", connector_conf={"layers": 9})(w), PREDICT, "configuration: .*layers"),
    # checkpoints
    Case("checkpoint", "a pickle that would run a command", pickled, PREDICT, "model.pth: not a state dict that loads with weights_only"),
    Case("checkpoint", "cut", cut("system/implicit/model.pth", 999), PREDICT, "implicit/model.pth: not a state dict"),
    Case("checkpoint", "of another model", lambda w: shutil.copy(w / "system/e2v_s/model.pth", w / "system/implicit/model.pth"), PREDICT, "implicit/model.pth"),
    Case("checkpoint", "an unknown layout", put("x.pt", "text"), "convert --from {w}/x.pt --to {w}/out", "x.pt"),
    Case("checkpoint", "of Emotion2Vec-S, without its configuration", remove("system/e2v_s/config.yaml"), "convert --from {w}/system/e2v_s --to {w}/out", "config.yaml"),
    Case("checkpoint", "Whisper's, not there", nothing, f"{FEATURES}{{w}}/none.pt", "none.pt: no such file or folder; tools/download"),
    Case("checkpoint", "Whisper's, a pickle", pickled, f"{FEATURES}{{w}}/evil.pt", "evil.pt: not an openai-whisper checkpoint"),
    Case("checkpoint", "Whisper's, the folder of another model", nothing, f"{FEATURES}{{w}}/llm", "llm: a model of type llama; a Whisper model is needed"),
    Case("checkpoint", "Whisper's, a folder without a configuration", nothing, f"{FEATURES}{{w}}/decode", "decode/config.json: no such file"),
    Case("checkpoint", "of ONNX, a text", put("x.onnx", "text"), "predict-onnx {w}/a-1.wav --model {w}/x.onnx", "x.onnx"),
    # language models' folders
    Case("language model", "not there", remove("llm"), CHECK_LLM, "llm: no"),
    Case("language model", "without a tokenizer", lambda w: [p.unlink() for p in (w / "llm").glob("*token*")], CHECK_LLM, "llm: no tokenizer there"),
    Case("language model", "without weights", remove("llm/model.safetensors"), PREDICT, "llm: no causal language model there"),
    Case("language model", "weights cut", cut("llm/model.safetensors", 999), PREDICT, "llm"),
    Case("language model", "config.json that is not JSON", put("llm/config.json", "{"), CHECK_LLM, "llm"),
    Case("language model", "a family that cannot be used", setting("llm/config.json", model_type="mamba"), CHECK_LLM, "mamba cannot be used"),
    Case("language model", "a family that is unknown", setting("llm/config.json", model_type="llama9"), CHECK_LLM, "llm: no .* there .*llama9"),
    Case("language model", "no end of answers", lambda w: no_end(w), CHECK_LLM, "llm: its tokenizer has no end-of-sequence token"),
    Case("language model", "fewer embeddings than tokens", setting("llm/config.json", vocab_size=2), CHECK_LLM, "the model has 2 embeddings"),
    Case("language model", "a GGUF file that is none", put("x.gguf", "text"), "prepare-llm --gguf {w}/x.gguf --out_dir {w}/out", "x.gguf: not a GGUF"),
    Case("language model", "from scratch, of too few texts", put("t", "a-1\n"), "prepare-llm --texts {w}/t --out_dir {w}/out", "t: no tokenizer of --vocab_size"),
    # recipes
    Case("recipe", "an unknown option", nothing, f"{RECIPE}--whiser x.pt", "--whiser"),
    Case("recipe", "a stage that is none", nothing, f"{RECIPE}--stage 15", "--stage 15: expected a whole number from 1 to 14"),
    Case("recipe", "an end before the start", nothing, f"{RECIPE}--stage 5 --stop_stage 4", "--stop_stage 4: comes before --stage 5"),
    Case("recipe", "a switch that is neither true nor false", nothing, f"{RECIPE}--force maybe", "force"),
    Case("recipe", "a Whisper that is not there", nothing, f"{RECIPE}--whisper none.pt", "--whisper none.pt: expected an openai-whisper file"),
    Case("recipe", "a language model that is not there", nothing, f"{RECIPE}--llm nowhere", "--llm nowhere: expected a folder with config.json"),
    Case("recipe", "a tag that cannot be a folder", nothing, f"{RECIPE}--tag a/b", "--tag 'a/b': expected letters"),
    Case("recipe", "a fold that is none", nothing, f"{RECIPE}--folds 0", "--folds 0: expected numbers"),
    Case("recipe", "shortest beyond longest", nothing, f"{RECIPE}--min_seconds 9 --max_seconds 3", "--min_seconds 9: not below --max_seconds 3"),
]  # fmt: skip


def no_end(world):
    setting("llm/tokenizer_config.json", eos_token=None)(world)
    setting("llm/config.json", eos_token_id=None)(world)
    (world / "llm/generation_config.json").unlink(missing_ok=True)
    (world / "llm/special_tokens_map.json").unlink(missing_ok=True)


def files(folder):
    """Path → content of every file below a folder; of large ones size and time."""
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        state = path.stat()
        large = state.st_size > 1 << 20
        found[str(path.relative_to(folder))] = (state.st_size, state.st_mtime_ns) if large else path.read_bytes()
    return found


def tell(case, world, folder):
    """Run a case in `folder`, on a copy of the world: what it tells."""
    shutil.copytree(world, folder)
    for name in ("data/wav.scp", "system/model.yaml"):  # which name their parts
        path = folder / name
        path.write_text(path.read_text(encoding="utf-8").replace(str(world), str(folder)), encoding="utf-8")
    case.change(folder)
    before, words = files(folder), [word.format(w=folder) for word in case.command.split()]
    status, said = recipe(words[1:]) if words[0] == "recipe" else run(words)
    now = files(folder)
    left = sorted(name for name in now.keys() | before.keys() if now.get(name) != before.get(name))
    lines = [line.strip() for line in re.split("[\r\n]+", said.replace(f"{folder}/", "").replace(str(folder), ".")) if line.strip()]
    first = next((n for n, line in enumerate(lines) if re.match(r"error: |c2ser \S+: error: |validate_data_dir: |\./run|Trace", line)), 0)
    return Told(lines[first:], status, left)


def run(words):
    """Run `c2ser …` here: its status and what it wrote on stderr."""
    from c2ser import cli

    said, argv = io.StringIO(), sys.argv
    sys.argv = ["c2ser", *words]
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            cli.main()
        status = 0
    except SystemExit as left:
        status = left.code or 0
    except Exception as error:  # what a person would see as a traceback
        return 70, f"{said.getvalue()}\nTraceback: {error!r}"
    finally:
        sys.argv = argv
    return status, said.getvalue()


def recipe(words):
    """Run a recipe: its status and what it says."""
    done = subprocess.run(
        ["./run.sh", *words], cwd=ROOT / "egs/emovo/c2ser1", capture_output=True, text=True, env={**os.environ, "EMOVO": ""}
    )
    return done.returncode, done.stderr or done.stdout


def row(case, told):
    """A line of the table: input, message, status."""
    message = " ".join(told.lines).replace("|", "\\|").replace("`", "'")
    return f"| {case.kind}: {case.what} | `{message}` | {told.status} |"


def print_page(cases, build, tell, words):
    """Print the page of a table of cases: its heading `words`, then what `tell` tells of each. build: fills the folder that
    all begin with. Cases named on the command line alone are printed with all there is to them on stderr, as are wrong ones."""
    only = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        world = Path(folder, "world")
        world.mkdir()
        with contextlib.redirect_stdout(io.StringIO()):  # libraries talk as they are imported
            build(world)
        print(f"{words} | message | status |\n|:--|:--|--:|")
        for number, case in enumerate(cases):
            if not only or any(word in f"{case.kind}: {case.what}" for word in only):
                told = tell(case, world, Path(folder, f"w{number}"))
                print(row(case, told), flush=True)
                if only or told.left or not re.search(case.message, " ".join(told.lines)) or told.status != case.status:
                    print("     !!", told, file=sys.__stderr__, flush=True)


WORDS = """\
# Bad input, and what is said of it

Printed by `python -m tests.bad_inputs`; every message and status is asserted by `tests/test_bad_inputs.py`.

| input"""

if __name__ == "__main__":
    print_page(CASES, build_world, tell, WORDS)
