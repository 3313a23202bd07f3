"""From the keys of a configuration to a C2SER model: the same for training and for inference."""

from c2ser.cot import templates
from c2ser.cot.prompts import MODES, prompt
from c2ser.emotions import EMOTIONS
from c2ser.errors import InputError
from c2ser.models.c2ser import C2SER
from c2ser.models.distillation import verdict_ids
from c2ser.models.language_model import keeps_states, load_language_model, load_tokenizer, split_prompt
from c2ser.models.specaugment import SpecAugment
from c2ser.models.whisper_encoder import WhisperEncoder
from c2ser.precision import choose

MODEL_OPTIONS = (
    "llm_conf", "emotion_dim", "connector_conf", "specaug", "specaug_conf", "model_conf", "prompt_style",
    "prompt_language", "answers", "text_only", "teacher_labels", "max_epoch", "num_iters_per_epoch", "seed",
    "whisper_blocks", "verdict", "measured_style",
)  # fmt: skip
"""All that `build_c2ser` reads, but for the paths `llm` and `whisper`."""


def build_c2ser(options, device="cpu", llm=None):
    """Build a model from a namespace with the options of `C2SERTask`, as an experiment's config.yaml holds them: llm,
    whisper and `MODEL_OPTIONS`, `auto` settled (`settle_precision`). device: where the language model is loaded to;
    llm: one that is loaded already, as `llm_conf` says.

    Raises InputError for an option that names something that is not there, or a key that a part does not know.
    """
    if not options.llm:
        raise InputError("--llm is not set: stage 8 of the recipe prepares a language model folder")
    if options.llm_conf.get("gradient_checkpointing") and options.model_conf.get("kl_weight"):
        raise InputError("llm_conf: gradient_checkpointing keeps no cache, which model_conf: kl_weight needs; choose one")
    if options.model_conf.get("kl_weight") and keeps_states(options.llm):
        raise InputError(f"model_conf: kl_weight: {options.llm} has linear attention; nothing is learnt through its cache")
    batches = options.max_epoch * (options.num_iters_per_epoch or 1)
    check_schedule(options, batches)
    tokenizer = load_tokenizer(options.llm)
    asked = {mode: prompt(mode, options.prompt_language) for mode in MODES}
    asked |= templates.load(options.prompt_language).QUESTIONS or {}
    prompts = {mode: split_prompt(tokenizer, text, options.prompt_style) for mode, text in asked.items()}
    hears = not options.text_only
    try:
        return C2SER(
            encoder=build_encoder(options) if options.whisper and hears else None,
            llm=load_language_model(options.llm, device=device, **options.llm_conf) if llm is None else llm,
            prompts=prompts,
            emotion_dim=options.emotion_dim if hears else 0,
            connector=options.connector_conf,
            augment=SpecAugment(**options.specaug_conf) if options.specaug else None,
            total_batches=batches,
            seed=options.seed,
            text_only=options.text_only,
            verdicts=verdict_ids(tokenizer, options.teacher_labels) if options.teacher_labels else None,
            classes=verdict_ids(tokenizer, EMOTIONS) if options.model_conf.get("verdict_weight", 1) != 1 else None,
            verdict=options.verdict,
            measured_style=options.prompt_language if options.measured_style else None,
            **{**options.model_conf, "train_mode": train_mode(options)},
        )
    except TypeError as error:
        raise InputError(
            f"configuration: {error}; see the docstrings of C2SER, Connector and load_language_model"
        ) from None


def settle_precision(options, device):
    """Replace `auto` in llm_conf and model_conf by what it means on the device of a training, so that config.yaml says
    what was done; what is built from that later keeps it. A base that learns is in float32 wherever it may."""
    if options.llm_conf.get("train") == "full" and options.llm_conf.get("dtype") == "auto":
        options.llm_conf["dtype"] = "float32"
    if "dtype" in options.llm_conf:
        options.llm_conf["dtype"] = choose(options.llm_conf["dtype"], device, "llm_conf: dtype")
    if options.model_conf.get("llm_autocast", "none") != "none":
        taken = choose(options.model_conf["llm_autocast"], device, "model_conf: llm_autocast")
        options.model_conf["llm_autocast"] = "bfloat16" if taken == "bfloat16" else "none"


def build_encoder(options):
    """The Whisper encoder, its first `whisper_blocks` blocks under its final norm, or, for "mix", all blocks so."""
    encoder, blocks = WhisperEncoder.from_checkpoint(options.whisper), options.whisper_blocks
    if blocks == "mix":
        encoder.layers = len(encoder.encoder.blocks)
    elif blocks is not None:
        if not 1 <= blocks <= len(encoder.encoder.blocks):
            raise InputError(f"--whisper_blocks {blocks}: {options.whisper} has {len(encoder.encoder.blocks)}")
        encoder.encoder.blocks = encoder.encoder.blocks[:blocks]
    return encoder


def train_mode(options):
    """The train_mode of a configuration. Where answers are labels alone, there is nothing but implicit answers."""
    return "implicit" if options.answers == "label" else options.model_conf.get("train_mode", "explicit")


def check_schedule(options, batches):
    """Raise InputError where the batches of a training, of which there are `batches`, cannot be shared out as asked."""
    if train_mode(options) == "explicit_to_implicit" and not options.num_iters_per_epoch:
        raise InputError(
            "train_mode: explicit_to_implicit needs num_iters_per_epoch, to know over how many batches to go"
        )
    aligned = options.model_conf.get("align_batches", 0)
    if aligned and options.num_iters_per_epoch and aligned >= batches:
        raise InputError(f"align_batches: {aligned} of {batches} batches: none is left for the language model")
