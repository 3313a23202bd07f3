"""ESPnet2 task: Emotion2Vec-S pretraining."""

from espnet2.utils.nested_dict_action import NestedDictAction

from c2ser.errors import InputError
from c2ser.models.emotion2vec import backbone_config
from c2ser.models.emotion2vec_s import Emotion2VecS
from c2ser.tasks.common import SpeechTask, scale_speech


class Emotion2VecSTask(SpeechTask):
    """Data: `speech` (kaldi_ark of 16-bit audio) and, optionally, `label` (text_int; −1 = unlabelled)."""

    @classmethod
    def add_task_arguments(cls, parser):
        group = parser.add_argument_group("Emotion2Vec-S")
        group.add_argument(
            "--backbone_conf", action=NestedDictAction, default={}, help="Fields of Emotion2VecConfig; default: base size"
        )
        group.add_argument(
            "--model_conf", action=NestedDictAction, default={}, help="Arguments of Emotion2VecS: masks, decoder, losses, EMA"
        )

    @classmethod
    def build_preprocess_fn(cls, args, train):
        return scale_speech

    @classmethod
    def required_data_names(cls, train=True, inference=False):
        return ("speech",)

    @classmethod
    def optional_data_names(cls, train=True, inference=False):
        return ("label",)

    @classmethod
    def build_model(cls, args):
        try:
            return Emotion2VecS(backbone_config(args.backbone_conf), **args.model_conf)
        except TypeError as error:
            raise InputError(f"model_conf: {error}; see the docstring of Emotion2VecS") from None
