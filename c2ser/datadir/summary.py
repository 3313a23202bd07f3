"""What commands print about a data directory."""

from c2ser.datadir.datadir import DataDir
from c2ser.datadir.operations import unknown_files


def summary(path):
    """What a data directory holds: "data/train: 360 utterances of 4 speakers, 9 tables, 12 without a label"."""
    data_dir = DataDir(path)
    utt2spk = data_dir.read("utt2spk")
    speakers = len(set(utt2spk.values()))
    unlabelled = len(data_dir.unlabelled()) if data_dir.has("utt2emo") else 0
    said = f", {unlabelled} without a label" if unlabelled else ""
    return f"{path}: {len(utt2spk)} utterances of {speakers} speakers, {len(data_dir.tables())} tables{said}"


def report_written(destination, *sources):
    """Print what was written and which files of the sources were not carried over, being no tables known here."""
    print(summary(destination))
    for source in sources:
        left = unknown_files(source)
        if left:
            print(f"{source}: not carried over, being no tables of a data directory: {', '.join(left)}")
