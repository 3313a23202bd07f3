"""What the documents say can be typed: links lead somewhere, commands and options exist, marked blocks run."""

import argparse
import importlib
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from c2ser.cli import commands

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "THREATS.md", *ROOT.glob("docs/*.md"), *ROOT.glob("egs/*/c2ser1/README.md")])
BLOCK = re.compile(r"(<!-- tested -->\n)?```sh\n(.*?)```", re.DOTALL)
TRAINING = ("train-emotion2vec-s", "train-emotion-classifier", "train-c2ser")


def name(page):
    return str(page.relative_to(ROOT))


def lines(page):
    """The commands of all shell blocks: continued lines joined, comments gone, pipes cut off."""
    for _, block in blocks(page):
        for line in block.replace("\\\n", " ").splitlines():
            yield re.split(r"\s#|\s\|\s", line.strip())[0]


def blocks(page):
    """(whether it is marked, what is in it) of every shell block."""
    return [(bool(mark), block) for mark, block in BLOCK.findall(page.read_text(encoding="utf-8"))]


TESTED = [(name(page), block) for page in PAGES for marked, block in blocks(page) if marked]


@pytest.mark.parametrize(("page", "block"), TESTED)
def test_marked_blocks_run(page, block, tmp_path):
    """In a folder that has everything the project's has, so that nothing is written into the project."""
    for part in ROOT.iterdir():
        if not part.name.startswith("."):
            (tmp_path / part.name).symlink_to(part)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0 and done.stdout, f"{page}: {block}{done.stdout}{done.stderr}"


def test_some_blocks_are_marked():
    assert len(TESTED) >= 3


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        assert link.startswith("http") or (page.parent / link).exists(), link


def recipe_options():
    block = (ROOT / "egs/TEMPLATE/c2ser1/c2ser.sh").read_text(encoding="utf-8").split("# --- options")[1]
    return set(re.findall(r"^(\w+)=", block.split("# --- end")[0], re.MULTILINE)) | {"help", "config"}


def command_options(command):
    """The options of a command, without importing what a training needs."""
    parser = importlib.import_module(f"c2ser.bin.{command.replace('-', '_')}").get_parser()
    assert isinstance(parser, argparse.ArgumentParser)
    return set(parser._option_string_actions)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_options_exist(page):
    for line in lines(page):
        words = shlex.split(line)
        given = {word for word in words if word.startswith("--")}
        if any(word.endswith("run.sh") for word in words):
            unknown = {word for word in given if word[2:].replace("-", "_") not in recipe_options()}
            assert not unknown, f"{line}: {unknown}"
        elif words and words[0] == "c2ser" and words[1:2] != ["--help"]:
            assert words[1] in commands(), line
            if words[1] not in TRAINING:
                assert given <= command_options(words[1]), line


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_in_the_text_exist(page):
    """`c2ser COMMAND …` between backticks; options behind it are those of the command."""
    for words in map(str.split, re.findall(r"`c2ser ([^`\n]+)`", page.read_text(encoding="utf-8"))):
        if words[0].isupper() or words[0].endswith(":"):  # a placeholder; the beginning of a message
            continue
        assert words[0] in commands(), words
        given = {word for word in words[1:] if word.startswith("--")}
        assert not given or given <= command_options(words[0]), words


def test_keys_of_the_decisions_exist():
    """Every key of the last column stands in the configuration reference, or is a command's option."""
    known = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    decisions = (ROOT / "docs/decisions.md").read_text(encoding="utf-8")
    rows = [line for line in decisions.splitlines() if line.startswith("| ")]
    keys = [key for row in rows for key in re.findall(r"`([^`]+)`", row.split(" | ")[-1])]
    assert len(keys) > 25
    for key in keys:
        words = key.removeprefix("--").replace(":", "").split()
        if key.startswith("c2ser ") or key.endswith("*"):
            continue  # checked above; several keys at once
        for word in words:
            assert f"`{word}`" in known or f"`--{word}`" in known or word in ("first10_frames", "mean"), key
