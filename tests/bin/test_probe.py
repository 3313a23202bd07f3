"""The probe command on features with classes in them."""

import json

import numpy as np
import pytest

from c2ser.ark import ArkWriter
from c2ser.bin import probe
from c2ser.datadir import read_table, write_table
from c2ser.errors import InputError


@pytest.fixture
def data(tmp_path):
    """Sets train (one utterance unlabelled), dev and test, of two classes that lie apart."""
    random, centre = np.random.default_rng(0), {"sad": -2.0, "happy": 2.0}
    with ArkWriter(tmp_path / "f.ark", tmp_path / "f.scp") as writer:
        for part, count in (("train", 20), ("dev", 8), ("test", 10)):
            labels = {f"{part}{i:02d}": ("sad", "happy")[i % 2] for i in range(count)}
            for utterance, label in labels.items():
                writer[utterance] = random.normal(centre[label], 0.5, 3).astype(np.float32)
            write_table(tmp_path / part / "utt2spk", dict.fromkeys(labels, "s"))
            if part == "train":
                labels.pop("train00")
            write_table(tmp_path / part / "utt2emo", labels)
    return tmp_path


def run(root, *more):
    argv = ["--feats_scp", root / "f.scp", "--train_dir", root / "train", "--test_dir", root / "test", *more]
    probe.main([str(word) for word in [*argv, "--out_dir", root / "out"]])
    return {name: read_table(root / "out" / name) for name in ("utt2pred", "posteriors")}


def test_test_set_is_labelled(data):
    made = run(data, "--dev_dir", data / "dev")
    assert made["utt2pred"] == read_table(data / "test/utt2emo")
    labels = (data / "out/labels").read_text().split()
    assert labels == ["happy", "sad"]
    for utterance, row in made["posteriors"].items():
        values = [float(value) for value in row.split()]
        assert sum(values) == pytest.approx(1, abs=1e-5)
        assert labels[values.index(max(values))] == made["utt2pred"][utterance]
    told = read_json(data, "decode.json")
    assert (told["mode"], told["utterances"], told["layers"], told["chosen_on"]) == ("probe", 10, [0], "dev")
    assert told["chosen"] in told["candidates"] and len(told["candidates"]) == 5
    assert told["chosen"]["strength"] == min(one["strength"] for one in told["candidates"] if one["ua"] == 1)
    assert told["class_distance_ratio"]["test"] > 1 and told["uses_test_audio"] is False


def test_unknown_is_no_class(data):
    """A third of every set is unknown: the probe knows two classes, labels the whole test set and is fitted without."""
    for part in ("train", "dev", "test"):
        labels = read_table(data / part / "utt2emo")
        write_table(data / part / "utt2emo", {u: "unknown" if i % 3 == 0 else e for i, (u, e) in enumerate(labels.items())})
    assert len(run(data, "--dev_dir", data / "dev")["utt2pred"]) == 10
    assert (data / "out/labels").read_text().split() == ["happy", "sad"]
    write_table(data / "dev/utt2emo", dict.fromkeys(read_table(data / "dev/utt2emo"), "unknown"))
    with pytest.raises(InputError, match="dev/utt2emo: no utterance has a label"):
        run(data, "--dev_dir", data / "dev")


def test_classes_that_the_development_set_lacks_are_said_with_the_remedy(data, caplog):
    run(data, "--dev_dir", data / "dev")
    assert "lacks" not in caplog.text
    write_table(data / "dev/utt2emo", dict.fromkeys(read_table(data / "dev/utt2emo"), "sad"))
    run(data, "--dev_dir", data / "dev")
    assert "dev: has one class and lacks happy" in caplog.text
    assert "--dev_speakers" in caplog.text and "cross_speaker" in caplog.text


def read_json(root, name):
    return json.loads((root / "out" / name).read_text())


def test_labels_of_the_test_set_change_no_answer(data):
    with_them, curves = run(data), read_json(data, "layers.json")
    told = read_json(data, "decode.json")
    (data / "test/utt2emo").unlink()
    assert run(data) == with_them
    without, unseen = read_json(data, "layers.json"), read_json(data, "decode.json")
    told["class_distance_ratio"]["test"] = None
    assert unseen == told
    assert [one["test_ua_not_used_for_choosing"] for one in curves["tables"][0]["layers"]] == [1.0]
    curves["tables"][0]["layers"][0]["test_ua_not_used_for_choosing"] = None
    assert without == curves


def test_tables_with_layers_are_joined(data):
    random, utterances = np.random.default_rng(1), list(read_table(data / "f.scp"))
    with ArkWriter(data / "g.ark", data / "g.scp") as writer:
        for utterance in utterances:
            writer[utterance] = random.normal(size=(3, 2)).astype(np.float32)
    run(data, "--dev_dir", data / "dev", "--feats_scp", data / "g.scp", data / "f.scp", "--layer", "last")
    told, curves = read_json(data, "decode.json"), read_json(data, "layers.json")
    # 0 is no answer for a table of three layers, and the other has one layer only
    assert told["layers"] == [2, 0] and [len(table["layers"]) for table in curves["tables"]] == [3, 1]
    assert [table["feats_scp"] for table in curves["tables"]] == told["feats_scp"]


def test_both_classifiers_across_speakers(data, monkeypatch):
    from c2ser.probe import choose

    monkeypatch.setattr(choose, "EPOCHS", 3)
    monkeypatch.setattr(choose, "HIDDEN", (8,))
    for part in ("train", "dev"):
        names = read_table(data / part / "utt2spk")
        write_table(data / part / "utt2spk", {name: f"s{int(name[-2:]) // 2 % 4}" for name in names})
    made = run(data, "--dev_dir", data / "dev", "--classifier", "both", "--choose_by", "cross_speaker")
    told = read_json(data, "decode.json")
    assert told["chosen_on"] == "train and dev, 4 groups of their 4 speakers left out in turn"
    assert [one["classifier"] for one in told["candidates"]] == ["logistic"] * 5 + ["mlp"] * 2
    assert made["utt2pred"] == read_table(data / "test/utt2emo")
    with pytest.raises(InputError, match="needs 3 of them"):
        write_table(data / "train/utt2spk", dict.fromkeys(read_table(data / "train/utt2spk"), "s"))
        run(data, "--choose_by", "cross_speaker")


def test_normalising_by_speaker_is_told(data):
    """The test speaker's features are moved far away: without the normalisation every answer would be the same."""
    from c2ser.ark import read_ark

    entries = read_table(data / "f.scp")
    with ArkWriter(data / "g.ark", data / "g.scp") as writer:
        for utterance, entry in entries.items():
            writer[utterance] = read_ark(entry) + np.float32(100 * utterance.startswith("test"))
    write_table(data / "test/utt2spk", dict.fromkeys(read_table(data / "test/utt2spk"), "t"))
    wanted, moved = read_table(data / "test/utt2emo"), ("--feats_scp", data / "g.scp")
    assert len(set(run(data, *moved)["utt2pred"].values())) == 1
    assert run(data, *moved, "--normalise", "speaker")["utt2pred"] == wanted
    assert read_json(data, "decode.json")["uses_test_audio"] is True


def test_what_is_shared_with_the_test_set_is_counted(data):
    run(data, "--test_dir", data / "train")
    told = read_json(data, "decode.json")
    assert (told["test_utterances_in_training"], told["test_speakers_in_training"]) == (19, 1)
    run(data)
    told = read_json(data, "decode.json")
    assert (told["test_utterances_in_training"], told["test_speakers_in_training"]) == (0, 1)


def test_unmeasured_values_are_filled_and_counted(data, caplog):
    from c2ser.ark import read_ark

    entries = read_table(data / "f.scp")
    with ArkWriter(data / "g.ark", data / "g.scp") as writer:
        for utterance, entry in entries.items():
            vector = read_ark(entry).copy()
            vector[0] = np.nan if utterance in ("train03", "test04") else vector[0]
            writer[utterance] = vector
    assert run(data, "--feats_scp", data / "g.scp")["utt2pred"] == read_table(data / "test/utt2emo")
    assert read_json(data, "decode.json")["unmeasured_values"] == [2]
    assert "2 values of 2 utterances are NaN" in caplog.text


def test_options_that_make_no_sense(data, capsys):
    with pytest.raises(SystemExit):
        run(data, "--layer", "first")
    assert "expected best, last or a number" in capsys.readouterr().err
    with pytest.raises(InputError, match="--mix true needs"):
        run(data, "--mix", "true")
    with pytest.raises(InputError, match="--layer 1: the features have 1 layers"):
        run(data, "--layer", "1")
    assert not (data / "out").exists()


def test_missing_features_are_named(data):
    table = read_table(data / "f.scp")
    table.pop("test03")
    write_table(data / "f.scp", table)
    with pytest.raises(InputError, match=r"f.scp: no entry for 1 utterances \(test03\)"):
        run(data)
    assert not (data / "out").exists()


def test_the_fitted_probe_is_kept(data):
    from c2ser.probe.features import read_layers
    from c2ser.probe.saving import read_probe

    made = run(data, "--dev_dir", data / "dev")
    probe, normalise = read_probe(data / "out/probe.npz")
    posteriors = probe.posteriors([read_layers(data / "f.scp", list(made["posteriors"]))])
    assert normalise == "none" and probe.classes == ["happy", "sad"]
    for row, told in zip(posteriors, made["posteriors"].values(), strict=True):
        assert [float(value) for value in told.split()] == pytest.approx(row.tolist(), abs=1e-6)
    assert posteriors[:, 0].std() > 1e-4  # 100 times what is compared with
