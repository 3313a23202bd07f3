import pytest

from c2ser.errors import InputError
from c2ser.inference.decoding import METHODS, Decoding, read_decoding

FAULTS = {
    "batch_size: 0": "batch_size: 0: expected a whole number from 1",
    "num_beams: 1.5": "num_beams: 1.5: expected a whole number",
    "methods: []": "methods: .*expected a list out of free, score, constrained",
    "methods: score": "methods: 'score'",
    "methods: [guess]": "methods: .'guess'.",
    "dtype: float16": "dtype: 'float16': expected one of auto, float32, bfloat16",
    "prior: test": "prior: 'test': expected one of none, train",
    "prior_strength: -1": "prior_strength: -1: expected a number from 0",
    "prior_strength: true": "prior_strength: True",
    "prior_strength: .inf": "prior_strength: inf",
    "prior_strength: .nan": "prior_strength: nan",
    "batch_size: true": "batch_size: True",
    "repetition_penalty: strong": "repetition_penalty: 'strong': expected a number above 0",
    "max_new_tokens: 5": "max_new_tokens: 5: expected whole numbers from 1 by mode",
    "max_new_tokens: {explicit: many}": "max_new_tokens: .*'many'.*expected whole numbers",
    "max_new_tokens: {both: 5}": "max_new_tokens: .*'both'",
    "languages: en": "languages: 'en': expected a list",
    "languages: [xx]": "no templates for language 'xx'",
    "languages: [en, en]": "one is there twice",
    "beams: 3": "beams.*the keys are the fields of",
    "- a list": "the keys are the fields of",
    "a: [": "the keys are the fields of",
}


@pytest.mark.parametrize("text", FAULTS)
def test_faults_name_file_and_key(tmp_path, text):
    (tmp_path / "decode.yaml").write_text(text + "\n")
    with pytest.raises(InputError, match=f"^{tmp_path}/decode.yaml: .*{FAULTS[text]}"):
        read_decoding(tmp_path / "decode.yaml")


def test_a_mode_that_is_not_named_keeps_its_length(tmp_path):
    (tmp_path / "decode.yaml").write_text("max_new_tokens: {explicit: 9}\n")
    assert read_decoding(tmp_path / "decode.yaml").max_new_tokens == {"explicit": 9, "implicit": 10}


def test_values_are_read(tmp_path):
    path = tmp_path / "decode.yaml"
    path.write_text(
        "num_beams: 4\nmethods: [score]\nlanguages: [en, zh]\ndtype: bfloat16\nprior: dev\nprior_strength: 0.5\n"
    )
    found = read_decoding(path)
    assert (found.num_beams, found.methods, found.languages) == (4, ["score"], ["en", "zh"])
    assert (found.dtype, found.prior, found.prior_strength, found.batch_size) == ("bfloat16", "dev", 0.5, 8)


def test_the_default_makes_every_table():
    assert Decoding().methods == list(METHODS) and Decoding().methods is not Decoding().methods
    assert (Decoding().prior, Decoding().prior_strength, Decoding().dtype) == ("none", None, "float32")
