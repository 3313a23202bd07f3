"""The command that labels styles: what it fits on, what it falls back to, what it refuses."""

import json
import logging
from pathlib import Path

import pytest

from c2ser.bin.make_style import main
from c2ser.datadir import DataDir
from c2ser.errors import InputError


def write(path, rates, f0="200.00", loudness="-20.00"):
    """A data directory with these rates; speakers are the ids' first letters. f0, loudness: of every utterance."""
    data = DataDir(path)
    data.write_speakers({utterance: utterance[0] for utterance in rates})
    data.write("utt2rate", {utterance: f"{value:.3f}" for utterance, value in rates.items()})
    data.write("utt2f0", dict.fromkeys(rates, f0))
    data.write("utt2loudness", dict.fromkeys(rates, loudness))
    return data


@pytest.fixture
def directories(tmp_path):
    """Training speakers a (rates 1 and 3) and b (11 and 13), mean 7, deviation 5.099; a test speaker c."""
    train = write(tmp_path / "train", {"a-1": 1.0, "a-2": 3.0, "b-1": 11.0, "b-2": 13.0})
    test = write(tmp_path / "test", {"c-1": 1.5, "c-2": 7.0, "c-3": 1000.0, "c-4": float("nan")}, "nan", "-inf")
    return train, test


def run(directories, *options):
    train, test = directories
    stats, out_dirs = train.path.parent / "exp/style.json", [str(train.path), str(test.path)]
    main(["--train_dir", str(train.path), "--out_dirs", *out_dirs, "--stats", str(stats), *options])
    return train.read("utt2style"), test.read("utt2style"), stats


def speeds(styles):
    return {utterance: value.split()[0].removeprefix("speed=") for utterance, value in styles.items()}


def test_statistics_come_from_training_alone(directories):
    train, test, stats = run(directories)
    assert speeds(train) == {"a-1": "low", "a-2": "medium", "b-1": "medium", "b-2": "high"}
    assert speeds(test) == {"c-1": "low", "c-2": "medium", "c-3": "high", "c-4": "unknown"}
    assert test["c-1"] == "speed=low pitch=unknown volume=low"
    written = json.loads(Path(stats).read_text(encoding="utf-8"))
    assert written["population"] == "auto"
    assert written["measures"]["speed"]["overall"] == pytest.approx({"mean": 7.0, "std": 26**0.5, "count": 4})


def voices(path, genders, languages=None, each=20):
    """Speakers w…, around 210 Hz, and m…, around 120 Hz, with ten steps of ± 2 semitones; rates as their F0 are."""
    data, f0 = DataDir(path), {}
    for speaker in ("w1", "w2", "m1", "m2"):
        centre = {"w": 210, "m": 120}[speaker[0]]
        f0 |= {f"{speaker}-{i:02d}": centre * 2 ** (4 * (i % 10 - 4.5) / 9 / 12) for i in range(each)}
    data.write_speakers({utterance: utterance[:2] for utterance in f0})
    data.write("utt2f0", {utterance: f"{value:.2f}" for utterance, value in f0.items()})
    data.write("utt2rate", {utterance: f"{10 + int(utterance[-1]):.3f}" for utterance in f0})
    data.write("utt2loudness", dict.fromkeys(f0, "-20.00"))
    if genders:
        data.write("spk2gender", genders)
    if languages:
        data.write("utt2lang", {utterance: languages[utterance[:2]] for utterance in f0})
    return data


def cut(train, *others, population=()):
    out = [str(data.path) for data in (train, *others)]
    main(["--train_dir", str(train.path), "--out_dirs", *out, "--stats", str(train.path / "style.json"), *population])
    return [data.read("utt2style") for data in (train, *others)]


def shares(styles, measure):
    """First letter of the speaker → how many are low, medium, high."""
    found = {}
    for utterance, value in styles.items():
        level = dict(pair.split("=") for pair in value.split())[measure]
        found.setdefault(utterance[0], {"low": 0, "medium": 0, "high": 0, "unknown": 0})[level] += 1
    return {group: tuple(counts.values()) for group, counts in found.items()}


@pytest.mark.parametrize("genders", [{"w1": "f", "w2": "f", "m1": "m", "m2": "m"}, {"w1": "f", "w2": "f"}, {"w1": "u"}, None])
def test_pitch_does_not_say_who_is_a_woman(tmp_path, genders):
    """Of ten even steps, two at each end lie over one deviation (2.87 steps from the middle, of 4.5), for all alike."""
    train, test = voices(tmp_path / "train", genders), voices(tmp_path / "test", genders, each=10)
    for styles, each in zip(cut(train, test), (40, 20)):
        assert shares(styles, "pitch") == dict.fromkeys("wm", (each // 5, each * 3 // 5, each // 5, 0))
        assert {utterance[-1] for utterance, value in styles.items() if "pitch=high" in value} == {"8", "9"}
    apart = cut(train, population=("--population", "corpus"))[0]
    assert shares(apart, "pitch")["w"][0] == shares(apart, "pitch")["m"][2] == 0  # as one group they say it


def test_languages_are_cut_apart(tmp_path):
    """The men's language counts twice as many phonemes: within each, the same two steps at each end."""
    train = voices(tmp_path, {}, languages={"w1": "it", "w2": "it", "m1": "zh", "m2": "zh"})
    rates = train.read("utt2rate")
    train.write("utt2rate", {utt: value if utt[0] == "w" else f"{2 * float(value):.3f}" for utt, value in rates.items()})
    assert shares(cut(train)[0], "speed") == dict.fromkeys("wm", (8, 24, 8, 0))
    assert shares(cut(train, population=("--population", "corpus"))[0], "speed")["w"][2] == 0


def test_who_said_too_little_has_no_pitch_level(tmp_path, caplog):
    """Two utterances make no median of a speaker of unknown gender."""
    caplog.set_level(logging.INFO)
    train, test = voices(tmp_path / "train", None), voices(tmp_path / "test", None, each=2)
    assert shares(cut(train, test)[1], "pitch") == dict.fromkeys("wm", (0, 0, 0, 4))
    assert "test: pitch: 8 of 8 utterances cut by their speakers' own: their corpus, language or gender has" in caplog.text


def test_speakers_are_cut_by_their_own_and_new_ones_by_all(directories, caplog):
    caplog.set_level(logging.INFO)
    directories[0].write("utt2rate", {"a-1": "1.0", "a-2": "2.0", "a-3": "9.0", "b-1": "11.0", "b-2": "13.0"})
    directories[0].write_speakers({"a-1": "a", "a-2": "a", "a-3": "a", "b-1": "b", "b-2": "b"})
    for table in ("utt2f0", "utt2loudness"):
        directories[0].write(table, dict.fromkeys(("a-1", "a-2", "a-3", "b-1", "b-2"), "1.00"))
    train, test, _ = run(directories, "--population", "speaker", "--min_group_size", "2")
    # a: mean 4, deviation 3.56 → 0.44 … 7.56; everybody: mean 7.2, deviation 4.83 → 2.37 … 12.03
    assert speeds(train) == {"a-1": "medium", "a-2": "medium", "a-3": "high", "b-1": "medium", "b-2": "medium"}
    assert speeds(test) == {"c-1": "low", "c-2": "medium", "c-3": "high", "c-4": "unknown"}
    fallen = "speed: 3 of 4 utterances cut by the whole training directory: their speaker has no statistics"
    assert fallen in caplog.text


def test_what_could_not_be_measured_is_cut_by_nothing(directories, caplog):
    caplog.set_level(logging.INFO)
    for directory in directories[:2]:
        directory.write("utt2rate", dict.fromkeys(directory.utterances(), "nan"))
    run(directories, "--population", "speaker")
    assert "speed: low=0 medium=0 high=0 unknown=4" in caplog.text and "speed: 4 of 4" not in caplog.text


def test_small_groups_are_cut_by_all(directories):
    train, _, stats = run(directories, "--population", "speaker")
    assert speeds(train) == {"a-1": "low", "a-2": "medium", "b-1": "medium", "b-2": "high"}
    assert json.loads(Path(stats).read_text(encoding="utf-8"))["measures"]["speed"]["groups"] == {}


def test_level_counts_are_printed(directories, caplog):
    caplog.set_level(logging.INFO)
    run(directories)
    assert "test: speed: low=1 medium=1 high=1 unknown=1" in caplog.text
    assert "test: pitch: low=0 medium=0 high=0 unknown=4" in caplog.text


@pytest.mark.parametrize("table", ["utt2rate", "utt2f0", "utt2loudness"])
def test_a_missing_or_malformed_value_stops_before_anything_is_written(directories, table):
    train, test = directories
    values = test.read(table)
    for broken, message in ((dict(values, **{"c-2": "fast"}), "c-2: 'fast' is not a number"),
                            ({"c-1": "1.0"}, "no entry for c-2; run c2ser extract-prosody")):  # fmt: skip
        test.write(table, broken)
        with pytest.raises(InputError, match=f"test/{table}: {message}"):
            run(directories)
        assert not train.has("utt2style") and not test.has("utt2style")
        assert not (train.path.parent / "exp").exists()


def test_a_population_needs_its_table(directories):
    with pytest.raises(InputError, match="train/utt2lang: no such file"):
        run(directories, "--population", "language")


def further(train, genders):
    """Pitch ranges of 2 to 11 semitones, twice as wide for the men; intonations in turn; every fifth is not reliable."""
    utterances = train.utterances()
    ranges = {utt: (2 + int(utt[-1])) * (2 if utt[0] == "m" else 1) for utt in utterances}
    train.write("utt2range", {utt: f"{value:.2f}" for utt, value in ranges.items()})
    train.write("utt2intonation", {utt: ("rising", "uncertain")[int(utt[-1]) % 2] for utt in utterances})
    train.write("utt2reliable", {utt: "none" if int(utt[-1]) % 5 == 0 else "intonation range" for utt in utterances})
    if genders:
        train.write("spk2gender", {"w1": "f", "w2": "f", "m1": "m", "m2": "m"})
    return train


@pytest.mark.parametrize("genders", [True, False])
def test_chosen_measures(tmp_path, genders):
    train, stats = further(voices(tmp_path / "train", None), genders), tmp_path / "style.json"
    chosen = ["--measures", "intonation", "range"]
    main(["--train_dir", str(train.path), "--out_dirs", str(train.path), "--stats", str(stats), *chosen])
    styles = train.read("utt2style")
    assert styles["w1-02"].split()[1] == "intonation=rising" and styles["w1-03"].split()[1] == "intonation=unknown"
    found = {utt for utt, value in styles.items() if value.startswith("range=high ")}
    if genders:  # of ten even steps, two at each end lie over one deviation
        assert {utt[-1] for utt in found} == {"8", "9"} and {utt[0] for utt in found} == {"w", "m"}
    else:
        assert {utt[0] for utt in found} == {"m"}
    assert json.loads(stats.read_text(encoding="utf-8"))["told"] == ["range", "intonation"]
    main(["--train_dir", str(train.path), "--out_dirs", str(train.path), "--stats", str(stats), *chosen, "--reliable_only", "true"])
    unsure = {utt for utt, value in train.read("utt2style").items() if value == "range=unknown intonation=unknown"}
    assert unsure == {utt for utt in train.utterances() if utt[-1] in "05"}
    written = json.loads(stats.read_text(encoding="utf-8"))
    assert written["reliable_only"] and written["measures"]["range"]["overall"]["count"] == 64  # of 80


def test_a_measure_without_its_table_is_named(tmp_path):
    train = voices(tmp_path / "train", None)
    with pytest.raises(InputError, match="utt2pauses"):
        main(["--train_dir", str(train.path), "--out_dirs", str(train.path), "--stats", str(tmp_path / "s"), "--measures", "pauses"])
