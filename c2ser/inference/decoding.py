"""How answers are made: the keys of a decode.yaml."""

import math
from dataclasses import dataclass, field

from c2ser.cot import templates
from c2ser.cot.prompts import MODES
from c2ser.encodings import read_text
from c2ser.errors import InputError
from c2ser.options import is_count
from c2ser.precision import CHOICES as DTYPES
from c2ser.yamlfile import parse_yaml

METHODS = ("free", "score", "constrained")
"""free: generate, then read the class out of the text; score: the most likely of the classes' answers; constrained:
generate with a grammar that knows no other end than a class's answer."""

PRIORS = ("none", "train", "dev", "content_free", "file")
"""What label scoring divides posteriors by; all but none come from a calibration file (`c2ser calibrate`)."""

MAX_NEW_TOKENS = {"explicit": 120, "implicit": 10}


@dataclass
class Decoding:
    """How answers are made.

    batch_size: utterances together, halved for the rest where memory does not suffice; batch_seconds: how much speech
    they may be, counting each as long as the longest of them. num_beams: of free and of
    constrained generation; 1 is greedy. repetition_penalty: of free generation. max_new_tokens: of free generation, by
    mode, the default for one that is not named. methods: those of `METHODS` whose tables are wanted; in implicit mode nothing is generated without "free", in
    explicit mode a rationale always is. languages: in which languages a class may be named by label scoring and by the
    grammar; None: the system's own. dtype: of the language model; float32 answers do not depend on the batch,
    bfloat16 rounds, auto takes that where the device has instructions for it. prior, prior_strength: of label scoring, see `c2ser.inference.calibration`; a strength of None is
    the one that the calibration found best. Raises InputError for a value that is none.
    """

    batch_size: int = 8
    batch_seconds: float = 240.0
    num_beams: int = 1
    repetition_penalty: float = 1.0
    max_new_tokens: dict = field(default_factory=lambda: MAX_NEW_TOKENS)
    methods: list = field(default_factory=lambda: list(METHODS))
    languages: list | None = None
    dtype: str = "float32"
    prior: str = "none"
    prior_strength: float | None = None

    def __post_init__(self):
        for name in ("batch_size", "num_beams"):
            if not is_count(value := getattr(self, name)):
                raise InputError(f"decoding: {name}: {value!r}: expected a whole number from 1")
        longest = self.max_new_tokens
        if not isinstance(longest, dict) or not set(longest) <= set(MODES) or not all(map(is_count, longest.values())):
            raise InputError(f"decoding: max_new_tokens: {longest!r}: expected whole numbers from 1 by mode, {MAX_NEW_TOKENS}")
        self.max_new_tokens = {**MAX_NEW_TOKENS, **longest}
        for name, most in (("batch_seconds", math.inf), ("repetition_penalty", 1e6)):
            if type(value := getattr(self, name)) not in (int, float) or not 0 < value <= most:
                raise InputError(f"decoding: {name}: {value!r}: expected a number above 0")
        if not isinstance(self.methods, list) or not self.methods or not set(self.methods) <= set(METHODS):
            raise InputError(f"decoding: methods: {self.methods!r}: expected a list out of {', '.join(METHODS)}")
        for name, known in (("dtype", DTYPES), ("prior", PRIORS)):
            if getattr(self, name) not in known:
                raise InputError(f"decoding: {name}: {getattr(self, name)!r}: expected one of {', '.join(known)}")
        if self.languages is not None and (not isinstance(self.languages, list) or not self.languages):
            raise InputError(f"decoding: languages: {self.languages!r}: expected a list such as [en, zh]")
        for language in self.languages or ():
            templates.load(language)
        if len(set(self.languages or ())) < len(self.languages or ()):
            raise InputError(f"decoding: languages: {self.languages!r}: one is there twice")
        strength = self.prior_strength
        if strength is not None and (type(strength) not in (int, float) or not 0 <= strength < math.inf):
            raise InputError(f"decoding: prior_strength: {strength!r}: expected a number from 0, or null")


def read_decoding(path):
    """A YAML file → Decoding; the defaults without a file. Raises InputError for an unknown key or a wrong value."""
    import yaml

    if path is None:
        return Decoding()
    text = read_text(path)
    try:
        return Decoding(**(parse_yaml(text) or {}))
    except (TypeError, yaml.YAMLError) as error:
        what = " ".join(str(error).split())
        raise InputError(f"{path}: {what}; the keys are the fields of c2ser.inference.decoding.Decoding") from None
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
