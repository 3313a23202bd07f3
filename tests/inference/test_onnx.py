"""The exported network and probe give what torch gives; the runner labels recordings without torch."""

import json
import subprocess
import sys

import numpy as np
import pytest
import soundfile
import torch
import yaml

from c2ser.bin import export_onnx, predict_onnx
from c2ser.errors import InputError
from c2ser.inference import onnx_export
from c2ser.inference.emotion_encoder import EmotionEncoder
from c2ser.inference.onnx_predictor import OnnxPredictor
from c2ser.probe.features import Standardiser
from c2ser.probe.fit import Probe
from c2ser.probe.head import Head, build_network
from c2ser.probe.linear import Linear
from c2ser.probe.saving import FILE, save_probe
from tests.builders import BACKBONE, backbone, randomise
from tests.closeness import nearly

pytest.importorskip("onnx", reason="writing ONNX needs onnx and onnxscript (tools/requirements_test.lock)")
pytest.importorskip("onnxscript", reason="writing ONNX needs onnx and onnxscript (tools/requirements_test.lock)")

LENGTHS = [8000, 400, 3000, 16000]
SHORT = {"conv_layers": [[16, 10, 5], [16, 8, 8], [16, 8, 8]], "position_depth": 1, "depth": 1}
"""A front end of the usual rate: an export takes seconds for every layer."""
DEPTHS, WIDTH, CLASSES = 3, 3 * BACKBONE["dim"], ["angry", "neutral", "sad"]


def scaling_of(layers):
    """What features `(utterances, layers, width)` are standardised by; none is blown up beyond 20 times."""
    fitted = Standardiser.fit(layers)
    return Standardiser(fitted.mean, np.maximum(fitted.deviation, 0.05))


def linear_probe(layer=1, width=WIDTH, seed=0, layers=None):
    """A probe on one layer with random weights, its inputs standardised as those of `layers` need."""
    random = np.random.default_rng(seed)
    model = Linear(CLASSES, random.normal(0, 0.3, (3, width)), random.normal(0, 0.3, 3))
    scaling = Standardiser(np.zeros((1, width)), np.ones((1, width)))
    if layers is not None:
        scaling = scaling_of(layers[:, layer : layer + 1])
    return Probe([layer], {"classifier": "logistic"}, [], [], model, [scaling])


def mixing_probe(layers):
    """EmoBox's head over all layers, with random weights."""
    network = randomise(build_network([layers.shape[1:]], 8, 3), scale=0.2)
    return Probe([None], {"classifier": "mlp", "hidden": 8}, [], [], Head(CLASSES, network), [scaling_of(layers)])


def signals():
    """A tone, noise of one frame, brown noise and noise that swells: float32 arrays of `LENGTHS`."""
    random, time = np.random.default_rng(0), [np.arange(length) / 16000 for length in LENGTHS]
    noise = [random.normal(0, 0.1, length) for length in LENGTHS]
    made = [np.sin(2 * np.pi * 200 * time[0]), noise[1], np.cumsum(noise[2]), noise[3] * np.sin(6 * np.pi * time[3])]
    return [np.clip(one, -1, 1).astype(np.float32) for one in made]


def depths(files, **options):
    """Tokens, layers and numbers of frames of the signals from torch."""
    padded = torch.nn.utils.rnn.pad_sequence([torch.from_numpy(one) for one in signals()], batch_first=True)
    return [one.numpy() for one in EmotionEncoder(**files, **options).depths(padded, torch.tensor(LENGTHS))]


def parts(folder, **changes):
    """config.yaml and model.pth of a small random backbone."""
    folder.mkdir()
    changes = {**SHORT, **changes}
    conf = {**BACKBONE, **changes}
    (folder / "config.yaml").write_text(yaml.safe_dump({"backbone_conf": conf}), encoding="utf-8")
    torch.save(backbone(**changes).state_dict(), folder / "model.pth")
    return {"config": folder / "config.yaml", "checkpoint": folder / "model.pth"}


def export(files, out, probe=None):
    options = ["--probe", str(probe)] if probe else []
    named = [word for name, path in files.items() for word in (f"--{name}", str(path))]
    export_onnx.main([*named, *options, "--out", str(out)])
    return out


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return parts(tmp_path_factory.mktemp("onnx") / "e2v_s")


@pytest.fixture(scope="module")
def probe(files):
    return linear_probe(layers=depths(files)[1])


@pytest.fixture(scope="module")
def exported(files, probe, tmp_path_factory):
    """Network and logistic regression, exported by the command."""
    folder = tmp_path_factory.mktemp("exported")
    save_probe(folder / "probe" / FILE, probe)
    return export(files, folder / "model.onnx", folder / "probe")


@pytest.fixture(scope="module")
def speech():
    return signals()


def test_parity_with_torch(files, exported, probe, speech):
    made = OnnxPredictor(exported).features(speech)
    tokens, layers, counts = depths(files)
    posteriors = probe.posteriors([layers])
    assert posteriors.std(axis=0).min() > 0.01
    for row, one in enumerate(made):
        assert (one["tokens"].shape, one["layers"].shape) == ((10, 24), (DEPTHS, WIDTH))
        np.testing.assert_allclose(one["tokens"], tokens[row], atol=1e-4, rtol=0)
        np.testing.assert_allclose(one["layers"], layers[row], atol=1e-4, rtol=0)
        np.testing.assert_allclose(one["posteriors"], posteriors[row], atol=1e-4, rtol=0)
        assert one["frames"] == counts[row]


@pytest.mark.parametrize("batch_size", [1, 3])
def test_batch_size_changes_nothing(exported, speech, batch_size):
    predictor = OnnxPredictor(exported)
    for one, other in zip(predictor(speech), predictor(speech, batch_size=batch_size), strict=True):
        assert one.label == other.label and one.posterior == nearly(other.posterior)


def test_no_tokens_and_a_mixture_of_layers(tmp_path, speech):
    files = parts(tmp_path / "plain", extra_tokens=0)
    _, layers, _ = depths(files, utterance_mode="mean")
    save_probe(tmp_path / FILE, mixing_probe(layers))
    predictor = OnnxPredictor(export(files, tmp_path / "model.onnx", tmp_path))
    assert predictor.outputs == ["layers", "frames", "posteriors"]
    wanted = mixing_probe(layers).posteriors([layers])
    made = np.array([list(answer.posterior.values()) for answer in predictor(speech)])
    np.testing.assert_allclose(made, wanted, atol=1e-4, rtol=0)
    assert wanted.std(axis=0).min() > 0.01


def test_recordings_are_labelled_without_torch(exported, speech, tmp_path):
    """At another rate, and one of them shorter than a frame, as the recipe takes them too."""
    for number, samples in enumerate((speech[0], speech[1][:100])):
        soundfile.write(tmp_path / f"{number}.wav", samples, 16000, subtype="FLOAT")
    code = (
        "import sys; from c2ser.bin import predict_onnx; predict_onnx.main(sys.argv[1:]);"
        "assert not {'torch', 'transformers', 'sklearn'} & set(sys.modules)"
    )
    argv = [str(tmp_path / "0.wav"), str(tmp_path / "1.wav"), "--model", str(exported), "--format", "json", "--threads", "1"]
    done = subprocess.run([sys.executable, "-c", code, *argv], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    wanted = OnnxPredictor(exported)([speech[0], np.pad(speech[1][:100], (0, 300))])
    for one, answer, number in zip(told, wanted, range(2), strict=True):
        assert one["audio"] == str(tmp_path / f"{number}.wav") and one["label"] == answer.label
        assert one["posterior"] == nearly(answer.posterior) and list(one["posterior"]) == CLASSES


def test_samples_of_any_form(exported, speech):
    """16-bit samples and a dict with a rate are the same sound as floats, one alone or several."""
    predictor, pcm = OnnxPredictor(exported), np.round(speech[0] / np.abs(speech[0]).max() * 32767).astype(np.int16)
    (wanted,) = predictor([pcm / np.float32(32768)])
    for given in (pcm, [pcm], {"array": pcm, "sampling_rate": 16000}, (pcm / 32768).tolist()):
        assert predictor(given) == [wanted]
    assert not (predictor([pcm.astype(np.float32) / 2**20])[0].posterior == wanted.posterior)  # levels do matter here


def test_silence_is_labelled_and_named(exported, speech, tmp_path, capsys, caplog):
    soundfile.write(tmp_path / "sound.wav", speech[0], 16000, subtype="FLOAT")
    soundfile.write(tmp_path / "silence.wav", np.zeros(8000), 16000)
    argv = [str(tmp_path / name) for name in ("sound.wav", "silence.wav")]
    predict_onnx.main([*argv, "--model", str(exported), "--format", "json"])
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["sound"] for one in told] == [True, False] and told[1]["label"] in CLASSES
    (warning,) = [record.getMessage() for record in caplog.records]
    assert warning.startswith(f"{tmp_path}/silence.wav: no sound in it")


def test_text_output(exported, speech, tmp_path, capsys):
    soundfile.write(tmp_path / "a.wav", speech[0], 16000, subtype="FLOAT")
    predict_onnx.main([str(tmp_path / "a.wav"), "--model", str(exported)])
    (answer,) = OnnxPredictor(exported)([speech[0]])
    head, row = map(str.split, capsys.readouterr().out.splitlines())
    assert head == ["audio", "label", *CLASSES]
    assert row == [str(tmp_path / "a.wav"), answer.label, *(f"{value:.3f}" for value in answer.posterior.values())]


def test_inputs_that_do_not_do_are_named(exported, tmp_path):
    predictor = OnnxPredictor(exported)
    for beyond, length in ((1600, "30.1"), (1, "30.0000625")):
        with pytest.raises(InputError, match=f"array 1: {length} s; at most 30 s in one piece"):
            predictor([np.zeros(16000, np.float32), np.zeros(30 * 16000 + beyond, np.float32)])
    with pytest.raises(InputError, match="array 0: holds NaN or infinite samples"):
        predictor([np.full(16000, np.nan, np.float32)])
    with pytest.raises(InputError, match="none.wav: no such file"):
        predictor([tmp_path / "none.wav"])
    with pytest.raises(InputError, match="batch_size 0"):
        predictor([], batch_size=0)
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(InputError, match="text.onnx: onnxruntime cannot load it"):
        OnnxPredictor(tmp_path / "text.onnx")


def test_a_graph_that_differs_is_not_written(files, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_export, "_serialise", lambda graph: b"")
    monkeypatch.setattr(onnx_export, "largest_difference", lambda *_: float("nan"))
    with pytest.raises(InputError, match="model.pth: the exported graph differs from torch by nan"):
        export(files, tmp_path / "out" / "model.onnx")
    assert not (tmp_path / "out").exists()


def test_the_comparison_sees_a_difference(files, exported, probe, tmp_path):
    """The same file against other weights."""
    torch.save(backbone(seed=1, **SHORT).state_dict(), tmp_path / "other.pth")
    content, same = exported.read_bytes(), EmotionEncoder(**files)
    other = EmotionEncoder(files["config"], tmp_path / "other.pth")
    assert onnx_export.largest_difference(content, same, probe) < 1e-4
    assert onnx_export.largest_difference(content, same, linear_probe(seed=3)) > 0.01
    assert onnx_export.largest_difference(content, other, probe) > 0.01


@pytest.mark.parametrize(
    ("probe", "normalise", "message"),
    [
        (linear_probe(layer=4), "none", "fitted on layer 4 of width 72; this encoder has 3 layers of width 72"),
        (linear_probe(width=10), "none", "fitted on layer 1 of width 10; this encoder"),
        (linear_probe(), "speaker", "normalised by speaker, which a single recording cannot be"),
    ],
)
def test_probes_that_do_not_fit(files, tmp_path, probe, normalise, message):
    save_probe(tmp_path / FILE, probe, normalise)
    with pytest.raises(InputError, match=message):
        export(files, tmp_path / "model.onnx", tmp_path)
    assert not (tmp_path / "model.onnx").exists()


def test_probes_on_several_tables(files, tmp_path):
    one = linear_probe()
    save_probe(tmp_path / FILE, Probe([2, 2], one.chosen, [], [], one.model, one.scalings * 2))
    with pytest.raises(InputError, match="a probe on 2 tables of features"):
        export(files, tmp_path / "model.onnx", tmp_path)


def test_missing_packages_are_named(files, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(InputError, match="pip install onnx onnxscript"):
        export(files, tmp_path / "model.onnx")
