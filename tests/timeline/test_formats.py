"""Time lines as files, read back by the libraries that people read them with."""

import json
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from c2ser.errors import InputError
from c2ser.timeline.formats import SUFFIXES, check, write
from c2ser.timeline.picture import COLOURS
from c2ser.timeline.timeline import Segment, Timeline

LABELS = ["angry", "no <love> & \"fear\"", "sad"]


def segment(start, end, speaker, *posterior):
    return Segment(start, end, speaker, LABELS[int(np.argmax(posterior))], dict(zip(LABELS, posterior)))


SEGMENTS = [
    segment(0.5, 2.0, "ann", 0.7, 0.2, 0.1), segment(1.25, 3.0, "b&b", 0.1, 0.8, 0.1), segment(2.0, 2.7506, "ann", 0.2, 0.2, 0.6),
    segment(3725.0625, 3726.5, "b&b", 0.5, 0.3, 0.2),
]  # fmt: skip


@pytest.fixture
def made(tmp_path):
    """made(suffix, …): a time line of an hour, of two speakers of whom one is cut short by the other, in that format."""

    def make(suffix, segments=SEGMENTS, seconds=3727.0):
        peaks = np.stack([np.arange(0, seconds, 0.5), *np.ones((2, round(2 * seconds))) * [[-0.5], [0.25]]], axis=1)
        path = tmp_path / f"line{suffix}"
        write(Timeline("talks/my talk.wav", "a system", LABELS, seconds, segments, peaks), path)
        return str(path)

    return make


def test_json(made):
    told = json.load(open(made(".json"), encoding="utf-8"))
    assert (told["audio"], told["model"], told["labels"], told["seconds"]) == ("talks/my talk.wav", "a system", LABELS, 3727.0)
    assert [Segment(**one) for one in told["segments"]] == SEGMENTS and set(told) == set(Timeline._fields) - {"peaks"}


def test_rttm_and_ctm(made):
    """Ten fields of NIST's RTTM, six of its CTM."""
    rows = [line.split(" ") for line in open(made(".rttm"), encoding="utf-8").read().splitlines()]
    assert rows[0] == ["SPEAKER", "my_talk", "1", "0.500", "1.500", "<NA>", "ann", "angry", "0.7000", "<NA>"]
    assert [len(row) for row in rows] == [10] * 4 and rows[1][7] == "no_<love>_&_\"fear\""
    rows = [line.split(" ") for line in open(made(".ctm"), encoding="utf-8").read().splitlines()]
    assert rows[3] == ["my_talk", "1", "3725.062", "1.438", "angry", "0.5000"] and [len(row) for row in rows] == [6] * 4
    (row,) = open(made(".rttm", [segment(0, 1, "", 0.5, 0.3, 0.2)]), encoding="utf-8").read().splitlines()
    assert row.split()[6] == "<NA>"


def test_textgrid_in_praat_io(made):
    """praatio is strict: intervals without gaps and overlaps, up to the end."""
    textgrid = pytest.importorskip("praatio.textgrid")
    grid = textgrid.openTextgrid(made(".TextGrid"), includeEmptyIntervals=True, reportingMode="error")
    assert grid.tierNames == ("emotion: ann", "emotion: b&b") and grid.maxTimestamp == 3727.0
    found = [tuple(one) for one in grid.getTier("emotion: ann").entries]
    assert found == [(0.0, 0.5, ""), (0.5, 2.0, "angry"), (2.0, 2.7506, "sad"), (2.7506, 3727.0, "")]
    labels = [one.label for one in grid.getTier("emotion: b&b").entries]
    assert labels == ["", LABELS[1], "", "angry", ""] and grid.getTier("emotion: b&b").entries[3].start == 3725.0625
    assert 'text = "no <love> & ""fear"""\n' in open(made(".TextGrid"), encoding="utf-8").read()  # praatio takes more than Praat
    empty = textgrid.openTextgrid(made(".TextGrid", []), includeEmptyIntervals=True)
    assert [tuple(one) for one in empty.getTier("emotion").entries] == [(0.0, 3727.0, "")]


def test_elan_in_pympi(made, tmp_path):
    elan = pytest.importorskip("pympi.Elan")
    path = made(".eaf")
    found = elan.Eaf(path)
    assert sorted(found.get_tier_names()) == ["emotion: ann", "emotion: b&b"]
    assert sorted(found.get_annotation_data_for_tier("emotion: ann")) == [(500, 2000, "angry"), (2000, 2751, "sad")]
    assert sorted(found.get_annotation_data_for_tier("emotion: b&b"))[1] == (3725062, 3726500, "angry")
    assert sorted(found.get_annotation_data_for_tier("emotion: b&b"))[0][2] == LABELS[1]
    (media,) = found.get_linked_files()
    assert media["RELATIVE_MEDIA_URL"].endswith("talks/my talk.wav") and media["MEDIA_URL"].endswith("talks/my%20talk.wav")
    assert media["MIME_TYPE"] in ("audio/x-wav", "audio/wav", "audio/vnd.wave")
    ids = [one.get("ANNOTATION_ID") for one in ET.parse(path).iter("ALIGNABLE_ANNOTATION")]
    assert len(set(ids)) == len(ids) == 4


def test_webvtt_in_webvtt_py(made):
    webvtt = pytest.importorskip("webvtt")
    captions = webvtt.read(made(".vtt")).captions
    assert [(one.start, one.end) for one in captions][-1] == ("01:02:05.062", "01:02:06.500")
    assert [(one.voice, one.text) for one in captions][0] == ("ann", "angry 0.70")
    raw = open(made(".vtt"), encoding="utf-8").read()
    assert raw.startswith("WEBVTT\n\n00:00:00.500 --> 00:00:02.000\n<v ann>angry 0.70</v>\n\n") and "&lt;love&gt; &amp;" in raw
    (plain,) = webvtt.read(made(".vtt", [segment(0, 1, "", 0.5, 0.3, 0.2)])).captions
    assert (plain.voice, plain.text) == (None, "angry 0.50")


def test_a_picture_shows_the_posteriors(made):
    """Of one segment over the first half: its bands, counted in pixels of their colours, are as high as its posteriors."""
    pixels = np.asarray(Image.open(made(".png", [segment(0.0, 5.0, "", 0.6, 0.3, 0.1)], 10.0)).convert("RGB")).astype(int)
    rows = []
    for colour in COLOURS[:3]:
        wanted = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
        alike = np.abs(pixels - wanted).max(axis=2) < 12
        rows.append(alike[:, np.flatnonzero(alike.sum(0) > 5)[10:200]].sum(0))
    heights = np.array([np.median(row) for row in rows])
    np.testing.assert_allclose(heights / heights.sum(), [0.6, 0.3, 0.1], atol=0.02)
    assert pixels.shape[1] >= 1500 and np.abs(pixels - 0x44).max(axis=2).min() < 12  # and there is the waveform


def test_pictures_of_many_kinds(made):
    assert ET.parse(made(".svg")).getroot().tag.endswith("}svg") and open(made(".pdf", []), "rb").read(5) == b"%PDF-"


def test_a_picture_without_matplotlib_is_refused_before_all_work(monkeypatch):
    monkeypatch.setattr("c2ser.timeline.formats.find_spec", lambda name: None)
    with pytest.raises(InputError, match="line.png: a picture needs the package matplotlib: pip install matplotlib"):
        check("line.png")
    check("line.json")


def test_other_suffixes_are_refused(made):
    with pytest.raises(InputError, match=r"line.doc: expected a name that ends in .json, .rttm"):
        made(".doc")
    assert len(SUFFIXES) == len(set(SUFFIXES)) == 9
