"""What the two formats of supervised fine-tuning share: a prompt with a recording, and the answer to it, as training has them."""

from c2ser.cot.prompts import PROMPTS, prompt
from c2ser.datadir.faults import some
from c2ser.emotions import EMOTIONS
from c2ser.errors import InputError
from c2ser.formats.reading import json_lines
from c2ser.formats.rows import from_record
from c2ser.inference.labels import parse_label

MARK = "<audio>"
"""Where the recording stands; training puts the speech behind the prompt."""

VERDICT = 40
"""Characters of an answer that may be a verdict alone: the name of a class, or a short sentence with it."""

HOLDS = ("utt2spk", "utt2emo", "utt2lang", "spk2gender", "cot_explicit", "cot_implicit")
"""Of the answers, those of one mode; the others stand in columns of ours, which trainers leave out."""


def lost(rows, options):
    """What is left out besides tables that are never held: the other mode, and utterances without an answer of this one."""
    silent = [row.id for row in rows if not row.values.get(f"cot_{options.mode}")]
    other = "cot_implicit" if options.mode == "explicit" else "cot_explicit"
    found = [other] if any(other in row.values for row in rows) else []
    return found + ([f"{len(silent)} utterances without cot_{options.mode} ({some(silent)})"] if silent else [])


def examples(rows, folder, options):
    """Yield (prompt, answer, path, columns of ours) of every row with an answer of the mode; parts of recordings become files
    in folder/audio. Raises InputError where there is none.
    """
    rows = [row for row in rows if row.values.get(f"cot_{options.mode}")]
    if not rows:
        raise InputError(f"{options.data_dir}: nothing in cot_{options.mode}; c2ser make-cot writes it")
    for row in rows:
        answer = row.values[f"cot_{options.mode}"]
        path = row.audio
        if row.start is not None or row.channel is not None:
            data, suffix = row.sound()
            (folder / "audio").mkdir(exist_ok=True)
            (folder / "audio" / f"{row.id}{suffix}").write_bytes(data)
            path = str(options.out_dir.absolute() / "audio" / f"{row.id}{suffix}")
        ours = {key: value for key, value in row.record().items() if key in ("id", "speaker", "emotion", "language", "gender")}
        yield f"{prompt(options.mode, options.prompt_language)}{MARK}", answer, path, ours


def read_conversations(files, keys, options):
    """Yield (where, `Row`) of every recording in JSON files, the answers of both modes to one joined.

    keys: what the list of turns, who speaks, and what, are called, and who answers. The mode is that which a prompt of ours
    asks for; to other prompts, an answer of at most `VERDICT` characters is implicit. The emotion is that which a column
    names or, without one, which the answer does.
    """
    turns, who, said, answering = keys
    known, asks = {}, {text: mode for texts in PROMPTS.values() for mode, text in texts.items()}
    for path in files:
        for where, entry in json_lines(path):
            try:
                spoken = [(turn[who], turn[said]) for turn in entry[turns] if turn[who] != "system"]
                (_, asked), (speaker, answer) = spoken
                audio = entry.get("audios") or entry.get("audio")
                (audio,) = audio if isinstance(audio, list) else [audio]
                audio = audio.get("path") if isinstance(audio, dict) else audio
                if speaker != answering or not all(isinstance(text, str) for text in (asked, answer, audio)):
                    raise ValueError
            except (KeyError, TypeError, ValueError, IndexError, AttributeError):
                raise InputError(f"{where}: expected one turn of a user with one recording in `audios`, and one answer") from None
            row = from_record(entry, str(path.parent / audio), options.columns)
            label = parse_label(answer, row.values.get("language"), EMOTIONS).label
            if label and "emotion" not in row.values:
                row.values["emotion"] = label
            mode = asks.get(asked.replace(MARK, "").strip(), "implicit" if len(answer) <= VERDICT else "explicit")
            row.values[f"cot_{mode}"] = answer
            first, same = known.setdefault((audio, row.id), (where, row))
            if same.values.get(f"cot_{mode}", answer) != answer:
                raise InputError(f"{where}: a second {mode} answer for {audio}, another than at {first}; keep one of the two")
            same.values |= row.values
    yield from known.values()
