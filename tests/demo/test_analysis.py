"""What the demo says of a recording, without a page."""

import io

import numpy as np
import pytest
import soundfile

from c2ser.demo.analysis import Analyst, measure
from c2ser.demo.curves import describe, draw
from c2ser.emotions import EMOTIONS
from c2ser.errors import InputError
from c2ser.inference.bundle import Bundle
from c2ser.inference.predictor import Predictor
from tests.builders import c2ser_config, c2ser_model, write_parts
from tests.closeness import nearly
from tests.demo.conftest import RATE, voice


@pytest.fixture(scope="module")
def analyst(system_dir):
    return Analyst(Predictor(system_dir), max_seconds=5)


def test_curves_follow_the_voice():
    known = measure(voice().astype(np.float32))
    times, f0 = known.pitch
    voiced = np.isfinite(f0)
    assert voiced.mean() > 0.8
    assert f0[voiced] == pytest.approx(140 + 40 * times[voiced], rel=0.06)
    assert known.mean_pitch == pytest.approx(180, rel=0.06) and known.seconds == 2.0
    times, loud = known.loudness
    assert (np.diff(loud) > 0).all() and loud[-1] - loud[0] == pytest.approx(10 * (times[-1] - times[0]), abs=1.5)
    assert loud[0] < known.mean_loudness < loud[-1]


@pytest.mark.parametrize("mode", ["explicit", "implicit"])
def test_curves_first_then_the_answer_token_by_token(analyst, wav, mode):
    first, *during, last = analyst(str(wav), mode)
    assert first.text == "" and first.posterior is None and len(first.pitch[0]) > 50
    wanted = analyst.predictor([str(wav)], mode)[0]
    assert (last.label, last.text) == (wanted.label, wanted.text)
    assert last.posterior == nearly(wanted.posterior)
    assert len(during) == wanted.tokens and all(wanted.text.startswith(known.text) for known in during)
    assert all(known.pitch is first.pitch and known.posterior is None for known in during)
    assert set(last.posterior) == set(EMOTIONS)


def test_channels(analyst, tmp_path):
    both = np.stack([voice(), voice(low=100, high=110)], axis=1)
    soundfile.write(tmp_path / "both.wav", both, RATE, subtype="FLOAT")
    for channel, samples in ((1, both[:, 0]), (2, both[:, 1]), ("mean", both.mean(axis=1))):
        *_, last = analyst(tmp_path / "both.wav", "implicit", channel)
        assert last.posterior == nearly(analyst.predictor([samples.astype(np.float32)])[0].posterior)
    with pytest.raises(InputError, match="^both.wav: 2 channels"):
        next(analyst(tmp_path / "both.wav", "implicit"))


def test_faults_name_the_file_without_its_folder(analyst, tmp_path):
    soundfile.write(tmp_path / "long.wav", np.zeros(5 * RATE + 1), RATE)
    soundfile.write(tmp_path / "short.wav", np.zeros(100), RATE)
    (tmp_path / "words.wav").write_text("no audio")
    faults = {"long": "5.0000625 s; at most 5 s", "short": "100 samples", "words": "not audio", "absent": "no such file"}
    for name, words in faults.items():
        with pytest.raises(InputError, match=words) as caught:
            list(analyst(str(tmp_path / f"{name}.wav"), "implicit"))
        assert str(caught.value).startswith(f"{name}.wav: ") and str(tmp_path) not in str(caught.value)


def test_silence_is_answered(analyst, tmp_path):
    soundfile.write(tmp_path / "silence.wav", np.zeros(RATE), RATE)
    *_, last = analyst(tmp_path / "silence.wav", "implicit")
    assert last.label in EMOTIONS and describe(last) == "1.00 s · nothing voiced · silent: no voice to judge"
    draw(last).savefig(tmp_path / "silence.png")


def test_a_system_that_reads_is_refused(llm_dir, tmp_path):
    config = c2ser_config(llm_dir, None, prompt_language="zh", model_conf={"train_mode": "implicit"}, text_only=True)
    parts = write_parts(tmp_path / "implicit", config, c2ser_model(config))
    Bundle(list(EMOTIONS), ["zh"], llm_dir, None, None, {"implicit": parts}).write(tmp_path)
    with pytest.raises(InputError, match="reads transcripts instead of hearing"):
        Analyst(Predictor(tmp_path))


def test_the_picture_can_be_read_on_a_phone():
    """No text is lower than 9 pixels where the picture is 300 CSS pixels wide, as on a page of 375."""
    from matplotlib.text import Text

    figure = draw(measure(voice().astype(np.float32)))
    figure.savefig(io.BytesIO())  # ticks get their texts when it is drawn
    sizes = [one.get_fontsize() for one in figure.findobj(Text) if one.get_text()]
    assert len(sizes) > 5 and min(sizes) * 300 / (72 * figure.get_size_inches()[0]) >= 9


def test_picture_shows_what_was_measured():
    known = measure(voice().astype(np.float32))
    upper, lower = draw(known).axes
    np.testing.assert_array_equal(upper.lines[0].get_ydata(), known.pitch[1])
    np.testing.assert_array_equal(lower.lines[0].get_ydata(), known.loudness[1])
    assert lower.get_xlim() == (0, 2.0)
    words = describe(known)
    assert words == f"2.00 s · mean pitch {known.mean_pitch:.0f} Hz · loudness {known.mean_loudness:.1f} LUFS"
