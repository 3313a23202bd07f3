"""Levels cut at mean ± 1 standard deviation, by hand; groups and their fallback; the files."""

import dataclasses
import json
import math

import pytest

from c2ser.datadir import DataDir
from c2ser.errors import InputError
from c2ser.prosody import style
from c2ser.prosody.style import Moments, StyleStatistics

VALUES = {"u1": 2.0, "u2": 4.0, "u3": 4.0, "u4": 4.0, "u5": 5.0, "u6": 5.0, "u7": 7.0, "u8": 9.0}
"""Mean 5, population standard deviation 2 (the textbook example)."""


def test_moments_by_hand():
    assert Moments.of(VALUES.values()) == Moments(5.0, 2.0, 8)


def test_moments_leave_out_what_is_not_finite():
    assert Moments.of([1.0, math.nan, 3.0, -math.inf, math.inf]) == Moments(2.0, 1.0, 2)
    assert Moments.of([math.nan, -math.inf]) == Moments.of([]) == Moments(None, None, 0)


@pytest.mark.parametrize(
    "value, level",
    [
        (2.99, "low"), (3.0, "medium"), (5.0, "medium"), (7.0, "medium"), (7.01, "high"),
        (-math.inf, "low"), (math.inf, "high"), (math.nan, "unknown"),
    ],
)  # fmt: skip
def test_levels_by_hand(value, level):
    assert StyleStatistics.fit(VALUES, {}).level(value) == level


def test_rounding_does_not_push_a_value_off_the_border():
    values = {"a": 0.1, "b": 0.7}
    statistics = StyleStatistics.fit(values, {})
    assert [statistics.level(value) for value in values.values()] == ["medium", "medium"]


def test_each_group_is_cut_by_its_own():
    values = {"a1": 1.0, "a2": 3.0, "b1": 101.0, "b2": 103.0}
    statistics = StyleStatistics.fit(values, {name: name[0] for name in values}, min_group_size=2)
    assert statistics.groups == {"a": Moments(2.0, 1.0, 2), "b": Moments(102.0, 1.0, 2)}
    assert statistics.level(50.0, "a") == "high" and statistics.level(50.0, "b") == "low"


def test_unseen_small_and_missing_groups_fall_back_to_everybody():
    values = {"a1": 1.0, "a2": 3.0, "b1": 101.0, "b2": math.nan, "c1": 103.0}
    groups = {"a1": "a", "a2": "a", "b1": "b", "b2": "b"}
    statistics = StyleStatistics.fit(values, groups, min_group_size=2)
    assert set(statistics.groups) == {"a"}  # b has one measured value, c1 no group
    assert statistics.overall == Moments(52.0, pytest.approx(50.0099990002), 4)
    for group in ("b", "c", None):
        assert [statistics.level(value, group) for value in (1.0, 50.0, 103.0)] == ["low", "medium", "high"]


def test_nothing_measured_in_training_leaves_every_level_unknown():
    statistics = StyleStatistics.fit({"a": math.nan, "b": -math.inf}, {"a": "s", "b": "s"}, min_group_size=0)
    assert statistics.groups == {}
    assert statistics.level(1.0, "s") == statistics.level(-math.inf) == "unknown"


def test_what_is_saved(tmp_path):
    fitted = {
        "speed": StyleStatistics.fit(VALUES, {name: "jā" for name in VALUES}, min_group_size=3),
        "pitch": StyleStatistics.fit({"a": math.nan}, {}),
    }
    path = tmp_path / "exp/style.json"
    style.save_statistics(path, fitted, "speaker")
    written = json.loads(path.read_text(encoding="utf-8"))
    assert written == {
        "population": "speaker", "measures": {name: dataclasses.asdict(value) for name, value in fitted.items()}
    }  # fmt: skip
    assert written["measures"]["pitch"]["overall"]["mean"] is None and "jā" in written["measures"]["speed"]["groups"]
    assert [file.name for file in path.parent.iterdir()] == ["style.json"]


def test_populations(tmp_path):
    data = DataDir(tmp_path)
    data.write("utt2spk", {"a-1": "a", "b-1": "b", "c-1": "c"})
    data.write("utt2lang", {"a-1": "it", "b-1": "zh", "c-1": "zh"})
    data.write("spk2gender", {"a": "f", "b": "u"})
    assert style.population_groups(data, "corpus") == {}
    data.write("utt2corpus", {"a-1": "casia", "b-1": "emovo"})
    assert style.population_groups(data, "corpus") == {"a-1": "casia", "b-1": "emovo"}
    assert style.population_groups(data, "language") == {"a-1": "it", "b-1": "zh", "c-1": "zh"}
    assert style.population_groups(data, "speaker") == {"a-1": "a", "b-1": "b", "c-1": "c"}
    assert style.population_groups(data, "gender") == {"a-1": "f"}
    (tmp_path / "spk2gender").unlink()
    with pytest.raises(InputError, match="spk2gender: no such file"):
        style.population_groups(data, "gender")
    with pytest.raises(InputError, match="unknown population 'age'"):
        style.population_groups(data, "age")


def test_pitch_over_the_speakers_own_by_hand():
    """An octave is twelve semitones; the median of 100, 200, 400 is 200; two utterances are too few."""
    values = {"a-1": 100.0, "a-2": 200.0, "a-3": 400.0, "a-4": math.nan, "b-1": 100.0, "b-2": 200.0}
    found = style.relative_pitch(values, {utterance: utterance[0] for utterance in values})
    assert [found[f"a-{i}"] for i in (1, 2, 3)] == pytest.approx([-12, 0, 12])
    assert all(math.isnan(found[utterance]) for utterance in ("a-4", "b-1", "b-2"))


def test_groups_of_what_is_known(tmp_path):
    data = DataDir(tmp_path)
    data.write("utt2spk", {"a-1": "a", "b-1": "b", "c-1": "c", "d-1": "d"})
    data.write("spk2gender", {"a": "f", "b": "u", "d": "m"})
    assert style.population_groups(data, "auto") == {}
    assert style.population_groups(data, "auto", "pitch") == {"a-1": "f", "d-1": "m"}
    data.write("utt2lang", {"a-1": "it", "b-1": "zh", "c-1": "zh"})
    data.write("utt2corpus", {"a-1": "emovo", "b-1": "esd"})
    assert style.population_groups(data, "auto") == {"a-1": "emovo it", "b-1": "esd zh", "c-1": "zh"}
    assert style.population_groups(data, "auto", "pitch") == {"a-1": "emovo it f", "d-1": "m"}


def test_style_lines():
    levels = {"speed": "low", "pitch": "high", "volume": "unknown"}
    assert style.format_style(levels) == "speed=low pitch=high volume=unknown"
    assert style.parse_style("volume=unknown speed=low pitch=high") == levels
    assert list(style.parse_style("volume=unknown speed=low pitch=high")) == ["speed", "pitch", "volume"]


@pytest.mark.parametrize(
    "value",
    ["", "speed=low intonation=high", "speed=low pitch=high volume=loud", "speed=low speed=low pitch=high volume=low",
     "speed=low pitch=high volume=low tempo=low", "low high low"],
)  # fmt: skip
def test_malformed_style_lines(value):
    with pytest.raises(InputError, match="utt2style: u1: "):
        style.parse_style(value, "utt2style: u1")


def test_measures_that_were_not_chosen_are_refused():
    assert style.parse_style("speed=low pitch=high", measures=["pitch", "speed"]) == {"speed": "low", "pitch": "high"}
    for others in (("speed",), ("speed", "pitch", "volume"), ("speed", "volume")):
        with pytest.raises(InputError, match="utt2style: 'speed=low pitch=high': expected"):
            style.parse_style("speed=low pitch=high", measures=others)
