"""The Whisper encoder against openai-whisper's own, at any length and in any batch."""

import copy
import pickle

import pytest
import torch
from whisper.audio import HOP_LENGTH, log_mel_spectrogram

from c2ser.errors import InputError
from c2ser.models.whisper_encoder import WhisperEncoder
from tests.builders import WHISPER, randomise, waves, whisper_file
from tests.closeness import assert_rounds_alike


def make(**changes):
    return randomise(WhisperEncoder(**{**WHISPER, **changes}), scale=0.2).eval()


@pytest.fixture(scope="module")
def encoder():
    return make()


def openai(encoder, mel, depth=-1):
    """openai-whisper's forward pass; its position embedding is cut, since it takes one length only. depth: as in
    `WhisperEncoder.depths`."""
    theirs, seen = copy.deepcopy(encoder.encoder), []
    theirs.positional_embedding = theirs.positional_embedding[: (mel.shape[1] + 1) // 2]
    theirs.blocks[0].register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    for block in theirs.blocks:
        block.register_forward_hook(lambda module, args, out: seen.append(out))
    with torch.no_grad():
        seen.append(theirs(mel[None]))
    return seen[depth][0]


@torch.no_grad()
def test_thirty_seconds_are_what_whisper_gives(encoder):
    speech, lengths = waves([480000])
    mel = log_mel_spectrogram(speech[0], 80)
    with torch.no_grad():
        wanted = encoder.encoder(mel[None])
    frames, counts = encoder(speech, lengths)
    assert mel.shape == (80, 3000) and counts.tolist() == [1500]
    assert_rounds_alike(frames, wanted)


@torch.no_grad()
@pytest.mark.parametrize("length", [400, 8000, 8160, 9999])
def test_any_length_is_what_whisper_gives(encoder, length):
    speech, lengths = waves([length])
    frames, counts = encoder(speech, lengths)
    wanted = openai(encoder, log_mel_spectrogram(speech[0], 80))
    assert frames.shape == (1, int(counts), 16) and int(counts) == len(wanted) == (length // HOP_LENGTH + 1) // 2
    assert_rounds_alike(frames[0], wanted)


@torch.no_grad()
def test_batch_gives_what_single_utterances_give(encoder):
    lengths = [16000, 4000, 37, 9280, 400, 12345]
    speech, counts = waves(lengths)
    depths = list(encoder.depths(speech, counts))
    assert len(depths) == 4
    for row, length in enumerate(lengths):
        singly = encoder.depths(speech[row : row + 1, :length], counts[row : row + 1])
        for (together, frames), (alone, count) in zip(depths, singly):
            assert int(count) == int(frames[row]) == alone.shape[1]
            assert_rounds_alike(together[row, : int(count)], alone[0])
            assert not together[row, int(count) :].any()


@torch.no_grad()
def test_what_lies_in_the_padding_is_not_heard(encoder):
    speech, lengths = waves([6400, 16000])
    wanted, counts = encoder(speech, lengths)
    speech[0, 6400:] = 1.0
    assert_rounds_alike(encoder(speech, lengths)[0], wanted)


@torch.no_grad()
def test_short_speech_is_filled_up_to_one_window(encoder):
    speech, lengths = waves([37])
    frames, counts = encoder(speech, lengths)
    filled = torch.nn.functional.pad(speech, (0, 400 - 37))
    assert_rounds_alike(frames, encoder(filled, torch.tensor([400]))[0])
    assert counts.tolist() == [1]


@torch.no_grad()
def test_depths_are_the_inputs_and_outputs_of_blocks(encoder):
    speech, lengths = waves([9999])
    mel, (last, _) = log_mel_spectrogram(speech[0], 80), encoder(speech, lengths)
    depths = [frames[0] for frames, _ in encoder.depths(speech, lengths)]
    for depth in range(4):  # before the first block, after each of the two, after the norm
        assert_rounds_alike(depths[depth], openai(encoder, mel, depth))
    assert_rounds_alike(depths[3], last[0])
    assert all((one - other).abs().max() > 1e-2 for one, other in zip(depths, depths[1:]))


@torch.no_grad()
def test_longer_speech_is_encoded_in_consecutive_windows():
    encoder = make(n_audio_ctx=20)  # 0.4 s
    speech, lengths = waves([16000, 6400, 6560])  # 1 s: 40 + 40 + 20 mel frames; 40; 40 + 1
    frames, counts = encoder(speech, lengths)
    assert counts.tolist() == [50, 20, 21]
    for row, length in enumerate(lengths.tolist()):
        mel = log_mel_spectrogram(speech[row, :length], 80)
        for depth, (states, _) in enumerate(encoder.depths(speech, lengths)):
            wanted = torch.cat([openai(encoder, part, depth) for part in mel.split(40, dim=1)])
            assert_rounds_alike(states[row, : len(wanted)], wanted)
        assert_rounds_alike(frames[row, : len(wanted)], wanted)


def test_windows_are_thirty_seconds():
    assert WhisperEncoder(**WHISPER).window == 3000


@torch.no_grad()
def test_mel_is_whispers_own_of_each_utterance(encoder):
    speech, lengths = waves([8000, 3000])
    mels = encoder.mel(speech, lengths)
    for mel, wave, length in zip(mels, speech, lengths.tolist()):
        assert_rounds_alike(mel, log_mel_spectrogram(wave[:length], 80))
        assert mel.shape == (80, length // HOP_LENGTH)


@torch.no_grad()
def test_augmentation_sees_each_spectrogram_and_is_encoded(encoder):
    speech, lengths = waves([8000, 3200])
    shapes = []

    def augment(mel):
        shapes.append(tuple(mel.shape))
        return torch.ones_like(mel)

    frames, counts = encoder(speech, lengths, augment=augment)
    assert shapes == [(80, 50), (80, 20)]
    assert_rounds_alike(frames[1, :10], openai(encoder, torch.ones(80, 20)))


def test_checkpoint_is_read(tmp_path):
    path = whisper_file(tmp_path / "small.pt")
    encoder = WhisperEncoder.from_checkpoint(path)
    saved = torch.load(path)["model_state_dict"]
    weights = encoder.encoder.state_dict()
    assert weights and {f"encoder.{key}" for key in weights} == {key for key in saved if key.startswith("encoder.")}
    for key, value in weights.items():
        assert value.dtype == torch.float32
        torch.testing.assert_close(value, saved[f"encoder.{key}"].float(), atol=0, rtol=0)
    assert (encoder.dim, encoder.n_mels, len(encoder.encoder.blocks)) == (16, 80, 2)


def broken(path, fault):
    checkpoint = torch.load(whisper_file(path))
    state = checkpoint["model_state_dict"]
    fault(checkpoint, state)
    torch.save(checkpoint, path)
    return path


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (lambda checkpoint, state: checkpoint.pop("dims"), "not an openai-whisper checkpoint"),
        (lambda checkpoint, state: checkpoint.pop("model_state_dict"), "not an openai-whisper checkpoint"),
        (lambda checkpoint, state: checkpoint["dims"].pop("n_audio_head"), "n_audio_head"),
        (lambda checkpoint, state: state.pop("encoder.ln_post.bias"), "ln_post.bias"),
        (lambda checkpoint, state: state.update({"encoder.extra": torch.zeros(1)}), "extra"),
        (lambda checkpoint, state: state.update({"encoder.ln_post.bias": torch.zeros(17)}), "ln_post.bias"),
    ],
)
def test_broken_checkpoints_are_refused(tmp_path, fault, words):
    path = broken(tmp_path / "broken.pt", fault)
    with pytest.raises(InputError, match=words) as caught:
        WhisperEncoder.from_checkpoint(path)
    assert str(path) in str(caught.value)


def test_absent_and_foreign_files_are_refused(tmp_path):
    with pytest.raises(InputError, match="no such file.*download_pretrained"):
        WhisperEncoder.from_checkpoint(tmp_path / "none.pt")
    (tmp_path / "text.pt").write_text("not a checkpoint")
    with pytest.raises(InputError, match="text.pt: not an openai-whisper checkpoint"):
        WhisperEncoder.from_checkpoint(tmp_path / "text.pt")


class Trap:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_nothing_in_a_checkpoint_is_executed(tmp_path):
    (tmp_path / "evil.pt").write_bytes(pickle.dumps(Trap(tmp_path / "written"), protocol=2))
    torch.save({"dims": Trap(tmp_path / "written"), "model_state_dict": {}}, tmp_path / "evil2.pt")
    for name in ("evil.pt", "evil2.pt"):
        with pytest.raises(InputError):
            WhisperEncoder.from_checkpoint(tmp_path / name)
    assert not (tmp_path / "written").exists()


@torch.no_grad()
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_spectra_do_not_know_of_autocast(encoder, dtype):
    """Speech, and digital silence, which float16 would make log 0."""
    speech, lengths = waves([8000, 8000])
    speech[1] = 0
    wanted = encoder.mel(speech, lengths)
    with torch.autocast("cpu", dtype):
        assert (speech @ speech.T).dtype == dtype
        found = encoder.mel(speech, lengths)
    for one, other in zip(found, wanted):
        assert one.dtype == torch.float32 and one.isfinite().all()
        assert_rounds_alike(one, other)
