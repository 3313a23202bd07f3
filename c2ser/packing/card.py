"""The model card of a packed system: README.md in its folder."""

from dataclasses import dataclass, field
from pathlib import Path

from c2ser import __version__
from c2ser.evaluation.environment import git_revision
from c2ser.inference.emotion_encoder import read_config
from c2ser.packing import licences
from c2ser.packing.results import Results, shorten_paths

CARD, TEMPLATE = "README.md", "card.md"
LEAKS = "Not stated. Ask who packed it which speakers and sentences it was trained on before trusting a score."
MODES = {
    "implicit": "`implicit` answers with the class at once",
    "explicit": "`explicit` reasons first: it describes pace, pitch and volume, quotes the words, infers, names the class",
}


@dataclass
class Account:
    """What is known of a system besides its parts.

    title; results: a `Results` or None; corpora: `Corpus` of each that it was trained on; leaks: what it may have heard
    of its test sets, where `results` does not say so; notes: remarks; imported: whether the weights are the authors'
    released ones.
    """

    title: str
    results: Results | None = None
    corpora: list = field(default_factory=list)
    leaks: str = LEAKS
    notes: list = field(default_factory=list)
    imported: bool = False


def write_card(bundle, folder, account):
    """Write the model card of a packed system. bundle: of the copies in `folder`, an existing folder."""
    import jinja2

    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    template = jinja2.Environment(loader=loader, trim_blocks=True, lstrip_blocks=True).get_template(TEMPLATE)
    spoken = sorted({language for corpus in account.corpora for language in corpus.languages})
    names = [mode for mode in MODES if mode in bundle.modes]
    results = account.results
    text = template.render(
        title=(results.title if results else "") or account.title, version=__version__, hearing=_hearing(bundle, names),
        labels=bundle.labels, answers_in=bundle.languages, languages=sorted({*bundle.languages, *spoken}),
        spoken=", ".join(spoken) or "not stated", mode_names=names, modes=[MODES[mode] for mode in names],
        results=results, notes=[shorten_paths(note) for note in account.notes],
        leaks=(results.leaks if results else "") or shorten_paths(account.leaks),
        made=results.made if results else f"- Revision at packing: {git_revision()}",
        parts=_parts(bundle, folder, account.imported), corpora=account.corpora,
    )  # fmt: skip
    (folder / CARD).write_text(text.rstrip("\n") + "\n", encoding="utf-8")


def _hearing(bundle, modes):
    if read_config(bundle.modes[modes[0]]["config"]).text_only:
        return "It reads a transcript and hears nothing: an ablation."
    ears = ["Whisper's encoder"] * bool(bundle.whisper) + ["Emotion2Vec-S"] * bool(bundle.emotion)
    return f"It hears through {' and '.join(ears)}; a language model answers."


def _parts(bundle, folder, imported):
    ours = licences.RELEASED if imported else licences.OURS
    parts = {}
    for section in bundle.modes.values():
        parts[section["config"].parent.name] = "Connector and adapters", ours
    if bundle.emotion:
        parts[bundle.emotion["config"].parent.name] = "Emotion2Vec-S", _encoder_licence(bundle)
    if bundle.whisper:
        parts[bundle.whisper.name] = "Whisper's encoder", licences.whisper_licence(bundle.whisper)
    parts[bundle.llm.name] = "Language model", licences.llm_licence(bundle.llm)
    return [
        {"name": f"{what}, {name}" if name in bundle.modes else what, "files": f"`{name}`", "licence": licence,
         "size": f"{_size(folder / name) / 1e6:.1f}"}
        for name, (what, licence) in parts.items()
    ]  # fmt: skip


def _encoder_licence(bundle):
    return licences.CONVERTED if getattr(read_config(bundle.emotion["config"]), "converted", None) else licences.OURS


def _size(path):
    """Bytes of a file, or of all files in a folder."""
    return sum(one.stat().st_size for one in ([path] if path.is_file() else path.rglob("*")) if one.is_file())
