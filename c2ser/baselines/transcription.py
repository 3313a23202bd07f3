"""Speech → words with a whole Whisper model of a local file: the first half of the text-only cascade."""

from dataclasses import dataclass
from pathlib import Path

import torch
from whisper import load_model
from whisper.audio import N_SAMPLES, log_mel_spectrogram, pad_or_trim
from whisper.decoding import DecodingOptions, decode
from whisper.model import ModelDimensions, Whisper
from whisper.tokenizer import LANGUAGES

from c2ser.checkpoints.hf_whisper import read_hf_whisper
from c2ser.errors import InputError
from c2ser.precision import check_device

NO_SPEECH, UNLIKELY = 0.6, -1.0
"""openai-whisper's own thresholds: a window is silence where the probability of no speech is above the first and the
mean log-probability of the words' tokens below the second. Without them Whisper puts words into silence."""


@dataclass(frozen=True)
class Transcript:
    """The words, "" where there is no speech; the code of the language that was given or heard."""

    text: str
    language: str


class Transcriber:
    """A Whisper model for transcription in float32.

    path: an openai-whisper .pt file or a Hugging Face folder, encoder and decoder; device: "cpu", "cuda". Nothing in it is
    executed and nothing is fetched. Raises InputError where it is not a whole model.
    """

    def __init__(self, path, device="cpu"):
        if not Path(path).exists():
            raise InputError(f"{path}: no such file or folder; tools/download_pretrained.py fetches Whisper checkpoints")
        check_device(device)
        try:
            if Path(path).is_dir():
                dims, state = read_hf_whisper(path)
                self.model = Whisper(ModelDimensions(**dims)).to(device).eval()
                self.model.load_state_dict(state)
            else:  # absolute, for a bare name such as "tiny" would be fetched
                self.model = load_model(str(Path(path).absolute()), device=device).eval()
        except InputError:
            raise
        except Exception as error:  # torch.load raises whatever its parsers meet
            what = str(error).strip().split("\n")[0]
            raise InputError(f"{path}: not a whole Whisper model, encoder and decoder ({what})") from None
        self.model.requires_grad_(False)
        many = self.model.is_multilingual
        self.languages = list(LANGUAGES)[: self.model.num_languages] if many else ["en"]
        self.name = str(path)

    def check_language(self, language, where="--language"):
        """Raise InputError for a language that the model does not write. `where`: what the message names."""
        if language not in self.languages:
            known = "only English (its name ends in .en)" if self.languages == ["en"] else ", ".join(self.languages)
            raise InputError(f"{where}: {language!r}: {self.name} knows {known}")

    def __call__(self, waves, language=None):
        """Transcribe utterances of up to 30 s together, greedily and without timestamps.

        waves: float32 arrays `(samples,)` at 16 kHz; language: of all of them, or None, to hear it out of each. Each is
        filled up to 30 s, as Whisper was trained, so the result does not depend on the batch. Returns one `Transcript`
        an utterance.
        """
        mels = [log_mel_spectrogram(pad_or_trim(wave), self.model.dims.n_mels) for wave in waves]
        options = DecodingOptions(language=self._given(language), without_timestamps=True, fp16=False)
        made = decode(self.model, torch.stack(mels).to(self.model.device), options)
        return [Transcript("" if is_silence(one) else " ".join(one.text.split()), one.language) for one in made]

    def long(self, wave, language=None):
        """Transcribe one utterance of any length by openai-whisper's windows, which move on by its own timestamps.

        Greedily; a window is not shown the words before it, from which Whisper falls into repetitions.
        """
        made = self.model.transcribe(
            wave, language=self._given(language), temperature=0.0, condition_on_previous_text=False, fp16=False,
            no_speech_threshold=NO_SPEECH, logprob_threshold=UNLIKELY,
        )  # fmt: skip
        return Transcript(" ".join(made["text"].split()), made["language"])

    def _given(self, language):
        return "en" if self.languages == ["en"] else language


def is_long(wave):
    """Whether an utterance `(samples,)` at 16 kHz is longer than Whisper's window of 30 s."""
    return len(wave) > N_SAMPLES


def is_silence(result):
    """Whether a `whisper.decoding.DecodingResult` is of no speech, by the thresholds above."""
    return result.no_speech_prob > NO_SPEECH and result.avg_logprob < UNLIKELY
