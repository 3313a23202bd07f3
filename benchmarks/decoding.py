"""Utterances per second and memory of every way to decode, against a plain loop with the same weights.

    python benchmarks/decoding.py                                        # tiny random weights: seconds
    python benchmarks/decoding.py --model exp/smollm2 --audio_scp dump/all/wav.scp --data_dir data/fold1/test
    python benchmarks/decoding.py --llm exp/llm --threads 2 --limit 8    # SmolLM2-135M as stage 8 leaves it
    python benchmarks/decoding.py --size qwen2-7b --ngpu 1 --precision bf16 --limit 8 --rounds 1

Plain is what the released code does: one utterance after the other, transformers' generate over the embeddings of the
whole input, 4 beams, at most 400 new tokens, and the class read out of the text. Ours is `Predictor` in batches: the
classes' answers scored after one shared pass, generation with --num_beams (1, where configurations of this project
have it), and the grammar. `ratio` is to the plain loop of the same mode. Emotion2Vec-S features are made before and
not timed, as in stage 12 and in the released code; hearing is.

With a trained model, answers end where it ends them, and `label as plain` counts for how many utterances a system names
the class that the plain loop of its mode names, out of those where that names one. Random weights never end an answer,
nor name a class: then every answer, plain or ours, is cut at the length that a trained system's answers have
(--answer_tokens), since ratios to 400 tokens of noise would flatter scoring, and nothing is said of labels; `text as
plain`, for how many utterances the generated texts are the same, can only be expected with --num_beams 4 in fp32.

All take turns, the best turn of each counts. On a CPU, time is that of the process on a thread, which other programs
disturb little, and memory the process's resident pages with the interpreter's; on a GPU what torch has allocated.
`above` is what decoding took beyond what was loaded.
"""

import sys
import tempfile
from pathlib import Path

from random_models import common_parser, describe, device_of, emotion_tokens, noise, prepare, random_c2ser
from turns import in_turns

MODES = ("implicit", "explicit")
PLAIN_BEAMS, PLAIN_TOKENS = 4, 400
OURS = {
    "implicit scoring": ("implicit", "score"), "implicit constrained": ("implicit", "constrained"),
    "implicit generation": ("implicit", "free"), "explicit generation": ("explicit", "free"),
    "explicit constrained": ("explicit", "constrained"),
}  # fmt: skip
"""System → mode and method of decoding."""


def get_parser():
    """The benchmark's options."""
    parser = common_parser(__doc__)
    parser.add_argument("--model", type=Path, help="Folder of a trained system, in place of random weights")
    parser.add_argument("--audio_scp", type=Path, help="with --model: its utterances")
    parser.add_argument("--data_dir", type=Path, help="with --model: only the utterances of this set")
    parser.add_argument("--limit", type=int, default=16, help="utterances, spread over all (default: %(default)s)")
    parser.add_argument(
        "--seconds", type=float, nargs=2, default=(2.0, 6.0), metavar=("SHORTEST", "LONGEST"),
        help="without --model: lengths of the noise to hear (default: 2 6)",
    )  # fmt: skip
    parser.add_argument("--batch_size", type=int, default=16, help="of ours (default: %(default)s)")
    parser.add_argument("--num_beams", type=int, default=1, help="of our generation (default: %(default)s)")
    parser.add_argument("--repetition_penalty", type=float, default=1.0, help="of all (default: %(default)s)")
    parser.add_argument(
        "--answer_tokens", type=int, nargs=2, default=(8, 80), metavar=("IMPLICIT", "EXPLICIT"),
        help="at most, of our answers, and of plain ones of random weights (default: 8 80)",
    )  # fmt: skip
    parser.add_argument("--rounds", type=int, default=2, help="turns of each (default: %(default)s)")
    return parser


def main(argv=None):
    """Time all and print them."""
    parser = get_parser()
    options = parser.parse_args(argv)
    if options.model and not options.audio_scp:
        parser.error("--model needs --audio_scp: what it shall hear")
    device = prepare(options, parser)
    with tempfile.TemporaryDirectory() as folder:
        predictor = trained(options) if options.model else untrained(options, Path(folder))
    waves = read_waves(options) if options.model else noise(options.limit, *options.seconds, options.seed)
    modes = [mode for mode in MODES if mode in predictor.bundle.modes]
    systems = systems_of(predictor, waves, features(predictor, waves, options), modes, options)
    what = str(options.model) if options.model else describe(options)
    print(f"{what}: {len(waves)} utterances, {sum(map(len, waves)) / 16000:.1f} s of speech", flush=True)

    turns = {name: [] for name in systems}
    for number, name, turn in in_turns(systems, options.rounds, device, options.threads):
        turns[name].append(turn)
        rate = f"{len(waves) / turn.seconds:.2f} utterances/s, at most {turn.peak / 1e6:.0f} MB"
        print(f"round {number}, {name}: {rate}", flush=True)
    print_table(turns, len(waves))


def print_table(turns, count):
    """One line a system; the plain loop of its mode is what it is held against."""
    print(f"{'system':21} {'utt/s':>8} {'ratio':>7} {'peak MB':>8} {'above MB':>9} {'tokens/utt':>10} "
          f"{'label as plain':>14} {'text as plain':>13}")  # fmt: skip
    best = {name: min(turn.seconds for turn in of) for name, of in turns.items()}
    for name, of in turns.items():
        baseline = f"{name.split()[0]} plain"
        answers, wanted = of[-1].result, turns[baseline][-1].result
        named = [(made[0], plain[0]) for made, plain in zip(answers, wanted, strict=True) if plain[0]]
        label = f"{sum(one == other for one, other in named)}/{len(named)}" if named else "-"
        text = "-"
        if name.endswith(("plain", "generation")):
            text = f"{sum(made[1] == plain[1] for made, plain in zip(answers, wanted))}/{count}"
        peak, above = max(turn.peak for turn in of), max(turn.peak - turn.loaded for turn in of)
        tokens = sum(tokens for _, _, tokens in answers) / count
        print(f"{name:21} {count / best[name]:8.2f} {best[baseline] / best[name]:7.2f} {peak / 1e6:8.0f} "
              f"{above / 1e6:9.0f} {tokens:10.1f} {label:>14} {text:>13}")  # fmt: skip


def systems_of(predictor, waves, emotion, modes, options):
    """Name → system: a function that decodes all utterances, in round 0 the first two, into (label, text, tokens)."""
    from c2ser.inference.decoding import Decoding

    lengths = dict(zip(MODES, options.answer_tokens))

    def plain(mode):
        most = PLAIN_TOKENS if options.model else min(PLAIN_TOKENS, lengths[mode])
        return lambda number: plain_answers(predictor, mode, *first(number), most, options.repetition_penalty)

    def ours(mode, method):
        decoding = Decoding(
            batch_size=options.batch_size, num_beams=options.num_beams, repetition_penalty=options.repetition_penalty,
            max_new_tokens=lengths, methods=[method], dtype=predictor.decoding.dtype,
        )  # fmt: skip

        def run(number):
            predictor.decoding = decoding
            heard, given = first(number)
            made = predictor(heard, mode, emotion=given)
            return [(p.label or p.parsed or p.constrained, p.text, p.tokens) for p in made]

        return run

    def first(number):
        count = len(waves) if number else 2
        return waves[:count], None if emotion is None else emotion[:count]

    systems = {}
    for mode in modes:
        systems[f"{mode} plain"] = plain(mode)
        systems |= {name: ours(*how) for name, how in OURS.items() if how[0] == mode}
    return systems


def plain_answers(predictor, mode, waves, emotion, most, penalty):
    """The plain loop: (label, text, tokens) of each utterance."""
    import torch

    from c2ser.inference.labels import parse_label

    model, tokenizer, answers = predictor._model(mode), predictor.tokenizer, []
    hint = predictor.languages[0] if len(predictor.languages) == 1 else None
    with torch.no_grad():
        for place, wave in enumerate(waves):
            speech = torch.from_numpy(wave)[None].to(predictor.device)
            given = None if emotion is None else torch.tensor(emotion[place])[None].to(predictor.device)
            lengths = torch.tensor([len(wave)], device=predictor.device)
            (prefix,) = model.prefixes(mode, *model.hear(speech, lengths, given))
            inputs = prefix[None].to(model.llm.get_input_embeddings().weight.dtype)
            everywhere = torch.ones(inputs.shape[:2], dtype=torch.long, device=inputs.device)
            made = model.llm.generate(
                inputs_embeds=inputs, attention_mask=everywhere,
                do_sample=False, num_beams=PLAIN_BEAMS, max_new_tokens=most, repetition_penalty=penalty,
                eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.eos_token_id,
            )  # fmt: skip
            ids = made[0].tolist()
            ids = ids[: ids.index(tokenizer.eos_token_id)] if tokenizer.eos_token_id in ids else ids
            text = tokenizer.decode(ids, skip_special_tokens=True).strip()
            answers.append((parse_label(text, hint, predictor.labels).label, text, len(ids)))
    return answers


def trained(options):
    """The Predictor of a trained system, its models loaded."""
    from c2ser.inference.decoding import Decoding
    from c2ser.inference.predictor import Predictor

    dtype = "bfloat16" if options.precision == "bf16" else "float32"
    predictor = Predictor(options.model, device_of(options), Decoding(dtype=dtype))
    for mode in predictor.bundle.modes:
        if predictor.reads_text(mode):
            sys.exit(f"{options.model}: reads transcripts (text_only); this benchmark is about hearing")
        predictor._model(mode)
    return predictor


def untrained(options, folder):
    """A Predictor around random weights: it reads a system's folder, whose weights stand in memory alone."""
    import torch
    import yaml

    from c2ser.emotions import EMOTIONS
    from c2ser.inference.bundle import Bundle
    from c2ser.inference.decoding import Decoding
    from c2ser.inference.predictor import Predictor

    llm = options.llm or write_tokenizer(folder / "llm")
    parts = {"config": folder / "config.yaml", "checkpoint": folder / "model.pth"}
    parts["config"].write_text(yaml.safe_dump({"prompt_language": "en", "model_conf": {}}), encoding="utf-8")
    parts["checkpoint"].touch()
    Bundle(list(EMOTIONS), ["en"], llm, None, None, dict.fromkeys(MODES, parts)).write(folder)
    dtype = "bfloat16" if options.precision == "bf16" else "float32"
    predictor = Predictor(folder, device_of(options), Decoding(dtype=dtype))
    model = random_c2ser(options, prompts_of(predictor.tokenizer))
    model.llm.to(getattr(torch, dtype))
    predictor._models = dict.fromkeys(MODES, model.eval().requires_grad_(False))
    return predictor


def prompts_of(tokenizer):
    """Mode → token ids before and after the speech."""
    from c2ser.cot.prompts import prompt
    from c2ser.models.language_model import split_prompt

    return {mode: split_prompt(tokenizer, prompt(mode), "plain") for mode in MODES}


def write_tokenizer(folder):
    """A folder with a tokenizer of this project's prompts and answers, as stage 8 makes one from scratch."""
    from c2ser.bin import prepare_llm
    from c2ser.cot import templates
    from c2ser.cot.prompts import prompt
    from c2ser.datadir import write_table
    from c2ser.emotions import EMOTIONS

    texts = [prompt(mode) for mode in MODES]
    texts += [templates.load("en").implicit_answer(emotion) for emotion in EMOTIONS]
    write_table(folder.parent / "texts", {f"t{number:02d}": text for number, text in enumerate(texts)})
    made = {"out_dir": folder, "texts": folder.parent / "texts", "hidden_size": 16, "num_layers": 1}
    prepare_llm.main([str(word) for name, value in made.items() for word in (f"--{name}", value)])
    return folder


def read_waves(options):
    """Utterances of the table, or of the set, at most so many, spread evenly."""
    from c2ser.audio import MIN_SAMPLES, read_audio
    from c2ser.datadir import DataDir, read_table

    table = read_table(options.audio_scp)
    utterances = DataDir(options.data_dir).utterances() if options.data_dir else list(table)
    lacking = [utterance for utterance in utterances if utterance not in table]
    if lacking:
        sys.exit(f"{options.audio_scp}: no entry for {len(lacking)} utterances of {options.data_dir}: {lacking[:3]}")
    chosen = utterances[:: max(1, len(utterances) // options.limit)][: options.limit]
    waves = [read_audio(table[utterance]) for utterance in chosen]
    return [wave for wave in waves if len(wave) >= MIN_SAMPLES]


def features(predictor, waves, options):
    """Emotion2Vec-S tokens `(utterances, 10, dim)` of all, or None where the system hears without."""
    import numpy as np
    import torch

    if not options.model:
        return emotion_tokens(len(waves), options)
    if predictor.emotion_encoder is None:
        return None
    made = []
    for wave in waves:
        speech = torch.from_numpy(wave)[None].to(predictor.device)
        tokens, _ = predictor.emotion_encoder(speech, torch.tensor([len(wave)], device=predictor.device))
        made.append(tokens[0].cpu().numpy())
    return np.stack(made)


if __name__ == "__main__":
    main()
