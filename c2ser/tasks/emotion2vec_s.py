"""ESPnet2 task: Emotion2Vec-S pretraining."""

from espnet2.train.abs_espnet_model import AbsESPnetModel
from espnet2.utils.nested_dict_action import NestedDictAction

from c2ser.models.emotion2vec_s import Emotion2VecS
from c2ser.tasks.backbone import add_backbone_arguments, build_around_backbone
from c2ser.tasks.common import SpeechTask, scale_speech

AbsESPnetModel.register(Emotion2VecS)  # models know nothing of ESPnet, which asks for its base class


class Emotion2VecSTask(SpeechTask):
    """Data: `speech` (kaldi_ark of 16-bit audio) and, optionally, `label` (text_int; −1 = unlabelled) and
    `teacher_frames` (kaldi_ark of floats, for teacher: ark)."""

    @classmethod
    def add_task_arguments(cls, parser):
        group = parser.add_argument_group("Emotion2Vec-S")
        add_backbone_arguments(group)
        group.add_argument(
            "--model_conf", action=NestedDictAction, default={},
            help="Arguments of Emotion2VecS: masks, decoder, losses, EMA, start",
        )  # fmt: skip

    @classmethod
    def build_preprocess_fn(cls, args, train):
        return scale_speech

    @classmethod
    def required_data_names(cls, train=True, inference=False):
        return ("speech",)

    @classmethod
    def optional_data_names(cls, train=True, inference=False):
        return ("label", "teacher_frames")

    @classmethod
    def build_model(cls, args):
        return build_around_backbone(args, Emotion2VecS)
