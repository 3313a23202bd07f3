"""From the keys of a configuration to a C2SER model: the same for training and for inference."""

from c2ser.cot.prompts import MODES, prompt
from c2ser.errors import InputError
from c2ser.models.c2ser import C2SER
from c2ser.models.language_model import load_language_model, load_tokenizer, split_prompt
from c2ser.models.specaugment import SpecAugment
from c2ser.models.whisper_encoder import WhisperEncoder


def build_c2ser(options):
    """Build a model from a namespace with the options of `C2SERTask`, as an experiment's config.yaml holds them.

    Raises InputError for an option that names something that is not there, or a key that a part does not know.
    """
    if not options.llm:
        raise InputError("--llm is not set: stage 8 of the recipe prepares a language model folder")
    if options.model_conf.get("train_mode") == "explicit_to_implicit" and not options.num_iters_per_epoch:
        raise InputError("train_mode: explicit_to_implicit needs num_iters_per_epoch, to know over how many batches to go")
    tokenizer = load_tokenizer(options.llm)
    prompts = {
        mode: split_prompt(tokenizer, prompt(mode, options.prompt_language), options.prompt_style) for mode in MODES
    }
    try:
        return C2SER(
            encoder=WhisperEncoder.from_checkpoint(options.whisper) if options.whisper else None,
            llm=load_language_model(options.llm, **options.llm_conf),
            prompts=prompts,
            emotion_dim=options.emotion_dim,
            connector=options.connector_conf,
            augment=SpecAugment(**options.specaug_conf) if options.specaug else None,
            total_batches=options.max_epoch * (options.num_iters_per_epoch or 1),
            seed=options.seed,
            **options.model_conf,
        )
    except TypeError as error:
        raise InputError(f"configuration: {error}; see the docstrings of C2SER, Connector and load_language_model") from None
