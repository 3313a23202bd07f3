"""Whether two experiments ended alike: the same files with the same content, and nothing that is not whole."""

import re
from pathlib import Path

TIMED = ("**/log/*", "**/*.log", "**/events.out.tfevents.*", "**/.done*", "**/decode.json", "**/report.html",
         "**/*.shards")  # fmt: skip
"""What differs from run to run by its nature: logs and their numbers, times and sizes in markers, cost, dates."""
UNFINISHED = re.compile(r"\.(tmp|part|partial)$|\.tmp\.|^\.(lock|results\.txt|dist_init.*)$")
"""Names of what is half-written, or a lock."""
WAITING = re.compile(r"\.(begun|old)$|journal")
"""What an unfinished stage goes on from."""
LASTING = {"RESULTS.md": "\n## Date, speed and memory\n", "stability.md": "\n## Cost of each decoding\n"}
"""What follows these lines of the pages differs from run to run."""
COST = re.compile(r'"(seconds_per_utterance|peak_memory_bytes)": [^,}\n]*')

OF_ALL = ("data/all/wav.scp", "dump/all/wav.scp", "dump/prosody/utt2f0", "dump/whisper/whisper/layers.scp",
          "exp/t/fold1/features/tokens.scp")  # fmt: skip
OF_TEST = ("exp/t/fold1/probe_both/utt2pred", "exp/t/fold1/decode_explicit_test/utt2scored",
           "exp/t/fold1/decode_implicit_test/utt2pred")  # fmt: skip
"""Tables with a line for every recording, and for every utterance of the test set."""


def lost(folder, recordings):
    """Where utterances are missing, in words. recordings: how many there are."""
    with open(folder / "data/fold1/test/utt2spk", encoding="utf-8") as stream:
        tested = len(list(stream))
    wanted = {**dict.fromkeys(OF_ALL, recordings), **dict.fromkeys(OF_TEST, tested)}
    found = {name: len((folder / name).read_text(encoding="utf-8").splitlines()) for name in wanted}
    return [f"{name} has {found[name]} utterances instead of {wanted[name]}" for name in wanted if found[name] != wanted[name]]


def left_over(folder, begun=True):
    """Files and folders below `folder` that were never finished, or never given back. begun: also those of stages that have
    begun."""
    wanted = (UNFINISHED, WAITING) if begun else (UNFINISHED,)
    names = [path for path in files(folder) if any(pattern.search(path.name) for pattern in wanted)]
    return sorted(str(path.relative_to(folder)) for path in names)


def files(folder, dirs=True):
    """All paths below a folder, but not through links."""
    return [path for path in Path(folder).rglob("*") if (dirs or path.is_file()) and not through_link(path, folder)]


def through_link(path, folder):
    """Whether a link to a folder stands above a path."""
    return any(parent.is_symlink() for parent in path.parents if parent.is_relative_to(folder))


def differences(one, other):
    """What is not alike in two recipes' data, dump and exp, in words; [] where all is."""
    found, names = [], []
    for folder in (one, other):
        listed = {part: files(folder / part, dirs=False) for part in ("data", "dump", "exp")}
        names.append({str(path.relative_to(folder)) for part in listed.values() for path in part})
    timed = {name for name in names[0] | names[1] if "tfevents" in name or name.endswith(".log")}
    found += [f"{name} is missing" for name in sorted(names[0] - names[1] - timed)]
    found += [f"{name} is more than there should be" for name in sorted(names[1] - names[0] - timed)]
    for name in sorted(names[0] & names[1]):
        if not any(Path(name).match(pattern) or Path("x", name).match(pattern) for pattern in TIMED):
            roots = [str(folder.parents[1]).encode() for folder in (one, other)]
            if content(one / name, roots) != content(other / name, roots):
                found.append(f"{name} differs")
    return found


def content(path, roots):
    """What of a file must be the same in both: bytes without the folders' names, or the tensors of a checkpoint."""
    if path.suffix == ".pth":
        import torch

        return tensors(torch.load(path, map_location="cpu", weights_only=False))
    data = path.read_bytes()
    for root in roots:
        data = data.replace(root, b"ROOT")
    if path.name in LASTING:
        return re.sub(r"- Revision: .*", "", data.decode().partition(LASTING[path.name])[0])
    return COST.sub("", data.decode()) if path.suffix == ".json" else data


def tensors(state, name=""):
    """Name → bytes of each tensor in a checkpoint; of ESPnet's own, without its record of seconds."""
    import torch

    if isinstance(state, torch.Tensor):
        return {name: (str(state.dtype), tuple(state.shape), state.contiguous().view(torch.uint8).numpy().tobytes())
                if state.dim() else (str(state.dtype), state.item())}  # fmt: skip
    if isinstance(state, (list, tuple)):
        state = dict(enumerate(state))
    if not isinstance(state, dict):
        return {name: state}
    kept = {key: value for key, value in state.items() if key != "reporter"}
    return {key: value for part, inner in kept.items() for key, value in tensors(inner, f"{name}.{part}").items()}
