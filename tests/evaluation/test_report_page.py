"""report.html in a real browser: nothing is fetched, nothing sticks out, pictures and recordings are there, and a phone shows
what counts."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from c2ser.evaluation import plots
from tests import browser
from tests.evaluation.experiment import SYSTEMS, report_experiment, with_speech, write_experiment, write_stability

TABLES = ("Leaderboard", "UA % of each corpus", "Each corpus in full", "UA % of each language", "Each language in full",
          "Test sets one by one", "Recall of each class, %", "Further scores", "Answers",
          "Agreement of explicit and implicit answers", "Agreement over paraphrased prompts",
          "Style levels stated in rationales", "Words quoted in rationales", "Hardest errors", "Speed and memory")  # fmt: skip
LOADED = """
    return [...document.images].every(image => image.complete)
        && [...document.querySelectorAll("audio")].every(sound => sound.readyState > 0 || sound.error)
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Address of a page with everything on it, of 2 corpora, 2 languages and 5 systems."""
    browser.chromium()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("情感 exp"))
        root = Path(".")
        exp = write_experiment(root, seconds=9.0)
        (exp / "scores").mkdir()
        epochs = {part: (range(1, 9), np.arange(8)) for part in ("train", "valid")}
        plots.training_curves(dict.fromkeys("abcde", epochs), "", exp / "scores/curves.png")
        plots.layer_curves({"a": np.full((2, 5), 0.5)}, "UA %", "", exp / "scores/layers.png")
        pictures = (f"Training curves: C2SER={exp}/scores/curves.png", f"Layers={exp}/scores/layers.png")
        report_experiment(root, *with_speech(root), "--leak", "Test speakers are in no training set.",
                          *(f"--picture={picture}" for picture in pictures), "--config", "data/fold1/test/utt2emo",
                          "--stability", str(write_stability(exp / "scores/stability.json")))  # fmt: skip
        return (exp / "report.html").resolve().as_uri()


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


def test_the_score_that_ranks_is_seen_without_scrolling(shown):
    """UA is within the box before anybody scrolls, heading and cells."""
    found = shown.execute_script("""
        return [...document.querySelectorAll(".scroll")].map(box => {
            const names = [...box.querySelectorAll("thead th")].map(cell => cell.textContent.replaceAll("\\u00a0", " "));
            const column = names.indexOf("UA %");
            const cells = [...box.querySelectorAll("tr")].map(row => row.cells[column]).filter(cell => cell);
            return [names[0], column, Math.max(0, ...cells.map(cell => cell.getBoundingClientRect().right)),
                    box.getBoundingClientRect().right];
        })
    """)
    scored = [(right, edge) for _, column, right, edge in found if column > 0]
    assert len(scored) >= 5 and all(right <= edge for right, edge in scored), found


def test_headings_of_columns_keep_to_themselves(shown):
    """No heading's text leaves its cell, and so none lies on another."""
    overlaps = shown.execute_script("""
        const out = [], ranges = cell => {
            const range = document.createRange();
            range.selectNodeContents(cell);
            return [...range.getClientRects()];
        };
        for (const row of document.querySelectorAll("thead tr")) {
            const cells = [...row.cells];
            cells.forEach((cell, i) => {
                const box = cell.getBoundingClientRect();
                for (const text of ranges(cell))
                    if (text.right > box.right + .5 || text.left < box.left - .5) out.push([cell.textContent, "leaves"]);
                if (i && i + 1 < cells.length && box.right > cells[i + 1].getBoundingClientRect().left + .5)
                    out.push([cell.textContent, "covers"]);
            });
        }
        return out;
    """)
    assert overlaps == []


EDGES = """
    return [...document.querySelectorAll(".scroll")].map(box => {
        const rect = box.getBoundingClientRect(), body = box.querySelector("tbody").getBoundingClientRect();
        return [box.scrollWidth - box.clientWidth, Math.round(rect.right + scrollX) - 6, Math.round(body.top + scrollY) + 1,
                Math.round(Math.min(body.bottom, rect.bottom) + scrollY) - 1];
    })
"""


def brightness(opened, path):
    """The median over the right edge inside each table's box, below its head, as a screen shows it."""
    browser.screenshot(opened, path)
    with Image.open(path) as picture:
        light = np.asarray(picture.convert("L"))
    return [float(np.median(light[top:bottom, left : left + 4])) for _, left, top, bottom in opened.execute_script(EDGES)]


def test_columns_behind_the_edge_are_announced(shown, tmp_path):
    """A shade lies there until the box is scrolled to its end, and nowhere else."""
    hidden = [pixels for pixels, *_ in shown.execute_script(EDGES)]
    before = brightness(shown, tmp_path / "a.png")
    shown.execute_script("document.querySelectorAll('.scroll').forEach(box => box.scrollLeft = 9999)")
    changes = [abs(one - other) for one, other in zip(before, brightness(shown, tmp_path / "b.png"))]
    assert all(change > 15 if pixels > 1 else change == 0 for pixels, change in zip(hidden, changes)), [hidden, changes]
    if shown.execute_script("return innerWidth") == browser.PHONE[0]:
        assert max(hidden) > 50


def test_pictures_fit(shown):
    """As wide as there is room, or as they are, and nothing of them behind an edge."""
    cut = shown.execute_script("""
        return [...document.images].filter(image => {
            const box = image.getBoundingClientRect();
            return box.right > document.documentElement.clientWidth || box.width > image.parentElement.clientWidth + 1;
        }).map(image => image.alt)
    """)
    assert cut == []


def test_no_name_of_a_table_is_shown(shown):
    """Methods of answering go by plain words: free answer, label scoring, constrained answer."""
    text = shown.execute_script("return document.body.innerText")
    assert not re.search(r"utt2\w+", text.replace("data/fold1/test/utt2emo", ""))  # a configuration's name, and its path
    for words in ("free answer", "label scoring", "constrained answer"):
        assert words in text


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
