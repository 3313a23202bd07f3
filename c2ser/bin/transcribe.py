"""Baseline, text-only cascade, first half: write down the words of a set as a Whisper model hears them.

--whisper is an openai-whisper file with encoder and decoder. Writes text.asr (utterance and words, of which there may
be none), utt2asr_lang (the language given or heard), and transcribe.json. Decoding is greedy. Utterances of more than
30 s go through openai-whisper's moving windows, one at a time.
"""

import argparse
import json
import logging
from collections import Counter
from pathlib import Path

from c2ser.baselines.options import add_options, check_numbers
from c2ser.bin.common import run
from c2ser.bin.decode import entries
from c2ser.datadir import DataDir, write_table
from c2ser.datadir.faults import some
from c2ser.fileio import atomic_write, sha256


def get_parser():
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, "data_dir", "audio_scp")
    parser.add_argument("--whisper", type=Path, required=True, help="openai-whisper model, .pt")
    language = "auto: heard in each utterance; utt2lang: as that table says; or a code"
    add_options(parser, language={"help": language})
    add_options(parser, "batch_size", "ngpu", out_dir={"help": "Gets text.asr, utt2asr_lang, transcribe.json"})
    return parser


def main(argv=None):
    """Read, transcribe, write."""
    args = get_parser().parse_args(argv)
    check_numbers(args, "batch_size")
    import time

    data = DataDir(args.data_dir)
    utterances = data.utterances()
    audio = entries(args.audio_scp, utterances)
    spoken = entries(data.path / "utt2lang", utterances) if args.language == "utt2lang" else None
    from c2ser.baselines.transcription import Transcriber

    transcriber = Transcriber(args.whisper, "cuda" if args.ngpu else "cpu")
    groups = by_language(args.language, utterances, spoken, transcriber, data.path / "utt2lang")
    start = time.perf_counter()
    made, long = transcribe(transcriber, groups, audio, args.batch_size)
    write(args, utterances, made, long, time.perf_counter() - start)


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


def transcribe(transcriber, groups, audio, batch_size):
    """Transcribe what `by_language` gave. audio: utterance → entry of wav.scp.

    Returns utterance → `Transcript`, and the utterances of more than 30 s.
    """
    from tqdm import tqdm

    from c2ser.audio import read_audio
    from c2ser.baselines.transcription import is_long
    from c2ser.inference.batching import run_batches

    made, long = {}, []
    with tqdm(total=sum(map(len, groups.values())), unit="utt", mininterval=2) as bar:

        def work(batch, language):
            waves = {utterance: read_audio(audio[utterance]) for utterance in batch}
            beyond = [utterance for utterance in batch if is_long(waves[utterance])]
            within = [utterance for utterance in batch if not is_long(waves[utterance])]
            found = {utterance: transcriber.long(waves[utterance], language) for utterance in beyond}
            if within:
                found |= dict(zip(within, transcriber([waves[utterance] for utterance in within], language)))
            made.update(found)
            long.extend(beyond)
            bar.update(len(batch))

        for language, members in groups.items():
            run_batches(members, batch_size, lambda batch, language=language: work(batch, language), str)
    return made, long


def write(args, utterances, made, long, seconds):
    """Write the tables, then how they were made."""
    out, empty = args.out_dir, [utterance for utterance in utterances if not made[utterance].text]
    write_table(out / "text.asr", {utterance: made[utterance].text for utterance in utterances})
    write_table(out / "utt2asr_lang", {utterance: made[utterance].language for utterance in utterances})
    with atomic_write(out / "transcribe.json") as stream:
        content = {
            "utterances": len(utterances), "without_words": len(empty), "longer_than_30_s": sorted(long),
            "whisper": {"file": str(args.whisper), "sha256": sha256(args.whisper)}, "language": args.language,
            "languages": dict(Counter(made[utterance].language for utterance in utterances).most_common()),
            "seconds_per_utterance": seconds / len(utterances),
        }  # fmt: skip
        json.dump(content, stream, indent=1, ensure_ascii=False)
        stream.write("\n")
    logging.info("%s: %d utterances transcribed, %d without words%s",
                 out, len(utterances), len(empty), f": {some(empty)}" if empty else "")  # fmt: skip


if __name__ == "__main__":
    run(main)
