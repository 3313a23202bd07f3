"""Options that commands of baselines share."""

import argparse

import pytest

from c2ser.baselines.options import OPTIONS, add_options, check_numbers, chosen_labels
from c2ser.errors import InputError


def parse(*words, **changes):
    parser = argparse.ArgumentParser()
    add_options(parser, "labels", "batch_size", **changes)
    return parser.parse_args(words)


def test_defaults_and_changes():
    assert parse().batch_size == 8 and parse("--batch_size", "3").batch_size == 3
    parser = argparse.ArgumentParser()
    add_options(parser, "ngpu", batch_size={"default": 4})
    assert vars(parser.parse_args([])) == {"ngpu": 0, "batch_size": 4}
    assert OPTIONS["batch_size"]["default"] == 8  # the change was for that parser alone


def test_labels_stand_in_the_order_of_the_project():
    assert chosen_labels(parse("--labels", "sad", "angry", "sad")) == ["angry", "sad"]
    assert len(chosen_labels(parse())) == 7
    with pytest.raises(InputError, match="--labels sad: at least two"):
        chosen_labels(parse("--labels", "sad"))


def test_numbers_start_at_one():
    check_numbers(parse(), "batch_size")
    with pytest.raises(InputError, match="--batch_size 0: expected a whole number from 1"):
        check_numbers(parse("--batch_size", "0"), "batch_size")
