"""The audit of the locks, against an index on this machine that answers as PyPI's documentation shows it."""

import http.server
import importlib.util
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
KNOWN = {
    "id": "PYSEC-2021-9", "aliases": ["CVE-2021-3281"], "details": "In a version before, a function may\nwrite elsewhere.",
    "summary": None, "fixed_in": ["2.2.18", "3.0.12"], "link": "https://osv.dev/vulnerability/PYSEC-2021-9",
    "source": "osv", "withdrawn": None,
}  # fmt: skip
ANSWERS = {
    "/pypi/sound/1.0/json": {"info": {"name": "sound"}, "vulnerabilities": []},
    "/pypi/weak/2.0/json": {"info": {}, "vulnerabilities": [KNOWN, {**KNOWN, "id": "GONE", "withdrawn": "2022-06-28T16:39:06Z"}]},
    "/pypi/torch/2.13.0/json": {"info": {}, "vulnerabilities": []},
    "/pypi/silent/1.0/json": {"info": {}},
}
FOUND = (
    "weak==2.0: PYSEC-2021-9 (CVE-2021-3281): In a version before, a function may write elsewhere.; fixed in 2.2.18, 3.0.12; "
    "https://osv.dev/vulnerability/PYSEC-2021-9"
)


@pytest.fixture(scope="module")
def index():
    """Address of the index, and what it was asked for."""
    asked = []

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200 if self.path in ANSWERS else 404)
            self.end_headers()
            self.wfile.write(json.dumps(ANSWERS.get(self.path)).encode())

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/pypi", asked
    server.shutdown()


def audit(index, tmp_path, *lines):
    (tmp_path / "a.lock").write_text("# comment\n" + "".join(f"{line}\n" for line in lines))
    environment = {key: value for key, value in os.environ.items() if "proxy" not in key.lower()}
    command = [sys.executable, ROOT / "tools/audit_lock.py", tmp_path / "a.lock", "--index", index]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    return done.returncode, done.stdout.splitlines(), done.stderr


def test_nothing_is_known(index, tmp_path):
    status, said, fault = audit(index[0], tmp_path, "sound==1.0", "torch==2.13.0+cpu")
    assert (status, fault) == (0, "") and said == [f"2 of 2 versions asked for at {index[0]}: something is known of 0"]


def test_what_is_known_is_told_and_what_was_withdrawn_is_not(index, tmp_path):
    status, said, _ = audit(index[0], tmp_path, "sound==1.0", "weak==2.0")
    assert status == 1 and said == [FOUND, f"2 of 2 versions asked for at {index[0]}: something is known of 1"]


def test_what_could_not_be_asked_is_named(index, tmp_path):
    for lacking, reason in (("private==1.0", "HTTP Error 404"), ("silent==1.0", "the index answers, but says nothing")):
        status, said, fault = audit(index[0], tmp_path, "sound==1.0", lacking, "weak==2.0")
        assert status == 2 and said[0] == FOUND and said[1].startswith("2 of 3")
        assert f"error: 1 could not be asked for, so nothing is said of them; first {lacking[:-5]}: {reason}" in fault


def test_an_index_without_answers_is_left_in_peace(index, tmp_path):
    index[1].clear()
    status, said, fault = audit(index[0], tmp_path, *(f"no{number}==1" for number in range(9)))
    assert status == 2 and len(index[1]) == 3 and "error: 9 could not be asked for" in fault and said[0].startswith("0 of 9")


def test_the_locks_are_read():
    spec = importlib.util.spec_from_file_location("audit_lock", ROOT / "tools/audit_lock.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    for lock in tool.get_parser().parse_args(["--index", "an index"]).locks:
        lines = [line for line in lock.read_text(encoding="utf-8").splitlines() if "==" in line and line[0] != "#"]
        assert len(tool.read_pins(lock)) == len(lines) > 5
    assert dict(tool.read_pins(ROOT / "tools/requirements.lock"))["transformers"] == "5.17.0"
