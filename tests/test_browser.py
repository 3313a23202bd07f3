"""The helpers that other tests look at pages with see what they are meant to see."""

import pytest

from tests import browser


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    with browser.driver(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


def show(opened, folder, body):
    page = folder / "page.html"
    viewport = '<meta name="viewport" content="width=device-width, initial-scale=1">'
    page.write_text(f"<!DOCTYPE html><html lang=en><head><meta charset=utf-8>{viewport}</head><body>{body}</body></html>")
    opened.get(page.as_uri())
    return page.as_uri()


def test_what_sticks_out_is_named(opened, tmp_path):
    browser.resize(opened, browser.PHONE)
    wide = "<div style='width: 900px'>wide</div>"
    show(opened, tmp_path, wide)
    pixels, named = browser.overflow(opened)
    assert pixels > 500 and named == ["DIV wide"]
    show(opened, tmp_path, f"<div style='overflow-x: auto'>{wide}</div>")
    assert browser.overflow(opened) == [0, []]


def test_requests_and_complaints_are_seen(opened, tmp_path):
    browser.requests(opened), browser.complaints(opened)  # those of earlier pages
    address = show(opened, tmp_path, "<img alt='' src='data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA='>")
    assert browser.requests(opened) == [address] and browser.complaints(opened) == []
    show(opened, tmp_path, "<img alt='' src='missing.png'><script>console.error('a complaint')</script>")
    assert browser.wait_for(lambda: [url for url in browser.requests(opened) if url.endswith("missing.png")])
    assert any("a complaint" in text for text in browser.complaints(opened))


def test_light_and_dark_are_told_to_the_page(opened, tmp_path):
    show(opened, tmp_path, "")
    for dark in (True, False):
        browser.resize(opened, browser.PHONE, dark)
        assert opened.execute_script("return matchMedia('(prefers-color-scheme: dark)').matches") is dark
    browser.screenshot(opened, tmp_path / "page.png")
    assert (tmp_path / "page.png").read_bytes()[:4] == b"\x89PNG"
