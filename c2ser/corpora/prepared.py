"""Reading back what `prepare` wrote for one corpus, every id with the corpus' name in front."""

from dataclasses import dataclass, field
from pathlib import Path

from c2ser.corpora.sets import SPLITS
from c2ser.datadir import DataDir
from c2ser.datadir.faults import some
from c2ser.datadir.operations import load, unknown_files
from c2ser.datadir.validate import REQUIRED
from c2ser.errors import InputError

PARTS = ("train", "train_nodev", "dev", "test")
"""The parts of a fold. train holds train_nodev and, where the corpus has folds, dev."""

DISJOINT = (("train", "test"), ("train_nodev", "dev"), ("train_nodev", "test"), ("dev", "test"))


@dataclass
class Prepared:
    """A prepared corpus. All ids start with `<name>_`.

    tables: those of its directory `all`, and utt2corpus. folds: number → part → utterances. official: part →
    utterances of its own train, dev and test; {} where it has none. A corpus has folds, official splits or neither.
    remarks: what of the folder takes no part.
    """

    name: str
    path: Path
    tables: dict[str, dict[str, str]]
    folds: dict[int, dict[str, list[str]]] = field(default_factory=dict)
    official: dict[str, list[str]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    @property
    def utterances(self):
        """All of its utterances, in order."""
        return list(self.tables["utt2spk"])

    def parts(self, fold):
        """Part → utterances in a joint fold.

        Official splits are the same in every fold. What has no such fold is for training, all of it.
        """
        if self.official:
            return self.official
        return self.folds.get(fold) or {"train": self.utterances, "train_nodev": self.utterances}

    @property
    def training(self):
        """What may be trained on when another corpus is tested: the official train, or all; [] for a test corpus."""
        return self.official.get("train", []) if self.official else self.utterances

    @property
    def dev(self):
        """The official dev, or that of the first fold; [] without."""
        first = self.official or next(iter(self.folds.values()), {})
        return first.get("dev", [])

    @property
    def testing(self):
        """What tests a model that was not trained on the corpus: its official test, or all; [] where it has no test."""
        return self.official.get("test", []) if self.official else self.utterances


def read_prepared(name, path):
    """Read the folder that c2ser prepare-data wrote for one corpus, as `Prepared`.

    Raises InputError where there is no such folder or no sets in it, `all` is not valid, a set holds what `all` does
    not, parts that must be disjoint share utterances, or folds and official splits lie side by side.
    """
    path = Path(path)
    if not path.is_dir():
        raise InputError(f"--corpus {name}={path}: no such folder; c2ser prepare-data --data_dir {path} writes it")
    if not (path / "all").is_dir():
        raise InputError(f"--corpus {name}={path}: no sets there, not even `all`; c2ser prepare-data writes them")
    if DataDir(path / "all").has("utt2corpus"):
        raise InputError(f"{path}/all/utt2corpus: corpora that are joined already; name them one by one")
    numbers = sorted(int(folder.name[4:]) for folder in path.glob("fold*") if folder.name[4:].isdigit())
    splits = [split for split in SPLITS if (path / split).is_dir()]
    if numbers and splits:
        raise InputError(
            f"{path} holds folds and {', '.join(splits)}; one of the two is left from an earlier run: remove it"
        )
    loaded = load(path / "all", [table for table in REQUIRED if table != "text"], spk_sort=True)
    corpus = Prepared(name, path, with_prefix(loaded, f"{name}_"))
    corpus.tables["utt2corpus"] = dict.fromkeys(corpus.utterances, name)
    for number in numbers:
        corpus.folds[number] = _read_parts(corpus, f"fold{number}/", PARTS, required=("train", "test"))
    if splits:
        corpus.official = _read_parts(corpus, "", SPLITS)
    corpus.remarks += _left_behind(corpus, loaded)
    return corpus


def with_prefix(tables, prefix):
    """The same tables with `prefix` before every utterance, speaker and recording id; without spk2utt."""
    renamed = {
        table: {f"{prefix}{key}": value for key, value in values.items()}
        for table, values in tables.items()
        if table != "spk2utt"
    }
    for table in ("utt2spk", "segments"):  # the two whose values start with an id
        if table in renamed:
            renamed[table] = {key: f"{prefix}{value}" for key, value in renamed[table].items()}
    return renamed


def _read_parts(corpus, folder, parts, required=()):
    """Part → utterances of the sets in a folder; train_nodev is made where there is none."""
    found, everything = {}, corpus.tables["utt2spk"]
    for part in parts:
        path = corpus.path / f"{folder}{part}"
        if not path.is_dir() and part not in required:
            continue
        found[part] = [f"{corpus.name}_{utterance}" for utterance in DataDir(path).utterances()]
        strangers = [utterance for utterance in found[part] if utterance not in everything]
        if strangers:
            names = some(utterance.removeprefix(f"{corpus.name}_") for utterance in strangers)
            raise InputError(
                f"{path}/utt2spk: {len(strangers)} utterances are not in {corpus.path}/all: {names}; "
                "prepare the corpus again"
            )
    if "train" in found and "train_nodev" not in found:
        dev = set(found.get("dev", ()))
        found["train_nodev"] = [utterance for utterance in found["train"] if utterance not in dev]
    for one, other in DISJOINT:
        shared = set(found.get(one, ())).intersection(found.get(other, ()))
        if shared:
            names = some(utterance.removeprefix(f"{corpus.name}_") for utterance in sorted(shared))
            raise InputError(
                f"{corpus.path}/{folder}{one} and {folder}{other} share {len(shared)} utterances: {names}; "
                "prepare the corpus again"
            )
    unused = len(everything) - len(set().union(*found.values()))
    if unused:
        where = f"part of {folder.rstrip('/')}" if folder else "official split"
        corpus.remarks.append(f"{unused} utterances are in all and in no {where}")
    return found


def _left_behind(corpus, loaded):
    """Remarks on tables and files of a prepared corpus that take no part."""
    remarks, path = [], corpus.path
    sets = [path / f"fold{number}" / part for number, parts in corpus.folds.items() for part in parts]
    sets += [path / split for split in corpus.official]
    beyond = sorted({table for folder in sets for table in DataDir(folder).tables()}.difference(loaded))
    if beyond:
        remarks.append(f"{', '.join(beyond)} of single sets left out, since all has none: make them for the joint sets")
    lists = unknown_files(path / "all")
    if lists:
        remarks.append(f"not carried over, being no tables of a data directory: {', '.join(lists)} of {path}/all")
    return remarks
