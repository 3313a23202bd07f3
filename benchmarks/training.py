"""Tokens per second and peak memory of a C2SER training step, against a plain Hugging Face Trainer with peft.

    python benchmarks/training.py                                            # tiny: seconds
    python benchmarks/training.py --llm exp/llm --threads 2                  # SmolLM2-135M as stage 8 leaves it
    python benchmarks/training.py --size smollm2 --ngpu 1 --precision bf16
    python benchmarks/training.py --size qwen2-7b --ngpu 1 --precision bf16 --rounds 1

Plain: transformers.Trainer around a module that hears each batch, lays out [prompt | speech | answer] for every
utterance, pads to the longest at the right, and calls the language model with labels of −100 off the answer: logits at
every place. Ours: C2SER's own training step, as the task builds the model: logits at the answers' places only. Both have the same weights to begin with, the same LoRA and
trained encoder and connector, batches, optimiser, clipping, and autocast to bfloat16 with bf16; neither has dropout or
checkpoints activations. So their losses are the same, step by step: the greatest difference is printed, and is an
error above 1e-4 in fp32.

All that learns is set back before each turn; the two take turns, the best turn of each counts, without its first step.
Tokens are those of the plain layout without padding, for both. On a CPU, time is that of the process on a thread, which
other programs disturb little, and memory the process's resident pages with the interpreter's; on a GPU what torch has
allocated. `above` is what memory the steps took beyond what was loaded: gradients, optimiser and activations.
"""

import sys
import tempfile
import warnings

from random_models import common_parser, describe, device_of, emotion_tokens, noise, prepare, random_c2ser
from turns import in_turns, now

LIMIT = 1e-4
"""Losses of float32 may differ by so much."""


def get_parser():
    """The benchmark's options."""
    parser = common_parser(__doc__)
    parser.add_argument("--batch_size", type=int, default=8, help="utterances (default: %(default)s)")
    parser.add_argument(
        "--seconds", type=float, nargs=2, default=(2.0, 6.0), metavar=("SHORTEST", "LONGEST"),
        help="Lengths of the speech are drawn evenly from this range (default: 2 6)",
    )  # fmt: skip
    parser.add_argument("--prompt_tokens", type=int, default=30, help="with random weights (default: %(default)s)")
    parser.add_argument(
        "--answer_tokens", type=int, nargs=2, default=(40, 80), metavar=("SHORTEST", "LONGEST"),
        help="as of a rationale (default: 40 80)",
    )  # fmt: skip
    parser.add_argument("--steps", type=int, default=4, help="of a turn, the first untimed (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=2, help="turns of each (default: %(default)s)")
    return parser


def main(argv=None):
    """Time both and print them; returns the exit status."""
    from transformers import Trainer  # noqa: F401  so that both systems have it loaded before they begin

    parser = get_parser()
    options = parser.parse_args(argv)
    if options.steps < 2:
        parser.error("--steps: the first is not timed: at least 2")
    device = prepare(options, parser)
    prompt = list(range(5, 5 + options.prompt_tokens))
    model = random_c2ser(options, None if options.llm else dict.fromkeys(("explicit", "implicit"), (prompt, [])))
    start = {name: weight.detach().cpu().clone() for name, weight in learning(model)}
    learned = sum(weight.numel() for weight in start.values())
    total = sum(weight.numel() for weight in model.parameters())
    print(f"{describe(options)}; {total / 1e6:.1f} M parameters, {learned / 1e6:.1f} M of them learn", flush=True)

    batches = make_batches(options, model.llm.config.vocab_size)
    systems = {"plain": plain_turn, "ours": our_turn}
    systems = {name: turn_of(run, model, start, batches, options) for name, run in systems.items()}
    turns = {name: [] for name in systems}
    for number, name, turn in in_turns(systems, options.rounds, device, options.threads):
        turns[name].append(turn)
        rate = tokens_of(turns["plain"][0]) / turn.result["seconds"]
        losses = " ".join(f"{loss:.5f}" for loss in turn.result["losses"])
        peak = f"at most {turn.peak / 1e6:.0f} MB"
        print(f"round {number}, {name}: {rate:.0f} tokens/s, {peak}, losses {losses}", flush=True)
    return report(turns, options)


def report(turns, options):
    """Print the table and the difference of losses; returns the exit status."""
    tokens, plain = tokens_of(turns["plain"][0]), min(turn.result["seconds"] for turn in turns["plain"])
    peaks = {name: max(turn.peak for turn in of) for name, of in turns.items()}
    print(f"{'system':8} {'tokens/s':>9} {'s a step':>9} {'ratio':>6} {'peak MB':>8} {'above MB':>9} {'ratio':>6}")
    above = {name: max(turn.peak - turn.loaded for turn in of) for name, of in turns.items()}
    for name, of in turns.items():
        best, share = min(turn.result["seconds"] for turn in of), above[name] / max(1, above["plain"])
        print(f"{name:8} {tokens / best:9.0f} {best / (options.steps - 1):9.3f} {plain / best:6.2f} "
              f"{peaks[name] / 1e6:8.0f} {above[name] / 1e6:9.0f} {share:6.2f}")  # fmt: skip
    pairs = [
        pair for one, other in zip(turns["plain"], turns["ours"])
        for pair in zip(one.result["losses"], other.result["losses"], strict=True)
    ]  # fmt: skip
    difference = max(abs(one - other) for one, other in pairs)
    print(f"losses of all steps differ by at most {difference:.1e}")
    if not difference <= LIMIT and options.precision == "fp32":
        print(f"these are not the same trainings: losses may differ by {LIMIT:.0e}", file=sys.stderr)
        return 1
    return 0


def tokens_of(turn):
    """Tokens of the timed steps."""
    return sum(turn.result["tokens"][1:])


def learning(model):
    """Names and weights of what learns."""
    return [(name, weight) for name, weight in model.named_parameters() if weight.requires_grad]


def make_batches(options, vocabulary):
    """One batch a step, as the task's collate function gives it: noise, random emotion tokens, random answers."""
    import torch
    from torch.nn.utils.rnn import pad_sequence

    source = torch.Generator().manual_seed(options.seed)
    count = options.batch_size
    batches = []
    for step in range(options.steps):
        waves = [torch.from_numpy(wave) for wave in noise(count, *options.seconds, options.seed + step)]
        shortest, longest = options.answer_tokens
        lengths = torch.randint(shortest, longest + 1, (count,), generator=source).tolist()
        answers = [torch.randint(5, vocabulary, (length,), generator=source) for length in lengths]
        answers = pad_sequence(answers, batch_first=True, padding_value=-1)
        batches.append({
            "speech": pad_sequence(waves, batch_first=True),
            "speech_lengths": torch.tensor([len(wave) for wave in waves]),
            "emotion": torch.from_numpy(emotion_tokens(count, options)), "explicit": answers, "implicit": answers,
        })  # fmt: skip
    return batches


def turn_of(run, model, start, batches, options):
    """A turn of one system: two steps to warm up, or all, from the weights at the start."""
    import torch

    def turn(number):
        with torch.no_grad():
            for name, weight in learning(model):
                weight.copy_(start[name])
        weights = [weight for _, weight in learning(model)]
        optimiser = torch.optim.AdamW(weights, lr=5e-5, betas=(0.9, 0.99), eps=1e-6, weight_decay=0.01)
        found = run(model, optimiser, batches if number else batches[:2], options)
        model.zero_grad()
        return found

    return turn


def our_turn(model, optimiser, batches, options):
    """C2SER's step, as ESPnet's trainer takes it: forward under autocast, backward, clip, update."""
    import torch

    device, ends, losses = device_of(options), [], []
    weights = [weight for _, weight in learning(model)]
    for batch in batches:
        batch = {name: value.to(device) for name, value in batch.items()}
        with torch.autocast(device, torch.bfloat16, enabled=options.precision == "bf16"):
            loss, _, _ = model(**batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        optimiser.zero_grad()
        losses.append(loss.detach())
        ends.append(now(device))
    return {"seconds": ends[-1] - ends[0], "losses": [float(loss) for loss in losses]}


def plain_turn(model, optimiser, batches, options):
    """A Trainer's run over the batches."""
    import torch
    from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

    device, ends = device_of(options), []

    class Clock(TrainerCallback):
        def on_step_end(self, *_, **__):
            ends.append(now(device))

    utterances = [
        {name: value[row] for name, value in batch.items() if name != "implicit"}
        for batch in batches for row in range(options.batch_size)
    ]  # fmt: skip
    module = plain_module()(model)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of accelerate, on machines without a GPU
        arguments = TrainingArguments(
            output_dir=folder, per_device_train_batch_size=options.batch_size, max_steps=len(batches),
            train_sampling_strategy="sequential", max_grad_norm=1.0, bf16=options.precision == "bf16",
            use_cpu=device == "cpu", remove_unused_columns=False, disable_tqdm=True, report_to=[],
            logging_strategy="no", save_strategy="no", dataloader_pin_memory=False,
        )  # fmt: skip
        constant = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: 1.0)
        trainer = Trainer(
            module, arguments, data_collator=collate, train_dataset=utterances, optimizers=(optimiser, constant),
            callbacks=[Clock()],
        )  # fmt: skip
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    losses = [float(loss) for loss in module.losses]
    return {"seconds": ends[-1] - ends[0], "losses": losses, "tokens": [int(tokens) for tokens in module.tokens]}


def collate(utterances):
    """Stack what was padded before."""
    import torch

    return {name: torch.stack([utterance[name] for utterance in utterances]) for name in utterances[0]}


def plain_module():
    """The class of what the Trainer trains."""
    import torch
    from torch import nn

    class Plain(nn.Module):
        """C2SER's parts, put together the plain way; keeps the losses and the numbers of tokens of its steps."""

        def __init__(self, model):
            super().__init__()
            self.model, self.losses, self.tokens = model, [], []

        def forward(self, speech, speech_lengths, emotion, explicit):
            heard, lengths = self.model.hear(speech, speech_lengths, emotion)
            embed, rows, labels = self.model.llm.get_input_embeddings(), [], []
            for prefix, answer in zip(self.model.prefixes("explicit", heard, lengths), explicit):
                answer = answer[answer >= 0]
                rows.append(torch.cat([prefix, embed(answer)]))
                labels.append(torch.cat([answer.new_full((len(prefix),), -100), answer]))
            inside = nn.utils.rnn.pad_sequence([torch.ones(len(row), dtype=torch.long) for row in rows], True)
            made = self.model.llm(
                inputs_embeds=nn.utils.rnn.pad_sequence(rows, True), attention_mask=inside.to(speech.device),
                labels=nn.utils.rnn.pad_sequence(labels, True, padding_value=-100), use_cache=False,
            )  # fmt: skip
            self.losses.append(made.loss.detach())
            self.tokens.append(inside.sum())
            return {"loss": made.loss}

    return Plain


if __name__ == "__main__":
    sys.exit(main())
