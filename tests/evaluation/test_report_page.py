"""report.html in a real browser: nothing is fetched, nothing sticks out, pictures and recordings are there."""

import pytest

from tests import browser
from tests.evaluation.experiment import SYSTEMS, report_experiment, with_speech, write_experiment

TABLES = ("Leaderboard", "UA % of each corpus", "Each corpus in full", "UA % of each language", "Each language in full",
          "Test sets one by one", "Recall of each class, %", "Further scores", "Hardest errors", "Speed and memory")  # fmt: skip
LOADED = """
    return [...document.images].every(image => image.complete)
        && [...document.querySelectorAll("audio")].every(sound => sound.readyState > 0 || sound.error)
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Address of a page with everything on it, of 2 corpora, 2 languages and 5 systems."""
    browser.chromium()
    root = tmp_path_factory.mktemp("情感 exp")
    exp = write_experiment(root, seconds=9.0)
    curves = f"{exp}/scores/decode_implicit_test_utt2scored.png"  # any picture
    report_experiment(root, *with_speech(root), "--leak", "Test speakers are in no training set.", "--picture",
                      f"Training curves: C2SER={curves}", "--config", f"{root}/data/fold1/test/utt2emo")  # fmt: skip
    return (exp / "report.html").as_uri()


@pytest.fixture(scope="module")
def opened(page, tmp_path_factory):
    with browser.driver(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture(params=[(browser.PHONE, False), (browser.DESKTOP, False), (browser.PHONE, True)], ids=str)
def shown(request, opened, page):
    """The page in a window of a phone or a desktop, light or dark, loaded anew."""
    browser.resize(opened, *request.param)
    opened.get("about:blank")
    browser.requests(opened), browser.complaints(opened)
    opened.get(page)
    browser.wait_for(lambda: opened.execute_script(LOADED), what="pictures and recordings")
    return opened


def test_nothing_is_fetched_and_nothing_complains(shown, page):
    assert browser.requests(shown) == [page] and browser.complaints(shown) == []


def test_nothing_sticks_out_with_configurations_open(shown):
    shown.execute_script("document.querySelectorAll('details').forEach(details => details.open = true)")
    assert browser.overflow(shown) == [0, []]


def test_tables_are_there_and_scroll_in_their_box(shown):
    found = shown.execute_script("""
        return [...document.querySelectorAll("table")].map(table => [
            table.closest("section").querySelector("h2").textContent, table.rows.length,
            table.parentElement.clientWidth, table.parentElement.scrollWidth])
    """)
    assert tuple(name for name, *_ in found) == TABLES and all(rows > 1 for _, rows, _, _ in found)
    if shown.execute_script("return innerWidth") == browser.PHONE[0]:
        assert any(inside > outside for *_, outside, inside in found)


def test_pictures_and_recordings_are_there(shown):
    """A confusion matrix a system; those with the same posteriors share a reliability diagram."""
    pictures = shown.execute_script("return [...document.images].map(image => [image.alt, image.naturalWidth])")
    assert all(alt and width > 100 for alt, width in pictures)
    assert sum(alt.startswith("Confusion matrix of") for alt, _ in pictures) == len(SYSTEMS)
    assert sum(alt.startswith("Reliability diagram of") for alt, _ in pictures) == len(SYSTEMS) - 1
    sounds = shown.execute_script("return [...document.querySelectorAll('audio')].map(sound => sound.duration)")
    assert len(sounds) == 8 and all(0.5 < seconds <= 8.2 for seconds in sounds)


def test_errors_show_truth_answer_transcript_and_rationale(shown):
    cards = [card.text for card in shown.find_elements("css selector", ".error")]
    assert len(cards) == 8
    for card in cards:
        assert "True: " in card and "answered: " in card and "Rationale, explicit mode\nThe speaker talks" in card
        assert ("今天的会议" in card) != ("Gli operai" in card)
    languages = shown.execute_script("return [...document.querySelectorAll('blockquote[lang]')].map(node => node.lang)")
    assert len(languages) == 8 and set(languages) <= {"zh", "it"}


def test_the_page_can_be_read_by_who_cannot_see_it(shown):
    """Headings in order, names for boxes that scroll, and ink that stands out from the paper."""
    levels = shown.execute_script("return [...document.querySelectorAll('h1,h2,h3')].map(node => +node.tagName[1])")
    assert levels[0] == 1 and levels.count(1) == 1 and all(b - a <= 1 for a, b in zip(levels, levels[1:]))
    unnamed = shown.execute_script("""
        return [...document.querySelectorAll("[role=region], section, audio, nav")]
            .filter(node => !node.getAttribute("aria-label") && !document.getElementById(node.getAttribute("aria-labelledby")))
            .length
    """)
    assert unnamed == 0
    ratios = shown.execute_script("""
        const light = colour => colour.match(/[\\d.]+/g).slice(0, 3).map(value => value / 255)
            .map(value => value <= .03928 ? value / 12.92 : ((value + .055) / 1.055) ** 2.4)
            .reduce((sum, value, i) => sum + value * [.2126, .7152, .0722][i], 0);
        const paper = light(getComputedStyle(document.body).backgroundColor);
        return ["body", ".remark", ".meta", "a", ".right", ".wrong"].map(name => {
            const ink = light(getComputedStyle(document.querySelector(name)).color);
            return (Math.max(ink, paper) + .05) / (Math.min(ink, paper) + .05);
        });
    """)
    assert min(ratios) >= 4.5, ratios  # WCAG 2, level AA


def test_links_of_the_contents_lead_to_their_sections(shown):
    for link in shown.find_elements("css selector", "nav a"):
        target = shown.find_element("id", link.get_attribute("href").rpartition("#")[2])
        assert link.text in target.text
