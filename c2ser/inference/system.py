"""A trained system's configurations and models, each loaded when it is asked for."""

import torch

from c2ser.checkpoints.weights import read_weights
from c2ser.cot.prompts import PARAPHRASES, prompt
from c2ser.errors import InputError
from c2ser.inference.bundle import Bundle
from c2ser.inference.emotion_encoder import load_weights, read_config
from c2ser.models.build import build_c2ser
from c2ser.models.language_model import load_tokenizer, on_the_same_base, split_prompt
from c2ser.precision import check_device, choose

LATER_OPTIONS = {
    "answers": "cot", "text_only": False, "teacher_labels": [], "whisper_blocks": None, "verdict": "last",
    "measured_style": False,
}  # fmt: skip
"""Options that the config.yaml of an older training does not have, and what it was trained with."""


class System:
    """What a `Predictor` answers with. model: the folder that stage 11 or 14 of a recipe made; dtype: of the language model;
    paraphrase: the prompt of every mode, ensemble: how many more are asked, as `mode 1`, …. Raises InputError."""

    def __init__(self, model, device, dtype, paraphrase=0, ensemble=0):
        check_device(device)
        self.bundle, self.device = Bundle.read(model), device
        self.dtype = choose(dtype, device, "language model of decoding")
        self.tokenizer = load_tokenizer(self.bundle.llm)
        self.paraphrase, self.ensemble, self._models = paraphrase, ensemble, {}

    def by_speaker(self, mode):
        """Whether the model of that mode was trained with what it hears normalised by speaker."""
        return self._config(mode).model_conf.get("standardize") == "speaker"

    def question(self, mode, paraphrase=None):
        """The prompt of a mode, as training asked it or its paraphrase. Raises InputError for an unknown paraphrase."""
        paraphrase = self.paraphrase if paraphrase is None else paraphrase
        if not paraphrase:
            return prompt(mode, self._config(mode).prompt_language)
        if not 0 < paraphrase <= len(PARAPHRASES[mode]):
            last = len(PARAPHRASES[mode])
            raise InputError(f"paraphrase {paraphrase}: there are 1 to {last}; 0 is the trained prompt")
        return PARAPHRASES[mode][paraphrase - 1]

    def is_told(self, mode):
        """Whether the model of that mode is told the measured levels of style."""
        return self._config(mode).measured_style

    def reads_text(self, mode):
        """Whether the model of that mode reads transcripts instead of hearing speech."""
        return self._config(mode).text_only

    def _config(self, mode):
        """The configuration that the model of a mode was trained with."""
        if mode not in self.bundle.modes:
            raise InputError(f"mode {mode!r}: this system has {', '.join(self.bundle.modes)}")
        config = read_config(self.bundle.modes[mode]["config"])
        for name, value in LATER_OPTIONS.items():
            setattr(config, name, getattr(config, name, value))
        if "llm_bfloat16" in config.model_conf:  # what llm_autocast was called
            config.model_conf["llm_autocast"] = "bfloat16" if config.model_conf.pop("llm_bfloat16") else "none"
        return config

    def precision(self, mode):
        """In words, in what the language model of a mode was trained and answers."""
        config = self._config(mode)
        used = (getattr(config, "autocast", None), config.model_conf.get("llm_autocast"), config.llm_conf.get("dtype"))
        return f"trained in {'bfloat16' if 'bfloat16' in used else 'float32'}, answering in {self.dtype}"

    def _model(self, mode):
        """The model of that mode, loaded at first use; two modes of one checkpoint are one model."""
        if mode not in self._models:
            config, parts = self._config(mode), self.bundle.modes[mode]
            alike = [model for other, model in self._models.items() if self.bundle.modes[other] == parts]
            model = alike[0] if alike else self._load(config, parts["checkpoint"])
            if self.paraphrase:
                model.prompts[mode] = self._prompt_ids(mode, self.paraphrase)
            for number in range(1, self.ensemble + 1):
                model.prompts[f"{mode} {number}"] = self._prompt_ids(mode, number)
            self._models[mode] = model
        return self._models[mode]

    def _prompt_ids(self, mode, paraphrase):
        ids = split_prompt(self.tokenizer, self.question(mode, paraphrase), self._config(mode).prompt_style)
        return tuple(torch.tensor(part, dtype=torch.long) for part in ids)

    def _load(self, config, checkpoint):
        config.llm, config.whisper = str(self.bundle.llm), self.bundle.whisper and str(self.bundle.whisper)
        model = build_c2ser(config, llm=self._another_llm(config))
        load_weights(model, read_weights(checkpoint), checkpoint)
        model.llm.to(getattr(torch, self.dtype))
        return model.eval().requires_grad_(False).to(self.device)

    def _another_llm(self, config):
        """A language model for a further mode on the base of one that is loaded, or None where it has to be read."""
        for mode, model in self._models.items():
            if config.llm_conf == self._config(mode).llm_conf and config.llm_conf.get("train", "lora") != "full":
                return on_the_same_base(model.llm)
        return None
