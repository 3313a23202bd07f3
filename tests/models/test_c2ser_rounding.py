"""C2SER: bfloat16 and autocast, and frames that are kept of a frozen Whisper."""

import copy

import pytest
import torch

from c2ser.errors import InputError
from tests.builders import CONNECTOR


def test_bfloat16_is_close_and_leaves_the_loss_in_float32(make_c2ser, batch):
    made = {}
    for bfloat16 in (False, True):
        model = make_c2ser(model_conf={"llm_autocast": "bfloat16" if bfloat16 else "none"}).train(False)
        seen = []
        hook = model.llm.get_output_embeddings().register_forward_hook(lambda layer, args, out: seen.append(out.dtype))
        made[bfloat16] = model(**batch)[0]
        hook.remove()
        assert seen == [torch.bfloat16 if bfloat16 else torch.float32] and made[bfloat16].dtype == torch.float32
    assert float(made[True]) == pytest.approx(float(made[False]), rel=0.02) and float(made[True]) != float(made[False])


@torch.no_grad()
def test_autocast_of_the_trainer_reaches_the_language_model(make_c2ser, batch):
    model, seen = make_c2ser(), []
    model.llm.get_output_embeddings().register_forward_hook(lambda layer, args, out: seen.append(out.dtype))
    with torch.autocast("cpu", torch.bfloat16):
        rounded = model(**batch)[0]
    assert seen == [torch.bfloat16] and rounded.dtype == torch.float32
    assert float(rounded) == pytest.approx(float(model(**batch)[0]), rel=0.05)


@pytest.mark.parametrize("base", ["float32", "bfloat16"])
def test_bfloat16_steps_learn(make_c2ser, batch, base):
    llm = {"rank": 2, "dropout": 0.0, "dtype": base}
    model = make_c2ser(model_conf={"llm_autocast": "bfloat16"}, llm_conf=llm).train()
    model(**batch)[0].backward()
    learning = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    for name, weight in learning.items():
        assert (
            weight.dtype == weight.grad.dtype == torch.float32 and weight.grad.isfinite().all() and weight.grad.any()
        ), name


@torch.no_grad()
def test_a_bfloat16_base_tells_what_the_float32_base_does(make_c2ser, batch):
    losses = []
    for dtype in ("float32", "bfloat16"):
        model = make_c2ser(model_conf={"llm_autocast": "bfloat16"}, llm_conf={"dtype": dtype}).train(False)
        losses.append(float(model(**batch)[0]))
        heard, lengths = model.hear(batch["speech"], batch["speech_lengths"], batch["emotion"])
        losses.append(float(model.align(heard, lengths, batch["implicit"])[0]))
    assert losses[:2] == pytest.approx(losses[2:], rel=0.02)


@torch.no_grad()
def test_a_frozen_whisper_is_rounded_in_training_alone(make_c2ser, batch):
    """What is heard at inference must not depend on the batch that an utterance stands in."""
    model = make_c2ser(model_conf={"llm_autocast": "bfloat16", "freeze_encoder": True}, specaug=False)
    exact = make_c2ser(model_conf={"freeze_encoder": True}, specaug=False)
    speech, lengths = batch["speech"], batch["speech_lengths"]
    wanted = exact.encoder(speech, lengths)[0]
    for training in (False, True):
        frames, _ = model.train(training).encode(speech, lengths)
        assert frames.dtype == torch.float32 and ((frames - wanted).abs().max() > 1e-4) == training
        torch.testing.assert_close(frames, wanted, rtol=0, atol=0.05)


def alone(encode):
    """An encoder of utterances one by one."""

    def call(speech, lengths):
        frames, counts = zip(*(encode(speech[row : row + 1], lengths[row : row + 1]) for row in range(len(lengths))))
        return torch.nn.utils.rnn.pad_sequence([one[0] for one in frames], batch_first=True), torch.cat(counts)

    return call


def test_kept_frames_are_those_heard(make_c2ser, batch):
    """Every utterance is heard once, alone, and training goes as without keeping."""
    grown, heard, start = {}, [], None
    for keep in (False, True):
        conf, llm = {"freeze_encoder": True, "keep_frames": keep}, {"rank": 2, "dropout": 0.0}
        model = make_c2ser(model_conf=conf, connector_conf={**CONNECTOR, "dropout": 0.0}, llm_conf=llm, specaug=False).train()
        if keep:
            model.encoder.register_forward_hook(lambda layer, args, out: heard.append(len(args[0])))
        else:
            model.encode = alone(model.encode)
        start = start or copy.deepcopy(model.state_dict())
        model.load_state_dict(start)
        optimiser = torch.optim.SGD([weight for weight in model.parameters() if weight.requires_grad], 0.01)
        for rows in ([0, 1], [2, 1], [1, 0, 2]):
            part = {name: value[rows] for name, value in batch.items()}
            part["speech"] = part["speech"][:, : int(part["speech_lengths"].max())]
            optimiser.zero_grad()
            model(**part, utt_id=[f"utt{row}" for row in rows])[0].backward()
            optimiser.step()
        grown[keep] = model.state_dict()
    assert heard == [1, 1, 1]
    # Batches that are padded otherwise are rounded otherwise: by what a weight's own bits and its own training allow
    for name, value in grown[False].items():
        if not value.is_floating_point():
            assert torch.equal(grown[True][name], value), name
            continue
        changed, size = float((value - start[name]).abs().max()), float(value.abs().max())
        bound = 1e-3 * changed + 2 * torch.finfo(value.dtype).eps * size
        torch.testing.assert_close(grown[True][name], value, rtol=0, atol=bound, msg=lambda text: f"{name}: {text}")
    assert max(float((value - start[name]).abs().max()) for name, value in grown[False].items()) > 1e-3
    model.eval()(**batch)
    assert heard == [1, 1, 1, 3]  # nothing is kept of what is not trained on
    model.train()(**batch)
    assert heard == [1, 1, 1, 3, 3]  # nor of what has no name


@pytest.mark.parametrize("rounding", ["none", "bfloat16"])
def test_kept_frames_depend_on_no_batch(make_c2ser, batch, rounding):
    """After a resume they are heard anew, in other batches."""
    conf, kept = {"freeze_encoder": True, "keep_frames": True, "llm_autocast": rounding}, []
    model = make_c2ser(model_conf=conf, specaug=False).train()
    for rows in ([0, 1, 2], [2, 1], [0]):
        part = {name: value[rows] for name, value in batch.items()}
        model(**part, utt_id=[f"utt{row}" for row in rows])
        kept.append(dict(model.kept_frames))
        model.kept_frames.clear()
    for later in kept[1:]:
        assert all(torch.equal(frames, kept[0][name]) for name, frames in later.items())


@pytest.mark.parametrize("options", [{"specaug": True}, {"model_conf": {"keep_frames": True}}])
def test_frames_are_kept_of_a_frozen_whisper_alone(make_c2ser, options):
    with pytest.raises(InputError, match="keep_frames: needs freeze_encoder: true and specaug: false"):
        make_c2ser(**{"model_conf": {"keep_frames": True, "freeze_encoder": True}, "specaug": False, **options})
