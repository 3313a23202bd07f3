"""The page from start to end: the command serves it, a browser opens it, a recording is uploaded and another one made."""

import os
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from c2ser.bin import demo
from c2ser.errors import InputError
from c2ser.inference.bundle import Bundle
from c2ser.inference.predictor import Predictor
from tests import browser

ROOT = Path(__file__).resolve().parents[2]
WATCH = """
    const field = document.querySelector("#answer textarea");
    window.seen = [];
    setInterval(() => { if (field.value !== window.seen.at(-1)) window.seen.push(field.value); }, 5);
"""


def test_without_gradio_it_says_what_to_install(system_dir, monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(InputError, match="needs the package gradio .*pip install 'gradio>=6.15' .*extra `demo`"):
        demo.main(["--model", str(system_dir)])
    assert os.environ["GRADIO_ANALYTICS_ENABLED"] == "False"


@pytest.mark.parametrize("option", [["--port", "0"], ["--port", "70000"], ["--max_seconds", "0"]])
def test_wrong_options_are_named(option):
    with pytest.raises(InputError, match="--port is a number from 1 to 65535"):
        demo.main(["--model", "exp", *option])


def test_it_is_for_this_machine_alone_by_default():
    args = demo.get_parser().parse_args(["--model", "exp"])
    assert args.host == "127.0.0.1" and not args.share


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@pytest.fixture(scope="module")
def server(system_dir, tmp_path_factory):
    """Address of the page that `c2ser demo` serves of a system in a folder `packed`, and where it keeps recordings."""
    pytest.importorskip("gradio", reason="gradio is not installed: tools/install.sh --test")
    browser.chromium()
    folder, port = tmp_path_factory.mktemp("server"), free_port()
    model = tmp_path_factory.mktemp("base") / "packed"
    model.mkdir()
    replace(Bundle.read(system_dir), name="hlasy: base").write(model)
    command = [sys.executable, "-m", "c2ser", "demo", "--model", str(model), "--port", str(port)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder), "OMP_NUM_THREADS": "1"}
    with open(folder / "log", "w", encoding="utf-8") as log:
        process = subprocess.Popen([*command, "--max_seconds", "60"], stdout=log, stderr=log, env=environment)

    def answers():
        assert process.poll() is None, (folder / "log").read_text(encoding="utf-8")
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", port)) == 0

    try:
        browser.wait_for(answers, what="c2ser demo")
        yield f"http://127.0.0.1:{port}/", folder
    finally:
        process.terminate()
        process.wait(120)
    assert not list(folder.glob("c2ser-demo-*")), "recordings are left"


class Page:
    """The page in a browser."""

    def __init__(self, opened, address):
        self.opened, self.address = opened, address

    def __call__(self, selector, text=None):
        """Elements that are shown, with that text where one is given; none while the page is just changing."""
        from selenium.common.exceptions import StaleElementReferenceException

        try:
            found = self.opened.find_elements("css selector", selector)
            return [one for one in found if one.is_displayed() and text in (None, one.text)]
        except StaleElementReferenceException:
            return []

    def press(self, selector, text=None):
        """Click the first such element, as soon as there is one."""
        from selenium.common.exceptions import StaleElementReferenceException

        def pressed():
            try:
                return [one.click() for one in self(selector, text)[:1]]
            except StaleElementReferenceException:
                return []

        browser.wait_for(pressed, what=text or selector)

    def open(self):
        """Load it and choose uploading; returns the field for a file's path."""
        self.opened.get(self.address)
        browser.wait_for(lambda: self("#listen"), what="the button")
        self.press("#speech button[aria-label='Upload file']")
        return browser.wait_for(lambda: self.opened.find_elements("css selector", "#speech input[type=file]"))[0]

    def upload(self, path):
        self.open().send_keys(str(path))
        self.wait_for_waveform()

    def wait_for_waveform(self):
        browser.wait_for(lambda: self("#speech audio, #speech [data-testid^=waveform]"), what="the waveform")

    def listen(self, mode):
        """Ask for an answer of that mode and wait until it is whole."""
        (field,) = self.opened.find_elements("css selector", f"#mode input[value='{mode}']")
        self.opened.execute_script("arguments[0].click()", field)
        self.press("#listen")
        browser.wait_for(self.posterior, what="the posterior")

    def posterior(self):
        """Class → per cent, as the bars show it; empty while there are none."""
        words = [word for one in self("#posterior") for word in one.text.split()]
        return {words[i]: int(word[:-1]) for i, word in enumerate(words[1:]) if word.endswith("%")}


@pytest.fixture(scope="module")
def page(server, wav, tmp_path_factory):
    """The page, in a browser whose microphone hears the recording."""
    microphone = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    profile = tmp_path_factory.mktemp("profile")
    with browser.driver(profile, *microphone, f"--use-file-for-fake-audio-capture={wav}") as opened:
        browser.resize(opened, browser.DESKTOP)
        yield Page(opened, server[0])


@pytest.mark.parametrize("mode", ["explicit", "implicit"])
def test_an_uploaded_recording_is_answered(page, system_dir, wav, mode):
    page.upload(wav)
    page.opened.execute_script(WATCH)
    page.listen(mode)
    wanted = Predictor(system_dir)([str(wav)], mode)[0]
    assert page.posterior() == {name: round(100 * value) for name, value in wanted.posterior.items()}
    assert page("#posterior h2, #posterior [data-testid=label-output-value]")[0].text.strip() == wanted.label
    browser.wait_for(lambda: len(page("#posterior .bar")) == len(wanted.posterior), what="the bars")
    widths = [bar.size["width"] for bar in page("#posterior .bar")]
    assert len(widths) == len(wanted.posterior) and widths == sorted(widths, reverse=True) and widths[0] > widths[-1]
    seen = page.opened.execute_script("return window.seen")
    assert seen[-1].split() == wanted.text.split()
    if mode == "explicit":
        partial = {text for text in seen if text and text != seen[-1]}
        assert len(partial) >= 3 and all(seen[-1].startswith(text) for text in partial)
    # it is laid out in steps
    (picture,) = browser.wait_for(lambda: [one for one in page("#curves img") if one.size["width"] > 300], what="a wide picture")
    assert page.opened.execute_script("return arguments[0].naturalWidth", picture) > 300
    assert page("#facts")[0].text.startswith("2.00 s · mean pitch 1")


def test_what_the_microphone_hears_is_answered(page):
    page.open()
    page.press("#speech button[aria-label='Record audio']")
    page.press("#speech button", "Record")
    browser.wait_for(lambda: page("#speech button", "Stop"))
    time.sleep(2)  # and longer on a busy machine
    page.press("#speech button", "Stop")
    page.wait_for_waveform()
    page.listen("implicit")
    seconds, _, rest = page("#facts")[0].text.partition(" s · mean pitch ")
    assert 1 < float(seconds) < 60 and 120 < float(rest.split()[0]) < 260  # it hears the hum, again and again


def test_the_page_is_called_as_its_system(page):
    page.open()
    assert page.opened.title == page("h1")[0].text == "C2SER · hlasy: base"


def test_faults_are_told(page, tmp_path):
    field = page.open()
    page.press("#listen")
    browser.wait_for(lambda: "Record something or choose a file first" in page("body")[0].text, what="the message")
    (tmp_path / "words.wav").write_text("no audio at all")
    field.send_keys(str(tmp_path / "words.wav"))
    page.wait_for_waveform()
    page.press("#listen")
    browser.wait_for(lambda: "words.wav: not audio" in page("body")[0].text, what="the message")


def test_no_other_host_is_asked(page):
    """By all that the tests above did, where they ran, and by a fresh page in any case."""
    page.open()
    asked = browser.requests(page.opened)
    assert len(asked) > 10 and [url for url in asked if not url.startswith(page.address)] == []
    assert not [line for line in browser.complaints(page.opened) if "Refused" in line or "Content Security" in line]


@pytest.mark.parametrize("dark", [False, True])
def test_it_fits_a_phone(page, wav, tmp_path, dark):
    page.upload(wav)
    page.listen("implicit")
    browser.resize(page.opened, browser.PHONE, dark)
    try:  # a new size is laid out in steps
        browser.wait_for(lambda: [one for one in page("#curves img") if one.size["width"] >= 300], what="a wide picture")
        assert browser.overflow(page.opened) == [0, []]
        browser.screenshot(page.opened, tmp_path / "phone.png")
        assert (tmp_path / "phone.png").stat().st_size > 20000
    finally:
        browser.resize(page.opened, browser.DESKTOP)


def test_a_taken_port_is_named(server, system_dir):
    port = server[0].rstrip("/").rpartition(":")[2]
    with pytest.raises(InputError, match=f"--port {port}: cannot be served on 127.0.0.1"):
        demo.main(["--model", str(system_dir), "--port", port])
