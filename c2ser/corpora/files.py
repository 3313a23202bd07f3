"""Finding a corpus in a directory tree, and making ids from names."""

import os
import unicodedata
from pathlib import Path

from c2ser.errors import InputError

AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".mp4", ".m4a", ".mkv", ".aif", ".aiff", ".au")


def is_audio(name):
    """Whether a file name looks like audio; macOS side files (`._name`) do not."""
    return name.lower().endswith(AUDIO_SUFFIXES) and not name.startswith("._")


def find_root(root, belongs, wanted, depth=2):
    """The first directory at or below `root` (breadth first, in byte order) for which `belongs(path)` is true.

    wanted: what a user should see there, for the message. Raises InputError where root is no directory, is empty, or
    nothing fits within `depth` levels.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"{root}: no such directory; set the corpus's path in db.sh")
    level = [root]
    for _ in range(depth + 1):
        for directory in level:
            if belongs(directory):
                return directory
        level = [Path(child) for directory in level for child in subdirectories(directory)]
    raise InputError(
        f"{root}: does not hold {wanted}, nor does anything {depth} levels below; correct its path in db.sh"
    )


def subdirectories(directory):
    """Paths of the visible subdirectories, in byte order."""
    with os.scandir(directory) as entries:
        return sorted(entry.path for entry in entries if entry.is_dir() and not entry.name.startswith("."))


def walk_audio(directory):
    """Yield (path, names of the directories between `directory` and the file, file name) of all audio, sorted."""
    base = str(directory)
    for folder, folders, names in os.walk(base):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        between = () if folder == base else tuple(os.path.relpath(folder, base).split(os.sep))
        for name in sorted(names):
            if is_audio(name):
                yield os.path.join(folder, name), between, name


def kaldi_id(name):
    """A name as a part of an id: composed Unicode letters, digits and dots, everything else one underscore.

    Nothing in it sorts before the hyphen that ends a speaker id, so that utterances sorted by id are sorted by
    speaker as well. Raises InputError where nothing is left.
    """
    kept = ("L", "M", "N")  # letters, the marks that belong to them in many scripts, numbers
    letters = [c if unicodedata.category(c)[0] in kept or c == "." else " " for c in unicodedata.normalize("NFC", name)]
    made = "_".join("".join(letters).split())
    if not made:
        raise InputError(f"{name!r}: a name without a letter or digit cannot become an id")
    return made


class SpeakerIds:
    """Ids of speakers by name: distinct names never share an id, not even where case is not told apart."""

    def __init__(self):
        self._by_name, self._taken = {}, set()

    def __getitem__(self, name):
        name = " ".join(name.split())
        if name not in self._by_name:
            made, number = kaldi_id(name), 2
            while made.lower() in self._taken:
                made, number = f"{kaldi_id(name)}_{number}", number + 1
            self._taken.add(made.lower())
            self._by_name[name] = made
        return self._by_name[name]
