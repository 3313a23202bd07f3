"""The start from the log-mel spectrum: its targets, its loss, and that it teaches a front end something."""

import numpy as np
import pytest
import scipy.signal
import torch

from c2ser.models.emotion2vec import Emotion2Vec, backbone_config
from c2ser.models.spectrum import MELS
from c2ser.models.start import Start
from tests.closeness import assert_rounds_alike, nearly

TINY = {"conv_layers": [(8, 10, 5)] + [(8, 3, 2)] * 4 + [(8, 2, 2)] * 2, "dim": 16, "prenet_depth": 1, "depth": 1, "heads": 2}


@pytest.fixture
def start():
    torch.manual_seed(0)
    return Start("mel", 16, 400, 320)


def tone(frequency, samples=16000):
    return torch.sin(2 * torch.pi * frequency * torch.arange(samples) / 16000)[None]


def test_a_tone_lies_in_its_band_and_a_higher_one_above(start):
    bands = [int(start.targets.spectrum(tone(f), torch.tensor([16000])).mean(1).argmax()) for f in (200, 1000, 4000)]
    assert bands == sorted(set(bands))
    centres = start.targets.filters.argmax(0) * 40  # Hz of the bins, 40 Hz apart
    assert [abs(int(centres[band]) - f) <= 80 for band, f in zip(bands, (200, 1000, 4000))] == [True] * 3


def test_as_many_frames_as_the_front_end(start):
    model = Emotion2Vec(backbone_config(TINY))
    for samples in (400, 719, 720, 5000):
        lengths = torch.tensor([samples])
        frames = start.targets.spectrum(torch.randn(1, samples), lengths).shape[1]
        assert frames == int(model.frame_lengths(lengths)) and (model.frontend.reach, model.frontend.stride) == (400, 320)


def test_targets_have_mean_0_and_variance_1_in_each_utterance(start):
    speech, lengths = torch.randn(2, 4000), torch.tensor([4000, 2000])
    inside = torch.arange(12) < torch.tensor([12, 6])[:, None]
    for wanted, own in zip(start.targets(speech, lengths, inside), inside):
        assert wanted[own].mean().item() == pytest.approx(0, abs=1e-4)
        assert wanted[own].var(correction=0).item() == pytest.approx(1, abs=1e-3)


@torch.no_grad()
def test_loss_of_a_batch_frame_by_frame(start):
    """Against numpy's Fourier transform and librosa's mel filters; every frame of the batch counts alike."""
    import librosa

    model = Emotion2Vec(backbone_config(TINY)).eval()
    lengths = torch.tensor([2000, 4000])
    speech = torch.randn(2, 4000) * (torch.arange(4000) < lengths[:, None])
    filters = librosa.filters.mel(sr=16000, n_fft=400, n_mels=MELS, fmax=8000)
    window, errors = scipy.signal.get_window("hann", 400), []
    for wave, length in zip(speech.double().numpy(), lengths.tolist()):
        wave = (wave[:length] - wave[:length].mean()) / wave[:length].std()
        powers = [np.abs(np.fft.rfft(wave[at : at + 400] * window)) ** 2 for at in range(0, length - 399, 320)]
        wanted = np.log10(np.maximum(np.array(powers) @ filters.T, 1e-4))
        wanted = (wanted - wanted.mean()) / wanted.std()
        local = model.embed(torch.from_numpy(wave)[None].float(), torch.tensor([length]))[0][0]
        told = local.double().numpy() @ start.predict.weight.double().numpy().T + start.predict.bias.double().numpy()
        errors += ((told - wanted) ** 2).mean(1).tolist()
    assert len(errors) == 6 + 12
    loss, stats, weight = start.step(model, speech, lengths)
    assert loss.item() == pytest.approx(np.mean(errors), rel=1e-3) and float(weight) == 2.0
    apart = start.step(model, speech, lengths, [(torch.tensor([1]), 4000), (torch.tensor([0]), 2000)])[0]
    assert apart.item() == nearly(loss.item())


def test_padding_and_level_do_not_count(start):
    speech, inside = torch.randn(1, 4000), torch.ones(1, 12, dtype=torch.bool)
    alone = start.targets(speech, torch.tensor([4000]), inside)
    padded, wider = torch.nn.functional.pad(3 * speech, (0, 2000)), torch.nn.functional.pad(inside, (0, 6))
    told = start.targets(padded, torch.tensor([4000]), wider)[:, :12]
    assert torch.allclose(told, alone, atol=1e-4)


def test_a_front_end_learns_it(start):
    torch.manual_seed(0)
    model = Emotion2Vec(backbone_config(TINY))
    speech = torch.cat([tone(f, 4000) for f in (150, 400, 900, 2000)]) + 0.05 * torch.randn(4, 4000)
    lengths = torch.full((4,), 4000)
    optimizer = torch.optim.Adam([*model.parameters(), *start.parameters()], lr=3e-3)
    losses = []
    for _ in range(120):
        losses.append(start.step(model, speech, lengths)[0])
        optimizer.zero_grad()
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < 0.6 * losses[0] and start.targets.filters.shape == (201, MELS)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_targets_do_not_know_of_autocast(start, dtype):
    speech, lengths = torch.cat([tone(300, 4000), torch.zeros(1, 4000)]), torch.tensor([4000, 4000])
    wanted = start.targets.spectrum(speech, lengths)
    with torch.autocast("cpu", dtype):
        assert_rounds_alike(start.targets.spectrum(speech, lengths), wanted)
