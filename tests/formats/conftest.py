"""What the tests of foreign formats share: a data directory that holds everything, and the two commands."""

import numpy as np
import pytest
import soundfile

from c2ser.bin import export_data, import_data
from c2ser.datadir import DataDir

UTTERANCES = {"eva-1": "eva", "eva-2": "eva", "ivo-1": "ivo"}
RATE = 11025


def sound(channel, samples):
    """16-bit samples that differ by channel and place, and reach both ends of the range."""
    return ((np.arange(samples) * 7919 + channel * 104729) % 65536 - 32768).astype(np.int16)


@pytest.fixture
def data(tmp_path):
    """Two segments of a stereo call whose second channel speaks, and a mono file; all tables that there are."""
    data = DataDir(tmp_path / "data")
    soundfile.write(tmp_path / "a b.wav", np.stack([sound(1, 2 * RATE), sound(2, 2 * RATE)], axis=1), RATE)
    soundfile.write(tmp_path / "c.flac", sound(3, 4800), 16000, subtype="PCM_16")
    segments = {"eva-1": "eva-1 0 0.3", "eva-2": "call 0.25 1.75", "ivo-1": "call 1.75 2"}
    tables = {
        "wav.scp": {"call": str(tmp_path / "a b.wav"), "eva-1": str(tmp_path / "c.flac")},
        "segments": segments,
        "reco2channel": {"call": "2"},
        "text": {"eva-1": 'Dobrý den, "pane"', "eva-2": "", "ivo-1": "ne"},
        "utt2emo": {"eva-1": "sad", "ivo-1": "happy"},
        "utt2lang": dict.fromkeys(segments, "cs"),
        "utt2corpus": dict.fromkeys(segments, "calls"),
        "utt2dur": {"eva-1": "0.3000", "eva-2": "1.5000", "ivo-1": "0.2500"},
        "utt2f0": {"eva-1": "210.5", "eva-2": "nan", "ivo-1": "180.25"},
        "utt2loudness": {"eva-1": "-23.1", "eva-2": "-30.0", "ivo-1": "-12.5"},
        "utt2rate": {"eva-1": "10.5", "eva-2": "0.0", "ivo-1": "1e-05"},
        "utt2style": dict.fromkeys(segments, "speed=low pitch=high volume=unknown"),
        "utt2votes": {"eva-1": "sad:2 angry:1"},
        "cot_explicit": {key: f"{key} speaks slowly, at a high pitch and quietly. The person is {label}." for key, label in
                         (("eva-1", "sad"), ("ivo-1", "happy"))},  # fmt: skip
        "cot_implicit": {"eva-1": "sad", "ivo-1": "happy"},
        "spk2gender": {"eva": "f"},
    }
    for table, values in tables.items():
        data.write(table, values)
    data.write_speakers(UTTERANCES)
    return data


@pytest.fixture
def export(tmp_path, capsys):
    """export(format, data, *options) → the folder; what it printed is `export.said`."""

    def run(name, data, *more, out="out"):
        export_data.main(["--format", name, "--data_dir", str(data.path), "--out_dir", str(tmp_path / out), *more])
        run.said = capsys.readouterr().out
        return tmp_path / out

    return run


def brought_in(name, source, out, *more):
    """Import a folder; the data directory."""
    import_data.main(["--format", name, "--from", str(source), "--out_dir", str(out), *more])
    return DataDir(out)


def tables(data, without=()):
    """Every table of a data directory, numbers as numbers."""
    found = {table: data.read(table) for table in data.tables() if table not in without}
    for table in {"utt2f0", "utt2loudness", "utt2rate", "utt2dur"} & set(found):
        found[table] = {key: "nan" if value == "nan" else float(value) for key, value in found[table].items()}
    if "segments" in found:
        found["segments"] = data.segments()
    return found
