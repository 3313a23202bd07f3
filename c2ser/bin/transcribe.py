"""Baseline, text-only cascade, first half: write down the words of a set as a Whisper model hears them.

--whisper is an openai-whisper file or a Hugging Face folder with encoder and decoder. Writes text.asr (utterance and
words, of which there may be none), utt2asr_lang (the language given or heard), and transcribe.json. Decoding is greedy.
Utterances of more than 30 s go through openai-whisper's moving windows, one at a time. What is transcribed is kept in
JOURNAL until the tables are written, so that a run that was stopped goes on.
"""

import argparse
import logging
from collections import Counter
from pathlib import Path

from c2ser.baselines.options import add_options, check_numbers
from c2ser.datadir import DataDir, read_entries, write_table
from c2ser.datadir.faults import some
from c2ser.fileio import sha256
from c2ser.journal import Journal, digest, stamps
from c2ser.jsonfile import write_json

JOURNAL = "transcribe.journal"


def get_parser():
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, "data_dir", "audio_scp")
    parser.add_argument("--whisper", type=Path, required=True, help="openai-whisper model, .pt, or Hugging Face folder")
    language = "auto: heard in each utterance; utt2lang: as that table says; or a code"
    add_options(parser, language={"help": language})
    add_options(parser, "batch_size", "ngpu", out_dir={"help": "Gets text.asr, utt2asr_lang, transcribe.json"})
    return parser


def main(argv=None):
    """Read, transcribe, write."""
    args = get_parser().parse_args(argv)
    check_numbers(args, "batch_size")
    data = DataDir(args.data_dir)
    utterances = data.utterances()
    audio = read_entries(args.audio_scp, utterances)
    spoken = read_entries(data.path / "utt2lang", utterances) if args.language == "utt2lang" else None
    from c2ser.baselines.transcription import Transcriber

    transcriber = Transcriber(args.whisper, "cuda" if args.ngpu else "cpu")
    groups = by_language(args.language, utterances, spoken, transcriber, data.path / "utt2lang")
    asked = digest([list(groups.items()), audio])
    inputs = {"whisper": identity(args.whisper), "audio": stamps(args.audio_scp), "asked": asked}
    with Journal(args.out_dir / JOURNAL, inputs) as journal:
        transcribe(transcriber, groups, audio, args.batch_size, journal)
        write(args, utterances, journal)
        journal.remove()


def identity(whisper):
    """What tells a Whisper model from others, for the journal and the account: of a folder, its `fingerprint`."""
    from c2ser.inference.chat import fingerprint

    return {"fingerprint": fingerprint(whisper)} if whisper.is_dir() else {"sha256": sha256(whisper)}


def by_language(language, utterances, spoken, transcriber, table):
    """Language, or None to hear it → its utterances. Raises InputError for a language that the model does not know."""
    if language == "auto":
        return {None: utterances}
    groups = {}
    for utterance in utterances:
        groups.setdefault(spoken[utterance] if spoken else language, []).append(utterance)
    for code, members in groups.items():
        transcriber.check_language(code, f"{table}: {members[0]}" if spoken else "--language")
    return groups


def transcribe(transcriber, groups, audio, batch_size, journal):
    """Transcribe what `by_language` gave, but for what the journal has, and keep each batch in it.

    audio: utterance → entry of wav.scp. The journal gets utterance → the words, their language, whether it has more than
    30 s, and what a batch took in seconds.
    """
    import time

    from tqdm import tqdm

    from c2ser.audio import has_sound, read_audio
    from c2ser.baselines.transcription import is_long
    from c2ser.inference.batching import run_batches

    done = journal.made()
    with tqdm(total=sum(map(len, groups.values())), initial=len(done), unit="utt", mininterval=2) as bar:

        def work(batch, language):
            start = time.perf_counter()
            waves = {utterance: read_audio(audio[utterance]) for utterance in batch}
            for utterance, wave in waves.items():
                has_sound(wave, utterance)  # warns where there is none
            beyond = [utterance for utterance in batch if is_long(waves[utterance])]
            within = [utterance for utterance in batch if not is_long(waves[utterance])]
            found = {utterance: transcriber.long(waves[utterance], language) for utterance in beyond}
            if within:
                found |= dict(zip(within, transcriber([waves[utterance] for utterance in within], language)))
            made = {utterance: [one.text, one.language, utterance in beyond] for utterance, one in found.items()}
            journal.keep(made, seconds=time.perf_counter() - start)
            bar.update(len(batch))

        for language, members in groups.items():
            members = [utterance for utterance in members if utterance not in done]
            run_batches(members, batch_size, lambda batch, language=language: work(batch, language), str)


def write(args, utterances, journal):
    """Write the tables, then how they were made."""
    made, out = journal.made(), args.out_dir
    texts, languages, beyond = ({utterance: made[utterance][place] for utterance in utterances} for place in range(3))
    empty = [utterance for utterance, text in texts.items() if not text]
    seconds = sum(entry["seconds"] for entry in journal.done.values())
    write_table(out / "text.asr", texts)
    write_table(out / "utt2asr_lang", languages)
    write_json(out / "transcribe.json", {
        "utterances": len(utterances), "without_words": len(empty),
        "longer_than_30_s": sorted(utterance for utterance in beyond if beyond[utterance]),
        "whisper": {"file": str(args.whisper), **identity(args.whisper)}, "language": args.language,
        "languages": dict(Counter(languages.values()).most_common()),
        "seconds_per_utterance": seconds / len(utterances),
    })  # fmt: skip
    logging.info("%s: %d utterances transcribed, %d without words%s",
                 out, len(utterances), len(empty), f": {some(empty)}" if empty else "")  # fmt: skip
