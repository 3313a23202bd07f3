"""utils/parse_options.sh has the semantics that users of Kaldi rely on."""

import pytest

SCRIPT = """
set -euo pipefail
nj=4
skip_train=false
tag=
cmd=run.py
help_message="Usage: $0 [options]  # 100% plain"
. "$UTILS"/parse_options.sh || exit 1
printf '%s|' "$nj" "$skip_train" "$tag" "$cmd" "$#" "$@"
set | grep ^_po_ || true
"""


@pytest.fixture
def script(call, utils, tmp_path):
    """Run the script with arguments."""
    (tmp_path / "script.sh").write_text(SCRIPT)
    return lambda *arguments: call("bash", "script.sh", *arguments, UTILS=str(utils))


@pytest.mark.parametrize(
    "arguments, output",
    [
        ((), "4|false||run.py|0|"),
        (("--nj", "8"), "8|false||run.py|0|"),
        (("--nj", "8", "--nj", "9"), "9|false||run.py|0|"),
        (("--skip-train", "true"), "4|true||run.py|0|"),
        (("--skip_train", "true"), "4|true||run.py|0|"),
        (("--tag", "two words $HOME 'q' \"d\" *"), "4|false|two words $HOME 'q' \"d\" *|run.py|0|"),
        (("--tag", "--inner --options 1"), "4|false|--inner --options 1|run.py|0|"),
        (("--tag", ""), "4|false||run.py|0|"),
        (("--nj", "2", "data/train", "--nj", "3"), "2|false||run.py|3|data/train|--nj|3|"),
        (("one", "two"), "4|false||run.py|2|one|two|"),
        (("-x", "two"), "4|false||run.py|2|-x|two|"),
        (("", "--nj", "3"), "4|false||run.py|3||--nj|3|"),
    ],
)
def test_accepted(script, arguments, output):
    done = script(*arguments)
    assert (done.returncode, done.stdout, done.stderr) == (0, output, "")


@pytest.mark.parametrize(
    "arguments, words",
    [
        (("--unknown", "1"), "invalid option --unknown"),
        (("--nj; touch broken", "1"), "invalid option --nj; touch broken"),
        (("--", "1"), "invalid option --"),
        (("--nj=8",), "got '--nj=8', write '--nj 8'"),
        (("--skip-train", "yes"), "--skip-train takes true or false, not 'yes'"),
        (("--skip-train", ""), "--skip-train takes true or false"),
        (("--nj",), "--nj: a value is missing"),
        (("--nj", "2", "--tag"), "--tag: a value is missing"),
        (("--cmd", ""), "empty argument to --cmd"),
        (("--config", "absent.conf"), "--config: no such file: absent.conf"),
        (("--config",), "--config: a file name is missing"),
    ],
)
def test_refused(script, arguments, words, tmp_path):
    done = script(*arguments)
    assert done.returncode == 1 and done.stdout == ""
    assert words in done.stderr and "script.sh: " in done.stderr
    assert not (tmp_path / "broken").exists()


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help(script, option):
    done = script("--nj", "3", option)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "Usage: script.sh [options]  # 100% plain\n"


def test_help_without_message(call, utils):
    done = call("bash", "-c", f". '{utils}/parse_options.sh'; echo went on", "x", "--help")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "No help found.\n")


def test_config_stands_below_the_command_line(script, tmp_path):
    (tmp_path / "a.conf").write_text("nj=20\ntag='from a file'\n")
    for place in (("--config", "a.conf", "--nj", "30"), ("--nj", "30", "--config", "a.conf")):
        assert script(*place).stdout == "30|false|from a file|run.py|0|"
    assert script("--config", "a.conf", "rest").stdout == "20|false|from a file|run.py|1|rest|"
    assert script("rest", "--config", "a.conf").stdout == "4|false||run.py|3|rest|--config|a.conf|"


def test_config_as_a_value_is_no_config(script):
    assert script("--tag", "--config", "rest").stdout == "4|false|--config|run.py|1|rest|"


def test_a_function_prints_the_help_of_what_stands_before_it(call, tmp_path, utils):
    (tmp_path / "own.sh").write_text('nj=4\nprint_help() { echo "nj [$nj]"; }\n. "$UTILS"/parse_options.sh\n')
    done = call("bash", "own.sh", "--nj", "7", "--help", "--nj", "9", UTILS=str(utils))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "nj [7]\n")
