"""ESPnet2 task: C2SER training, explicit and explicit → implicit."""

import numpy as np
from espnet2.utils.nested_dict_action import NestedDictAction
from espnet2.utils.types import str2bool, str_or_none

from c2ser.cot.prompts import MODES
from c2ser.models.build import build_c2ser
from c2ser.models.language_model import answer_ids, load_tokenizer
from c2ser.tasks.common import PCM_SCALE, SpeechTask


class C2SERTask(SpeechTask):
    """Data: `speech` (kaldi_ark of 16-bit audio), `explicit` and `implicit` (text), `emotion` (npy or kaldi_ark)."""

    @classmethod
    def add_task_arguments(cls, parser):
        group = parser.add_argument_group("C2SER")
        group.add_argument("--whisper", type=str_or_none, help="openai-whisper checkpoint (.pt); none: ablation without it")
        group.add_argument("--llm", type=str_or_none, help="Local Hugging Face folder of the language model")
        group.add_argument("--llm_conf", action=NestedDictAction, default={}, help="Arguments of load_language_model")
        group.add_argument("--connector_conf", action=NestedDictAction, default={}, help="Arguments of Connector")
        group.add_argument("--specaug", type=str2bool, default=True, help="Augment mel spectrograms in training")
        group.add_argument("--specaug_conf", action=NestedDictAction, default={}, help="Arguments of SpecAugment")
        group.add_argument("--model_conf", action=NestedDictAction, default={}, help="Further arguments of C2SER")
        group.add_argument("--emotion_dim", type=int, default=0, help="Width of the emotion tokens; 0: ablation without them")
        group.add_argument("--prompt_style", default="plain", choices=("plain", "chat"), help="How the prompt is laid out")
        group.add_argument("--prompt_language", default="en", help="Language of the prompts")

    @classmethod
    def build_preprocess_fn(cls, args, train):
        return Tokenize(load_tokenizer(args.llm))

    @classmethod
    def required_data_names(cls, train=True, inference=False):
        return ("speech",) if inference else ("speech", *MODES)

    @classmethod
    def optional_data_names(cls, train=True, inference=False):
        return ("emotion",)

    @classmethod
    def build_model(cls, args):
        return build_c2ser(args)


class Tokenize:
    """Preprocessing: 16-bit samples → [-1, 1]; answers → token ids."""

    def __init__(self, tokenizer):
        self.tokenizer = tokenizer

    def __call__(self, utterance, data):
        data = {**data, "speech": data["speech"] * PCM_SCALE}
        for mode in MODES:
            if mode in data:
                data[mode] = np.array(answer_ids(self.tokenizer, data[mode]), dtype=np.int64)
        return data
