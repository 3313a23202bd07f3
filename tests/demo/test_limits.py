"""What a stranger may do with the page: nothing is read that was not uploaded, nobody sees another's, all is bounded."""

import http.client
import json
import os
import socket
import threading
import time
import uuid
from pathlib import Path

import numpy as np
import pytest
import soundfile

gradio = pytest.importorskip("gradio", reason="gradio is not installed: tools/install.sh --test")

from c2ser.demo import page as demo_page  # noqa: E402
from c2ser.demo.analysis import Analysis, Analyst  # noqa: E402
from c2ser.errors import InputError  # noqa: E402

SECRET = "nobody has uploaded this"


class Reader:
    """Stands for a system: its answer is what the file holds, so that whatever is read can be seen."""

    modes, labels = ["explicit"], ["sad"]

    @property
    def predictor(self):
        return self

    def __call__(self, path, mode, channel):
        text = Path(path).read_text(encoding="utf-8") if Path(path).is_file() else f"no file {path}"
        time.sleep(0.1)  # two that come at once overlap
        curve = np.arange(3.0), np.full(3, 100.0)
        yield Analysis(1.0, curve, (np.arange(3.0), np.full(3, -20.0)), 100.0, -20.0, text, "sad", {"sad": 1.0})


class Visitor:
    """Somebody with a browser of his own: what he sends and gets, without the page's own script."""

    def __init__(self, address):
        self.host, self.session = address.split("/")[2], uuid.uuid4().hex

    def ask(self, method, path, body=None, kind="application/json"):
        """Status and body of an answer."""
        connection = http.client.HTTPConnection(self.host, timeout=60)
        try:
            connection.request(method, f"/gradio_api{path}", body, {"content-type": kind} if body else {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode("utf-8", "replace")
        finally:
            connection.close()

    def upload(self, content, name="a.wav"):
        """Where the page has put a file, or the status with which it refused it."""
        form = f'--x\r\ncontent-disposition: form-data; name="files"; filename="{name}"\r\n\r\n'.encode() + content + b"\r\n--x--\r\n"
        status, body = self.ask("POST", "/upload", form, "multipart/form-data; boundary=x")
        return json.loads(body)[0] if status == 200 else status

    def listen(self, path, **more):
        """What the page shows of a file at that path: (whether it worked, all of it as text)."""
        data = [{"path": str(path), "meta": {"_type": "gradio.FileData"}, **more}, "explicit", "mean"]
        asked = json.dumps({"data": data, "fn_index": 0, "session_hash": self.session, "event_data": None, "trigger_id": None})
        status, body = self.ask("POST", "/queue/join", asked)
        if status != 200:
            return False, body
        _, events = self.ask("GET", f"/queue/data?session_hash={self.session}")
        (end,) = [line for line in events.split("\n") if '"process_completed"' in line]
        return json.loads(end.removeprefix("data: "))["success"], events


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch, socket.socket() as free:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("uploads")))
        patch.setattr(demo_page, "UPLOAD", "1mb")
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        page = demo_page.build_page(Reader(), "reader")
        yield demo_page.serve(page, port=port, block=False)
        page.close()


@pytest.fixture(scope="module")
def secret(tmp_path_factory):
    path = tmp_path_factory.mktemp("elsewhere") / "secret.wav"
    path.write_text(SECRET, encoding="utf-8")
    return path


def test_what_was_uploaded_is_read(address):
    visitor = Visitor(address)
    worked, shown = visitor.listen(visitor.upload(b"my own words"))
    assert worked and "my own words" in shown


def test_nothing_else_is_read(address, secret):
    visitor = Visitor(address)
    uploaded = Path(visitor.upload(b"mine"))
    around = os.path.relpath(secret, uploaded.parent)
    for path in (secret, f"{uploaded.parent}/{around}", f"{secret} |", f"file://{secret}", f"{secret}:0"):
        for more in ({}, {"is_stream": True}, {"url": f"file://{secret}"}):
            worked, shown = visitor.listen(path, **more)
            assert SECRET not in shown and (not worked or "no file" in shown), (path, more, shown)


def test_no_file_is_handed_out(address, secret):
    for path in (secret, Path(demo_page.__file__), "/etc/passwd", "../../../../etc/passwd", "..%2f..%2f..%2fetc%2fpasswd"):
        status, body = Visitor(address).ask("GET", f"/file={path}")
        assert status in (400, 403, 404) and SECRET not in body and "root:" not in body, (path, status)


def test_no_address_is_fetched(address):
    asked = []
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.settimeout(0.2)
        path = f"http://127.0.0.1:{other.getsockname()[1]}/a.wav"
        for more in ({}, {"is_stream": True}, {"url": path}):
            worked, shown = Visitor(address).listen(path, **more)
            assert not worked or "no file" in shown, shown
        worked, shown = Visitor(address).listen("https://example.invalid/a.wav")
        assert not worked and "addresses are not fetched" in shown
        try:
            asked.append(other.accept())
        except TimeoutError:
            pass
    assert not asked


def test_two_at_once_do_not_see_each_other(address):
    shown = {}

    def visit(name):
        visitor = Visitor(address)
        shown[name] = visitor.listen(visitor.upload(f"words of {name}".encode()))

    threads = [threading.Thread(target=visit, args=(name,)) for name in ("anna", "boris")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for name, other in (("anna", "boris"), ("boris", "anna")):
        worked, seen = shown[name]
        assert worked and f"words of {name}" in seen and other not in seen


def test_the_same_name_is_not_the_same_file(address):
    one, other = Visitor(address).upload(b"one"), Visitor(address).upload(b"other")
    assert one != other and Path(one).read_bytes() == b"one"


def test_too_large_a_file_is_refused(address):
    assert Visitor(address).upload(bytes(1_100_000)) == 413
    assert isinstance(Visitor(address).upload(bytes(900_000)), str)


def test_too_many_at_once_are_refused(address, monkeypatch):
    page_limit = demo_page.WAITING
    visitors = [Visitor(address) for _ in range(page_limit + 4)]
    path = visitors[0].upload(b"the same")
    body = {"data": [{"path": path, "meta": {"_type": "gradio.FileData"}}, "explicit", "mean"], "fn_index": 0}
    states = [one.ask("POST", "/queue/join", json.dumps({**body, "session_hash": one.session}))[0] for one in visitors]
    assert 200 in states and states[-1] != 200 and 1 <= sum(state != 200 for state in states) <= 4
    for visitor, state in zip(visitors, states):  # the queue is empty again where all have had their answer
        assert state != 200 or visitor.ask("GET", f"/queue/data?session_hash={visitor.session}")[0] == 200


class Deaf:
    """A system that has nothing to say: recordings are refused before it is asked."""

    class bundle:
        modes = ("explicit",)

    def reads_text(self, mode):
        return False


def test_a_small_file_of_much_sound_is_not_unfolded(tmp_path, monkeypatch):
    """An hour of silence takes 13 kB of FLAC; of it no more is decoded than twice what may be heard, and a second."""
    import c2ser.soundfiles as soundfiles

    path, read = tmp_path / "long.flac", []
    with soundfile.SoundFile(path, "w", 8000, 1, format="FLAC") as sound:
        for _ in range(60):
            sound.write(np.zeros(480_000, np.int16))
    assert path.stat().st_size < 200_000
    monkeypatch.setattr(soundfiles.np, "concatenate", lambda blocks: read.append(blocks))
    with pytest.raises(InputError, match=r"^long.flac: longer than 20 s, and no more is read at once; cut it into pieces"):
        next(Analyst(Deaf(), max_seconds=10)(path, "explicit"))
    assert not read


def test_what_is_a_little_too_long_is_told_exactly(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.full(16_000 * 3, 0.1), 16000)
    with pytest.raises(InputError, match="^a.wav: 3 s; at most 2 s are taken here"):
        next(Analyst(Deaf(), max_seconds=2)(tmp_path / "a.wav", "explicit"))
