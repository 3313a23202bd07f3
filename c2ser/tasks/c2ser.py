"""ESPnet2 task: C2SER training, explicit and explicit → implicit."""

from espnet2.train.abs_espnet_model import AbsESPnetModel
from espnet2.utils.nested_dict_action import NestedDictAction
from espnet2.utils.types import float_or_none, str2bool, str_or_none

from c2ser.errors import InputError
from c2ser.models.build import build_c2ser, settle_precision
from c2ser.models.c2ser import C2SER
from c2ser.models.language_model import load_tokenizer
from c2ser.options import blocks_or_mix
from c2ser.tasks.backbone import allow_unused
from c2ser.tasks.c2ser_inputs import Tokenize, check_inputs
from c2ser.tasks.common import SpeechTask, check_kept_frames
from c2ser.tasks.dumped_frames import DumpedFrames

AbsESPnetModel.register(C2SER)  # models know nothing of ESPnet, which asks for its base class


class C2SERTask(SpeechTask):
    """Data, each only where the configuration needs it (c2ser.tasks.c2ser_inputs): `speech` (kaldi_ark of 16-bit
    audio), `emotion` (npy or kaldi_ark), `transcript` (text), `explicit` and `implicit` (text), `teacher` (text_float,
    npy or kaldi_ark), `style` and `measured` (text: utt2style), `words` (text), `speaker_frames` and `speaker_emotion`
    (kaldi_ark, `c2ser speaker-means`).

    The ablations of the paper, one option each: without Whisper `--whisper none`; without Emotion2Vec-S
    `--emotion_dim 0`; without chain of thought `--answers label`; transcript alone `--text_only true`. Whisper frozen
    or trained: `freeze_encoder` of model_conf; size of the adapters: `rank` of llm_conf; prompt: `--prompt_style`.
    """

    @classmethod
    def add_task_arguments(cls, parser):
        group = parser.add_argument_group("C2SER")
        group.add_argument(
            "--whisper", type=str_or_none,
            help="openai-whisper checkpoint (.pt) or Hugging Face folder; none: ablation without it",
        )
        group.add_argument(
            "--whisper_blocks", type=blocks_or_mix,
            help="Take only Whisper's first so many blocks: of a frozen one, what they give tells more of emotion than the\n"
            "last block's, which is about words; mix: a learned sum over the blocks (our own option; default: all)",
        )  # fmt: skip
        group.add_argument(
            "--kept_frames", type=str_or_none,
            help="Where model_conf: keep_frames is set, what it keeps: frames.scp of `c2ser whisper-frames` with the same\n"
            "--whisper and --whisper_blocks; default: each training hears every utterance once",
        )  # fmt: skip
        group.add_argument("--llm", type=str_or_none, help="Local Hugging Face folder of the language model")
        group.add_argument("--llm_conf", action=NestedDictAction, default={}, help="Arguments of load_language_model")
        group.add_argument("--connector_conf", action=NestedDictAction, default={}, help="Arguments of Connector")
        group.add_argument("--specaug", type=str2bool, default=True, help="Augment mel spectrograms in training")
        group.add_argument("--specaug_conf", action=NestedDictAction, default={}, help="Arguments of SpecAugment")
        group.add_argument("--model_conf", action=NestedDictAction, default={}, help="Further arguments of C2SER")
        group.add_argument(
            "--emotion_dim", type=int, default=0, help="Width of the emotion tokens; 0: ablation without them"
        )
        group.add_argument(
            "--encoder_lr", type=float_or_none,
            help="Learning rate of Whisper, optim_conf's lr being that of all else; default: the same",
        )  # fmt: skip
        group.add_argument(
            "--prompt_style", default="plain", choices=("plain", "chat"), help="How the prompt is laid out"
        )
        group.add_argument("--prompt_language", default="en", help="Language of the prompts")
        group.add_argument(
            "--answers", default="cot", choices=("cot", "label"),
            help="cot: as train_mode says; label: ablation without chain of thought, every answer is the bare verdict",
        )  # fmt: skip
        group.add_argument(
            "--verdict", default="last", choices=("last", "first"), help="Where data `explicit` has it, as stage 4 wrote"
        )
        group.add_argument(
            "--measured_style", type=str2bool, default=False,
            help="Tell the model the measured levels of style, before what it hears: data `measured`",
        )  # fmt: skip
        group.add_argument(
            "--text_only", type=str2bool, default=False,
            help="Ablation that reads data `transcript` and hears nothing; --whisper, --emotion_dim do not count",
        )  # fmt: skip
        group.add_argument(
            "--teacher_labels", type=label_list, default=[],
            help="Classes of data `teacher` in their order, commas between: the lines of `labels` beside posteriors",
        )  # fmt: skip

    @classmethod
    def build_preprocess_fn(cls, args, train):
        return Tokenize(load_tokenizer(args.llm), args, "train" if train else "valid")

    @classmethod
    def required_data_names(cls, train=True, inference=False):
        return ("speech",) if inference else ("implicit",)

    @classmethod
    def optional_data_names(cls, train=True, inference=False):
        return (
            "speech", "emotion", "transcript", "explicit", "teacher", "speaker_frames", "speaker_emotion", "style",
            "words", "measured",
        )  # fmt: skip

    @classmethod
    def build_model(cls, args):
        allow_unused(args, args.model_conf.get("align_batches") or args.model_conf.get("hold_connector"))
        check_kept_frames(args)
        if args.augment and args.emotion_dim and not args.text_only:
            raise InputError(
                "--augment: Whisper would hear the changed waveforms, and the emotion tokens tell of the clean ones, from "
                "which stage 6 made them; leave it out, or set --emotion_dim 0"
            )
        check_inputs(args)
        check_encoder_lr(args)
        device = "cuda" if args.ngpu > 0 else "cpu"
        settle_precision(args, device)
        model = build_c2ser(args, device)
        if args.kept_frames and model.encoder is not None:
            if model.kept_frames is None:
                raise InputError("--kept_frames: needs model_conf: keep_frames: true")
            model.kept_frames = DumpedFrames(args.kept_frames, model.encoder.layers * model.encoder.dim)
        return model

    @classmethod
    def parameter_groups(cls, args, model):
        """With --encoder_lr, Whisper's parameters are a group of their own."""
        if args.encoder_lr is None or model.encoder is None:
            return super().parameter_groups(args, model)
        encoder = set(model.encoder.parameters())
        others = [parameter for parameter in model.parameters() if parameter not in encoder]
        return [{"params": others}, {"params": list(model.encoder.parameters()), "lr": args.encoder_lr}]


def check_encoder_lr(args):
    """Raise InputError where --encoder_lr would change nothing, or its schedule would overrule it."""
    if args.encoder_lr is None:
        return
    if args.model_conf.get("freeze_encoder"):
        raise InputError("--encoder_lr: freeze_encoder leaves Whisper as it is; set one of them")
    if (args.scheduler or "").lower() in ("cosineannealingwarmuprestarts", "onecyclelr", "cycliclr"):
        raise InputError(f"--encoder_lr: {args.scheduler} sets one rate for all; use warmuplr or another that scales each")
    if args.exclude_weight_decay:
        raise InputError("--encoder_lr and --exclude_weight_decay: choose one, both make groups of parameters")


def label_list(value):
    """Read "angry,sad" as ["angry", "sad"]; nothing as an empty list."""
    return [label.strip() for label in value.split(",") if label.strip()]
