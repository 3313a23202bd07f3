#!/usr/bin/env python3
"""Print what the package index knows of weaknesses in the versions that the locks pin.

    tools/audit_lock.py --index INDEX [tools/requirements.lock …]

Each version is asked for once, at INDEX/NAME/VERSION/json as PyPI's JSON API serves it; nothing is installed. Status 0: all were
asked and nothing is known; 1: something is; 2: some could not be asked, which are named. An index that refuses the first
few, as mirrors do that offer packages alone, is not asked for the rest.
"""

import argparse
import json
import re
import sys
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).parent
PATIENCE = 3
"""Refusals at the start after which an index is taken not to offer this."""


def get_parser():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    locks = [HERE / "requirements.lock", HERE / "requirements_test.lock"]
    parser.add_argument("locks", nargs="*", type=Path, default=locks, help="Files of lines NAME==VERSION")
    parser.add_argument("--index", required=True, help="Address of PyPI's JSON API, or of a mirror that offers it")
    return parser


def main():
    args = get_parser().parse_args()
    pins = [pin for lock in args.locks for pin in read_pins(lock)]
    refused, asked, weak = [], 0, 0
    for number, (name, version) in enumerate(pins):
        try:
            known = ask(args.index, name, version)
            asked += 1
        except (OSError, ValueError) as error:
            refused.append((name, error))
            if not asked and len(refused) == PATIENCE:
                refused += [(name, error) for name, _ in pins[number + 1 :]]
                break
            continue
        weak += bool(known)
        for one in known:
            print(describe(name, version, one))
    print(f"{asked} of {len(pins)} versions asked for at {args.index}: something is known of {weak}")
    if refused:
        name, error = refused[0]
        print(f"error: {len(refused)} could not be asked for, so nothing is said of them; first {name}: {error}", file=sys.stderr)
    sys.exit(2 if refused else min(weak, 1))


def read_pins(path):
    """(name, version) of every line NAME==VERSION of a lock, without local versions (+cpu), which no index lists."""
    lines = path.read_text(encoding="utf-8").splitlines()
    found = [re.match(r"([A-Za-z0-9._-]+)==([^\s;+]+)", line) for line in lines]
    return [match.groups() for match in found if match]


def ask(index, name, version):
    """What an index knows of one version: its `vulnerabilities`, without those that were withdrawn."""
    with urllib.request.urlopen(f"{index}/{name}/{version}/json", timeout=60) as answer:
        content = json.load(answer)
    if "vulnerabilities" not in content:
        raise ValueError("the index answers, but says nothing of weaknesses")
    return [one for one in content["vulnerabilities"] if not one.get("withdrawn")]


def describe(name, version, one):
    """A weakness on one line."""
    also = f" ({', '.join(one['aliases'])})" if one.get("aliases") else ""
    said = " ".join((one.get("summary") or one.get("details") or "").split())
    fixed = ", ".join(one.get("fixed_in") or ()) or "no version yet"
    return f"{name}=={version}: {one['id']}{also}: {said[:200]}; fixed in {fixed}; {one.get('link', '')}".rstrip("; ")


if __name__ == "__main__":
    main()
