"""Opening pages in a real headless browser: Debian's chromium (`apt-get install chromium chromium-driver`)."""

import base64
import json
import shutil
import time
from contextlib import contextmanager

import pytest

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
)  # fmt: skip
PHONE, DESKTOP = (375, 812), (1280, 900)
"""Widths and heights in CSS pixels."""


def chromium():
    """Paths of chromium and of its driver; skips the test, with the reason, where one of them is absent."""
    pytest.importorskip("selenium", reason="selenium is not installed: tools/install.sh --test")
    paths = [shutil.which(name) for name in ("chromium", "chromedriver")]
    if None in paths:
        pytest.skip("no chromium here, or no chromedriver: apt-get install chromium chromium-driver")
    return paths


@contextmanager
def driver(profile, *flags):
    """A selenium driver of a new chromium, ended with the block.

    profile: an empty folder for what the browser stores. flags: further ones, such as
    "--use-file-for-fake-audio-capture=a.wav". Skips as `chromium` does.
    """
    browser, program = chromium()
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in (*FLAGS, f"--user-data-dir={profile}", *flags):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    opened = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=program))
    try:
        opened.set_page_load_timeout(120)
        opened.get("about:blank")
        requests(opened), complaints(opened)  # those of the page that a new window shows
        yield opened
    finally:
        opened.quit()


def resize(opened, size, dark=False):
    """Give the page a viewport of `size` (width, height) in CSS pixels, as a device of that size has it, light or dark."""
    width, height = size
    device = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", device)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})


def screenshot(opened, path):
    """Save the whole page, however long, as a PNG."""
    picture = opened.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "format": "png"})
    path.write_bytes(base64.b64decode(picture["data"]))


def overflow(opened):
    """By how many pixels the page is wider than the window, and what sticks out: tag names and texts."""
    return opened.execute_script("""
        const width = document.documentElement.clientWidth, out = [];
        const inside = node => {
            for (let up = node.parentElement; up; up = up.parentElement)
                if (getComputedStyle(up).overflowX !== "visible" && up !== document.body) return true;
            return false;
        };
        for (const node of document.body.querySelectorAll("*"))
            if (node.getBoundingClientRect().right > width + 1 && !inside(node))
                out.push(node.tagName + " " + (node.textContent || "").trim().slice(0, 40));
        return [document.documentElement.scrollWidth - width, out];
    """)


def requests(opened):
    """Addresses that were asked for since the last call, without data: and blob:, in order."""
    sent = []
    for entry in opened.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            sent.append(message["params"]["request"]["url"])
    return [url for url in sent if not url.startswith(("data:", "blob:"))]


def complaints(opened):
    """What the console says since the last call: warnings and errors, scripts' own among them."""
    return [entry["message"] for entry in opened.get_log("browser") if entry["level"] in ("WARNING", "SEVERE")]


def wait_for(condition, seconds=300.0, what="the page"):
    """Call `condition` until it gives something true, and return that; fails after `seconds`: machines are busy at times."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"{what}: not there after {seconds:.0f} s"
        time.sleep(0.1)
    return found
