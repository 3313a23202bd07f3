"""Work shared out by how long utterances last, and in a time that does not grow with the number of parts."""

import random
from itertools import combinations

import pytest

from c2ser.bin.extract_features import share
from c2ser.datadir import DataDir
from c2ser.datadir.operations import restrict, split


def corpus(path, durations, table, per_speaker=3):
    """A data directory of utterances that last so long, in s."""
    data, ids = DataDir(path), [f"s{number // per_speaker:02}-{number:02}" for number in range(len(durations))]
    data.write("wav.scp", {utterance: f"/sound/{utterance}.wav" for utterance in ids})
    data.write_speakers({utterance: utterance.partition("-")[0] for utterance in ids})
    if table == "utt2dur":
        data.write("utt2dur", {utterance: f"{seconds:.4f}" for utterance, seconds in zip(ids, durations)})
    if table == "utt2num_samples":
        data.write("utt2num_samples", {utterance: round(16000 * s) for utterance, s in zip(ids, durations)})
    return data


def loads(parts, durations):
    """Seconds of each part, by the ids that it holds."""
    return [sum(durations[int(utterance[4:])] for utterance in DataDir(part).utterances()) for part in parts]


@pytest.mark.parametrize("table", ["utt2dur", "utt2num_samples"])
@pytest.mark.parametrize("per_utt", [True, False])
def test_no_part_lasts_longer_than_the_mean_and_the_longest(tmp_path, table, per_utt):
    draw = random.Random(f"{table} {per_utt}")
    for trial in range(4):
        durations = [round(draw.lognormvariate(0, 1.5) + 0.01, 4) for _ in range(12)]
        if trial == 0:
            durations = [0.5] * 11 + [90.0]
        data = corpus(tmp_path / str(trial), durations, table)
        whole = durations if per_utt else [sum(durations[first : first + 3]) for first in range(0, 12, 3)]
        for parts in (2, 3, len(whole)):
            made = loads(split(data.path, parts, per_utt), durations)
            assert sum(made) == pytest.approx(sum(durations)) and len(made) == parts
            assert max(made) <= sum(durations) / parts + max(whole) + 1e-3
            # nor than the best of all cuts and the longest
            cuts = ([0, *inner, len(whole)] for inner in combinations(range(1, len(whole)), parts - 1))
            best = min(max(sum(whole[a:b]) for a, b in zip(cut, cut[1:])) for cut in cuts)
            assert best - 1e-3 <= max(made) <= best + max(whole) + 1e-3


def test_long_ones_do_not_fall_to_one_job(tmp_path):
    """By count the second of two jobs would have ten times the work of the first."""
    data = corpus(tmp_path, [0.1] * 12 + [1.0] * 12, "utt2dur")
    parts = split(data.path, 2, per_utt=True)
    # 1.2 + 5 = 6.2 s are nearer to the half, 6.6 s, than 7.2 s
    assert [len(DataDir(part).utterances()) for part in parts] == [17, 7]


def test_without_durations_parts_hold_as_many(tmp_path):
    parts = split(corpus(tmp_path, [1] * 11, None).path, 4, per_utt=True)
    assert sorted(len(DataDir(part).utterances()) for part in parts) == [2, 3, 3, 3]


class Table(dict):
    """A table that may be asked for entries, but not gone through."""

    def forbidden(self, *_):
        raise AssertionError("a whole table was gone through for one part of it")

    __iter__ = keys = values = items = forbidden


def test_a_part_costs_what_it_holds():
    ids = [f"s{number % 2}-{number}" for number in range(100)]
    tables = {
        "utt2spk": Table((utterance, utterance[:2]) for utterance in ids), "utt2emo": Table(dict.fromkeys(ids[:50], "sad")),
        "segments": Table((utterance, f"r{utterance} 0 1") for utterance in ids), "spk2gender": Table(s0="f"),
        "wav.scp": Table((f"r{utterance}", "x.wav") for utterance in ids), "spk2utt": Table(s0="", s1=""),
    }  # fmt: skip
    assert restrict(tables, [ids[3], ids[60]]) == {
        "utt2spk": {ids[3]: "s1", ids[60]: "s0"}, "utt2emo": {ids[3]: "sad"}, "spk2gender": {"s0": "f"},
        "segments": {ids[3]: f"r{ids[3]} 0 1", ids[60]: f"r{ids[60]} 0 1"},
        "wav.scp": {f"r{ids[3]}": "x.wav", f"r{ids[60]}": "x.wav"},
    }  # fmt: skip


def test_jobs_of_extraction_share_out_the_samples():
    draw = random.Random(0)
    for _ in range(50):
        samples = {f"u{number}": int(draw.lognormvariate(10, 1.5)) + 1 for number in range(draw.randint(3, 40))}
        jobs = draw.randint(1, 6)
        shares = [share(samples, job, jobs) for job in range(1, jobs + 1)]
        assert sorted(sum(shares, [])) == sorted(samples)
        loads = [sum(samples[utterance] for utterance in own) for own in shares]
        assert max(loads) <= sum(loads) / jobs + max(samples.values())
