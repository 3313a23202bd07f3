"""ESPnet2 task: the supervised baseline of Emotion2Vec-S."""

from espnet2.train.abs_espnet_model import AbsESPnetModel
from espnet2.utils.nested_dict_action import NestedDictAction

from c2ser.models.emotion_classifier import EmotionClassifier
from c2ser.tasks.backbone import add_backbone_arguments, build_around_backbone
from c2ser.tasks.common import SpeechTask, scale_speech

AbsESPnetModel.register(EmotionClassifier)  # models know nothing of ESPnet, which asks for its base class


class EmotionClassifierTask(SpeechTask):
    """Data: `speech` (kaldi_ark of 16-bit audio) and `label` (text_int; −1 = unlabelled, ignored)."""

    @classmethod
    def add_task_arguments(cls, parser):
        group = parser.add_argument_group("Emotion classifier")
        add_backbone_arguments(group)
        group.add_argument(
            "--model_conf", action=NestedDictAction, default={},
            help="Arguments of EmotionClassifier: pooling, dropout, label_smoothing, start",
        )  # fmt: skip

    @classmethod
    def build_preprocess_fn(cls, args, train):
        return scale_speech

    @classmethod
    def required_data_names(cls, train=True, inference=False):
        return ("speech",) if inference else ("speech", "label")

    @classmethod
    def optional_data_names(cls, train=True, inference=False):
        return ("teacher_frames",)

    @classmethod
    def build_model(cls, args):
        return build_around_backbone(args, EmotionClassifier)
