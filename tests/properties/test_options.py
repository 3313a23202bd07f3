"""Options: parse_options.sh does what its description says, and configurations are taken or refused in one line."""

import math
import subprocess
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from c2ser.augment import build_augment
from c2ser.errors import InputError
from c2ser.inference.decoding import METHODS, Decoding, read_decoding
from c2ser.tasks.sampler import BalanceConfig, balance_config
from tests.properties.strategies import folder

PARSE = Path(__file__).resolve().parents[2] / "utils" / "parse_options.sh"
SCRIPT = f"""
nj=4 skip_train=false tag= cmd=run.py config=
. {PARSE} || exit 1
printf '%s\\0' "$nj" "$skip_train" "$tag" "$cmd" "$config" "$@"
"""
CONFIG = {"nj": "7", "tag": "a b"}
TEXT = st.text(st.sampled_from("ab1 -='\"$*\\\n;|é"), max_size=5)
NAMES = (
    "--nj", "--skip_train", "--skip-train", "--tag", "--cmd", "--nope", "--tag=x", "--", "-x", "--help", "--config", "word", "",
)  # fmt: skip
VALUES = st.one_of(st.sampled_from(("true", "false", "c.sh", "", "--config", "--help")), TEXT)
PAIRS = st.one_of(
    st.tuples(st.sampled_from(("--skip_train", "--skip-train")), st.sampled_from(("true", "false"))),
    st.tuples(st.sampled_from(("--nj", "--tag", "--cmd")), VALUES.filter(len)),
    st.just(("--config", "c.sh")),
    st.tuples(st.sampled_from(NAMES), VALUES),
)


def understood(arguments):
    """What the description promises, as (variables, what is left), or the exit status where it ends."""
    values = {"nj": "4", "skip_train": "false", "tag": "", "cmd": "run.py", "config": ""}
    rest = arguments
    while len(rest) > 1 and rest[0].startswith("--") and len(rest[0]) > 2:
        if rest[0] == "--config":
            if rest[1] != "c.sh":
                return 1
            values |= CONFIG
        rest = rest[2:]
    while arguments and arguments[0]:
        name, *further = arguments
        if name in ("--help", "-h"):
            return 0
        if not name.startswith("--"):
            break
        key = name[2:].replace("-", "_")
        if key not in values or not further or values[key] in ("true", "false") and further[0] not in ("true", "false"):
            return 1
        values[key] = further[0]
        arguments = further[1:]
    return (values, arguments) if values["cmd"] else 1


@given(st.lists(PAIRS, max_size=4), st.booleans())
@example([("--tag", "x\n"), ("", "--nj")], True)
@example([("--tag", "--config"), ("c.sh", "--nj")], True)
@example([("--skip-train", "maybe")], True)
def test_parse_options_is_what_its_description_says(pairs, last_one):
    arguments = [word for pair in pairs for word in pair][: None if last_one else -1]
    with folder() as path:
        (path / "c.sh").write_text("".join(f"{key}='{value}'\n" for key, value in CONFIG.items()))
        done = subprocess.run(["bash", "-c", SCRIPT, "script", *arguments], cwd=path, capture_output=True, text=True)
    wanted = understood(arguments)
    if isinstance(wanted, int):
        assert (done.returncode, done.stdout) == (wanted, "") and done.stderr
    else:
        values, rest = wanted
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == "".join(f"{word}\0" for word in (*values.values(), *rest))


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 99), st.floats(), st.text("ab/.", max_size=3), st.dates(),
    st.sampled_from(("free", "score", "en", "zh", "label", "float32", "train", math.inf)),
)  # fmt: skip
KEYS = st.sampled_from(("explicit", "implicit", "a", 1))
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=2), max_leaves=4
)
AUGMENT = ("speed", "noise_db", "noise_probability", "gain_db", "mask_spans", "mask_seconds", "x")


def fields_of(kind):
    return st.dictionaries(st.sampled_from((*kind.__dataclass_fields__, "nonsense")), JSON, max_size=3)


@given(
    st.one_of(st.one_of(fields_of(Decoding), JSON).map(yaml.safe_dump), st.text("ab: -[]{}&*!\n\t0'", max_size=12))
)
@example("languages: [5]")
@example("max_new_tokens: 5")
@example("prior_strength: .nan")
@example("languages: &a [*a]")
def test_a_decode_yaml_is_sound_or_refused(text):
    with folder() as path:
        (path / "decode.yaml").write_text(text, encoding="utf-8")
        try:
            found = read_decoding(path / "decode.yaml")
        except InputError as error:
            assert str(error).startswith(f"{path}/decode.yaml: ") and "\n" not in str(error)
            return
    assert found.batch_size >= 1 and found.num_beams >= 1 and 0 < found.batch_seconds
    assert set(found.methods) <= set(METHODS) and found.methods
    assert found.prior_strength is None or 0 <= found.prior_strength < math.inf
    assert set(found.max_new_tokens) <= {"explicit", "implicit"}
    assert all(type(number) is int and number > 0 for number in found.max_new_tokens.values())


@given(fields_of(BalanceConfig))
@example({"by": "label"})
@example({"temperature": "high"})
@example({"batch_size": 2.5})
def test_a_sampler_conf_is_sound_or_refused(values):
    try:
        found = balance_config(values)
    except InputError as error:
        assert str(error).startswith("sampler_conf: ") and "\n" not in str(error)
        return
    by = values.get("by", BalanceConfig.by)
    assert list(found.by) == ([by] if isinstance(by, str) else list(by)) and all(isinstance(name, str) for name in found.by)
    assert found.temperature > 0 and (found.unlabelled is None or 0 <= found.unlabelled <= 1)
    for number in (found.batch_size, found.batch_bins, found.sort_batches):
        assert number is None or type(number) is int and number > 0


@example({"mask_spans": 1.5, "gain_db": 1})
@example({"gain_db": math.inf})
@given(st.dictionaries(st.sampled_from(AUGMENT), JSON, max_size=3))
def test_an_augment_is_sound_or_refused(values):
    try:
        augment = build_augment(values)
    except InputError as error:
        assert str(error).startswith("augment: ") and "\n" not in str(error)
        return
    made = augment(np.full(900, 0.1, np.float32), np.random.default_rng(0))
    assert made.dtype == np.float32 and np.isfinite(made).all() and 900 / 2 - 1 <= len(made) <= 900 * 2 + 1


def test_the_oracle_itself():
    """Cases from the description, by hand."""
    assert understood(["--skip-train", "true", "x", "--nj", "2"]) == (
        {"nj": "4", "skip_train": "true", "tag": "", "cmd": "run.py", "config": ""}, ["x", "--nj", "2"]
    )  # fmt: skip
    assert understood(["--skip-train", "maybe"]) == understood(["--nope", "1"]) == understood(["--nj"]) == 1
    assert understood(["--nj", "9", "--config", "c.sh"])[0]["nj"] == "9"
    with pytest.raises(TypeError):
        understood(None)
