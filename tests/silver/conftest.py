"""Posteriors as teachers write them."""

import pytest

from c2ser.datadir import write_table


@pytest.fixture
def teacher(tmp_path):
    """teacher("speech", {utterance: (label, confidence)}, labels): a folder; the other labels share the rest."""

    def write(name, opinions, labels=("angry", "happy", "sad")):
        rows = {}
        for utterance, (label, confidence) in opinions.items():
            rest = (1 - confidence) / (len(labels) - 1)
            rows[utterance] = " ".join(f"{confidence if other == label else rest:.6f}" for other in labels)
        write_table(tmp_path / name / "posteriors", rows)
        (tmp_path / name / "labels").write_text("".join(f"{label}\n" for label in labels))
        return tmp_path / name

    return write
