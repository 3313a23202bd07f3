"""Whisper's transcripts, and the command that writes them."""

import json
from types import SimpleNamespace

import pytest
import torch
from transformers import WhisperConfig, WhisperForConditionalGeneration
from whisper.audio import log_mel_spectrogram, pad_or_trim
from whisper.tokenizer import get_tokenizer

from c2ser.audio import read_audio
from c2ser.baselines import transcription
from c2ser.baselines.transcription import Transcriber, Transcript, is_long, is_silence
from c2ser.bin import transcribe
from c2ser.checkpoints.hf_whisper import read_hf_whisper
from c2ser.datadir import DataDir, read_table, write_table
from c2ser.errors import InputError
from tests.baselines.conftest import LENGTHS, sound
from tests.builders import randomise


@pytest.fixture(autouse=True)
def nothing_is_silence(monkeypatch):
    """What a random model thinks of its own words is no matter here."""
    monkeypatch.setattr(transcription, "UNLIKELY", -1e9)


def run(data, whisper, out, *options):
    argv = ["--data_dir", data.path, "--audio_scp", data.path / "wav.scp", "--whisper", whisper, "--out_dir", out]
    transcribe.main([str(word) for word in [*argv, *options]])
    account = json.loads((out / "transcribe.json").read_text())
    return read_table(out / "text.asr", empty_ok=True), read_table(out / "utt2asr_lang"), account


def by_hand(model, wave, language):
    """The most likely token after the other, without a cache: the words and the language, heard where it is None."""
    tokenizer = get_tokenizer(True, num_languages=model.num_languages, language=language or "en", task="transcribe")
    mel = log_mel_spectrogram(pad_or_trim(wave), 80)[None]
    with torch.no_grad():
        heard = model.encoder(mel)
        logits = model.logits(torch.tensor([[tokenizer.sot]]), heard)[0, -1]
        codes = dict(zip(tokenizer.all_language_tokens, tokenizer.all_language_codes))
        language = language or codes[max(codes, key=lambda token: float(logits[token]))]
        start = [tokenizer.sot, tokenizer.to_language_token(language), tokenizer.transcribe, tokenizer.no_timestamps]
        never = {*tokenizer.non_speech_tokens, tokenizer.sot, tokenizer.sot_prev, tokenizer.sot_lm,
                 tokenizer.translate, tokenizer.transcribe, tokenizer.no_speech}  # fmt: skip
        said = []
        while len(said) < 8:
            logits = model.logits(torch.tensor([start + said]), heard)[0, -1]
            logits[sorted(never)] = -torch.inf
            if not said:
                logits[[*tokenizer.encode(" "), tokenizer.eot]] = -torch.inf
            said.append(int(logits.argmax()))
            if said[-1] == tokenizer.eot:
                break
    return " ".join(tokenizer.decode([token for token in said if token < tokenizer.eot]).split()), language


@pytest.mark.parametrize("language", [None, "it"])
def test_words_are_the_greedy_ones(whole_whisper, language):
    transcriber = Transcriber(whole_whisper())
    waves = [sound(seed, samples) for seed, samples in enumerate(LENGTHS.values())]
    made = transcriber(waves, language)
    assert [(one.text, one.language) for one in made] == [by_hand(transcriber.model, wave, language) for wave in waves]
    assert len({one.text for one in made}) > 1 and all(one.text for one in made)
    assert made == [transcriber([wave], language)[0] for wave in waves]


def test_silence_has_no_words():
    def result(no_speech, likelihood):
        return SimpleNamespace(no_speech_prob=no_speech, avg_logprob=likelihood)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transcription, "UNLIKELY", -1.0)
        assert is_silence(result(0.7, -1.1))
        assert not is_silence(result(0.7, -0.9)) and not is_silence(result(0.5, -1.1))


def test_what_is_silent_is_written_without_words(test_set, whole_whisper, tmp_path, monkeypatch):
    monkeypatch.setattr(transcription, "is_silence", lambda one: one.language == "zh")
    texts, languages, account = run(test_set, whole_whisper(), tmp_path / "out", "--language", "utt2lang")
    assert [utterance for utterance, text in texts.items() if not text] == ["b-3"] and account["without_words"] == 1
    assert languages == dict.fromkeys(LENGTHS, "en") | {"b-3": "zh"} and account["languages"] == {"en": 4, "zh": 1}


def test_the_command_and_its_batches(test_set, whole_whisper, tmp_path):
    transcriber = Transcriber(whole_whisper())
    texts, languages, account = run(test_set, whole_whisper(), tmp_path / "a", "--batch_size", "3")
    for utterance, entry in test_set.read("wav.scp").items():
        assert transcriber([read_audio(entry)]) == [Transcript(texts[utterance], languages[utterance])]
    assert run(test_set, whole_whisper(), tmp_path / "b", "--batch_size", "1")[:2] == (texts, languages)
    assert account["utterances"] == 5 and account["longer_than_30_s"] == [] and account["language"] == "auto"


def test_a_killed_run_goes_on_as_if_unbroken(test_set, whole_whisper, tmp_path, monkeypatch):
    """Two batches of the first language, then the others; the second run hears only what is left."""
    options = ("--batch_size", "1", "--language", "utt2lang")
    whole = run(test_set, whole_whisper(), tmp_path / "whole", *options)
    hear, heard = Transcriber.__call__, []

    class Killed(BaseException):
        pass

    def counted(self, waves, language=None):
        if len(heard) == 2:
            heard.append("killed")
            raise Killed
        heard.append(len(waves))
        return hear(self, waves, language)

    monkeypatch.setattr(Transcriber, "__call__", counted)
    with pytest.raises(Killed):
        run(test_set, whole_whisper(), tmp_path / "out", *options)
    assert [path.name for path in (tmp_path / "out").iterdir()] == [transcribe.JOURNAL]
    made = run(test_set, whole_whisper(), tmp_path / "out", *options)
    assert heard == [1, 1, "killed", 1, 1, 1] and made[:2] == whole[:2]
    assert {**made[2], "seconds_per_utterance": 0} == {**whole[2], "seconds_per_utterance": 0}
    assert {path.name for path in (tmp_path / "out").iterdir()} == {path.name for path in (tmp_path / "whole").iterdir()}


def test_long_utterances_go_through_windows(test_set, whole_whisper, tmp_path, monkeypatch):
    data = DataDir(tmp_path / "data")
    data.write("utt2spk", {"a-1": "a", "b-1": "b"})
    write_table(data.path / "wav.scp", test_set.read("wav.scp"))
    long = sound(1, 31 * 16000)
    place = test_set.read("wav.scp")["b-1"]
    monkeypatch.setattr("c2ser.audio.read_audio", lambda entry: long if entry == place else sound(0, 8000))
    given = []

    def windows(self, wave, **options):
        given.append((len(wave), options["language"], options["temperature"], options["condition_on_previous_text"]))
        return {"text": " first\n second ", "language": "pl"}

    monkeypatch.setattr("whisper.model.Whisper.transcribe", windows)
    texts, languages, account = run(data, whole_whisper(), tmp_path / "out")
    assert given == [(31 * 16000, None, 0.0, False)]
    assert texts["b-1"] == "first second" and languages["b-1"] == "pl" and account["longer_than_30_s"] == ["b-1"]
    assert texts["a-1"] == Transcriber(whole_whisper())([sound(0, 8000)])[0].text
    assert not is_long(long[: 30 * 16000]) and is_long(long[: 30 * 16000 + 1])


def test_an_english_model_hears_english(test_set, whole_whisper, tmp_path):
    _, languages, _ = run(test_set, whole_whisper(False), tmp_path / "out")
    assert set(languages.values()) == {"en"}
    with pytest.raises(InputError, match="--language: 'pl': .*small.en.pt knows only English"):
        run(test_set, whole_whisper(False), tmp_path / "none", "--language", "pl")
    with pytest.raises(InputError, match="utt2lang: b-3: 'zh': .*small.en.pt knows only English"):
        run(test_set, whole_whisper(False), tmp_path / "none", "--language", "utt2lang")
    assert not (tmp_path / "none").exists()


def test_what_cannot_transcribe_is_named(test_set, whisper_pt, whole_whisper, tmp_path):
    def refused(message, whisper, *options):
        with pytest.raises(InputError, match=message):
            run(test_set, whisper, tmp_path / "out", *options)
        assert not (tmp_path / "out").exists()

    refused("tiny: no such file or folder; tools/download_pretrained.py", "tiny")
    refused("--language: 'klingon': .*small.pt knows en, zh, ", whole_whisper(), "--language", "klingon")
    refused("--batch_size 0", whole_whisper(), "--batch_size", "0")
    content = torch.load(whisper_pt, weights_only=True)
    state = {name: value for name, value in content["model_state_dict"].items() if name.startswith("encoder.")}
    torch.save({**content, "model_state_dict": state}, tmp_path / "encoder.pt")
    refused("encoder.pt: not a whole Whisper model, encoder and decoder", tmp_path / "encoder.pt")
    (tmp_path / "text.pt").write_text("no checkpoint")
    refused("text.pt: not a whole Whisper model", tmp_path / "text.pt")


def test_a_hugging_face_folder_transcribes(test_set, tmp_path):
    """As an openai-whisper file of its weights does; that they are the same model is tested beside their reader."""
    sizes = {"d_model": 16, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64, "max_target_positions": 16}
    sizes |= {f"{part}_{what}": 2 for part in ("encoder", "decoder") for what in ("layers", "attention_heads")}
    model = randomise(WhisperForConditionalGeneration(WhisperConfig(vocab_size=51865, **sizes)), 5, 0.5)
    model.save_pretrained(tmp_path / "hf")
    dims, state = read_hf_whisper(tmp_path / "hf")
    torch.save({"dims": dims, "model_state_dict": state}, tmp_path / "small.pt")
    found, wanted = run(test_set, tmp_path / "hf", tmp_path / "a"), run(test_set, tmp_path / "small.pt", tmp_path / "b")
    assert found[:2] == wanted[:2] and any(found[0].values()) and found[2]["whisper"].keys() == {"file", "fingerprint"}
