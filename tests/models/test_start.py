"""The start from a frozen Whisper: which frame tells which, its targets and loss, and what stays out of the model."""

import numpy as np
import pytest
import torch
from sklearn.metrics import r2_score
from whisper.audio import log_mel_spectrogram

from c2ser.errors import InputError
from c2ser.models.emotion2vec import backbone_config
from c2ser.models.emotion2vec_s import Emotion2VecS
from c2ser.models.start import Start, nearest
from c2ser.models.whisper_encoder import WhisperEncoder
from tests.builders import BACKBONE, PRETRAINING, backbone, pretraining, waves, whisper_file
from tests.closeness import nearly

CONTEXT = 25
"""Positions of the Whisper here: it takes 0.5 s at once, and openai-whisper's own pass wants exactly that."""


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return whisper_file(tmp_path_factory.mktemp("whisper") / "small.pt", n_audio_ctx=CONTEXT)


@pytest.fixture
def start(file):
    torch.manual_seed(0)
    return Start(f"whisper:{file}:1,2", 24, 400, 320, keep_frames=True)


def centres(frames, speech):
    """The middle of the samples that each frame `(frames, dim)` depends on."""
    found = []
    for frame in frames:
        (gradient,) = torch.autograd.grad(frame.sum(), speech, retain_graph=True)
        heard = gradient[0].nonzero()[:, 0]
        found.append(float(heard[0] + heard[-1]) / 2)
    return np.array(found)


def test_the_nearest_frame_in_time_is_taken(file):
    """Both networks' receptive fields as autograd sees them; Whisper's first and last frames hear their own reflection."""
    speech = torch.randn(1, 8000, requires_grad=True)
    ours = centres(backbone().frontend(speech)[0], speech)
    whisper = WhisperEncoder.from_checkpoint(file)
    theirs = centres(next(whisper.depths(speech, torch.tensor([8000])))[0][0], speech)
    index = nearest(len(ours), 400, 320, torch.tensor([CONTEXT]))[0].numpy()
    inner = slice(3, len(ours) - 3)
    assert np.array_equal(index[inner], np.abs(ours[:, None] - theirs[None]).argmin(1)[inner])
    assert np.array_equal(index, np.arange(1, 25)) and len(ours) == 24
    assert nearest(3, 400, 320, torch.tensor([2, 9])).tolist() == [[1, 1, 1], [1, 2, 3]]


@torch.no_grad()
def whispers_own(file, wave, layers):
    """Targets by openai-whisper's own forward pass of exactly its length, and numpy."""
    encoder, found = WhisperEncoder.from_checkpoint(file).encoder, {}
    for depth, block in enumerate(encoder.blocks, start=1):
        block.register_forward_hook(lambda block, given, made, depth=depth: found.update({depth: made[0].double().numpy()}))
    found[len(encoder.blocks) + 1] = encoder(log_mel_spectrogram(wave)[None])[0].double().numpy()
    rows = []
    for frame in range(24):
        near = min(range(CONTEXT), key=lambda other: abs(320 * other - (320 * frame + 199.5)))
        states = [found[layer][near] for layer in layers]
        rows.append(np.concatenate([(one - one.mean()) / np.sqrt(one.var() + 1e-5) for one in states]))
    return np.array(rows)


@pytest.mark.parametrize("layers", [(1,), (2, 1), (3,)])
def test_targets_are_the_layers_of_whisper_itself(file, layers):
    speech, lengths = waves([8000])
    start = Start(f"whisper:{file}:{','.join(map(str, layers))}", 24, 400, 320)
    told = start.targets(speech, lengths, torch.ones(1, 24, dtype=torch.bool))[0]
    assert told.shape == (24, 16 * len(layers)) and told.dtype == torch.float32
    np.testing.assert_allclose(told, whispers_own(file, speech[0], layers), atol=2e-3)


@torch.no_grad()
def test_loss_and_explained_variance(file, start):
    """Of two utterances that are computed apart, against numpy and scikit-learn over all their frames."""
    model, (speech, lengths) = backbone(), waves([8000, 8000])
    start.predict.weight.mul_(0.1)
    truth = np.concatenate([whispers_own(file, wave, (1, 2)) for wave in speech])
    frames = model(speech, lengths)[0].flatten(0, 1).double().numpy()
    told = frames @ start.predict.weight.double().numpy().T + start.predict.bias.double().numpy()
    groups = [(torch.tensor([row]), 8000) for row in (1, 0)]
    loss, stats, weight = start.step(model, speech, lengths, groups, ["a", "b"])
    assert loss.item() == pytest.approx(((told - truth) ** 2).mean(), rel=1e-4) and float(weight) == 2
    wanted = r2_score(truth, told, multioutput="variance_weighted")
    assert stats["explained_var"].item() == pytest.approx(wanted, abs=1e-3)
    assert set(start.step(model.train(), speech, lengths)[1]) == {"loss", "loss_teacher"}


@torch.no_grad()
def test_batches_and_kept_frames_change_nothing(start, monkeypatch):
    model, (speech, lengths) = backbone(dropout=0.0, attention_dropout=0.0, layerdrop=0.0).train(), waves([8000, 3000, 20000, 390])
    names, rows, heard = ["a", "b", "c", "d"], range(4), []
    frames = model.frame_lengths(lengths).tolist()
    assert frames == [24, 9, 62, 0]  # more than a window of Whisper, and less than a frame
    alone = [start.step(model, speech[row : row + 1, : lengths[row].clamp_min(400)], lengths[row : row + 1])[0] for row in rows]
    wanted = sum(float(loss) * count for loss, count in zip(alone, frames)) / sum(frames)
    together = start.step(model, speech, lengths)[0]
    assert together.item() == nearly(wanted)
    hear = start.targets._hear
    monkeypatch.setattr(start.targets, "_hear", lambda *given: heard.append(1) or hear(*given))
    for _ in range(2):
        assert start.step(model, speech, lengths, names=names)[0].item() == nearly(together.item())
    assert len(heard) == 4 and [len(start.targets.kept[name]) for name in names] == frames
    start.eval(), start.step(model.eval(), speech, lengths, names=["e", "f", "g", "h"])
    assert set(start.targets.kept) == set(names)  # what is judged once is not kept


def test_whisper_stays_out_of_the_model(file):
    """Against a start from the spectrum: 16 · 25 numbers of the regression in the place of 80 · 25."""
    plain, model = pretraining(teacher_updates=1), pretraining(teacher_updates=1, teacher=f"whisper:{file}:1")
    sizes = [sum(value.numel() for value in one.state_dict().values()) for one in (plain, model)]
    learnt = [sum(value.numel() for value in one.parameters()) for one in (plain, model)]
    assert sizes[0] - sizes[1] == learnt[0] - learnt[1] == (80 - 16) * 25
    assert not any(weight.requires_grad for weight in model.start.targets.encoder.parameters())


def test_the_whole_network_learns_and_the_average_is_a_copy(file):
    still = {"dropout": 0.0, "attention_dropout": 0.0, "layerdrop": 0.0}
    conf = {**PRETRAINING, "teacher_updates": 40, "teacher": f"whisper:{file}:1", "keep_frames": True}
    model = Emotion2VecS(backbone_config({**BACKBONE, **still}), **conf).train()
    time = torch.arange(8000) / 16000
    speech = torch.stack([torch.sin(6.28 * hertz * time * (1 + time)) * (9 * time).sin() for hertz in (150, 400, 900)])
    lengths = torch.tensor([8000, 6000, 4000])
    optimizer, losses, told = torch.optim.Adam(model.parameters(), lr=6e-3), [], []
    before = {name: value.clone() for name, value in model.student.named_parameters()}
    for number in range(41):
        if number in (0, 40):
            told.append(model.eval()(speech, lengths)[1]["explained_var"].item())
            model.train()
        loss, stats, _ = model(speech, lengths, utt_id=["a", "b", "c"])
        losses.append(stats["loss_teacher"].item() if number < 40 else stats["loss_frm"].item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        model.after_step()
        same = all(torch.equal(a, b) for a, b in zip(model.teacher.parameters(), model.student.parameters()))
        assert same == (number < 40)
    assert not [name for name, value in model.student.named_parameters() if torch.equal(before[name], value)]
    assert losses[39] < 0.4 * losses[0] and told[0] < 0 and told[1] > 0.3


def test_frames_from_an_ark_are_the_same(start):
    model, (speech, lengths) = backbone(), waves([8000, 5000])
    given = start.targets(speech, lengths, model.embed(speech, lengths)[1])
    other = Start("ark:32", 24, 400, 320)
    other.load_state_dict(start.state_dict())
    counts = model.frame_lengths(lengths)
    wanted = start.step(model, speech, lengths)[0].item()
    assert other.step(model, speech, lengths, given=given, given_lengths=counts)[0].item() == nearly(wanted)
    with pytest.raises(InputError, match=r"`teacher_frames` have \[24, 14\] frames of 32 numbers, where \[24, 15\] are"):
        other.step(model, speech, lengths, given=given, given_lengths=counts - torch.tensor([0, 1]))
    with pytest.raises(InputError, match="there is no data `teacher_frames`"):
        other.step(model, speech, lengths)


@pytest.mark.parametrize(("teacher", "message"), [
    ("spectrum", "teacher 'spectrum': expected mel, whisper:FILE:LAYERS or ark:WIDTH"), ("ark:", "expected mel"),
    ("ark:0", "expected mel"), ("whisper:3", "expected mel"), ("whisper:absent.pt:3", "absent.pt: no such file"),
    ("whisper:{}:4", "layers '4' of .*: expected numbers from 0 to 3"), ("whisper:{}:", "layers '' of"),
    ("whisper:{}:1,-1", "expected numbers"),
])  # fmt: skip
def test_what_is_no_teacher(teacher, message, file):
    with pytest.raises(InputError, match=message):
        Start(teacher.format(file), 24, 400, 320)
