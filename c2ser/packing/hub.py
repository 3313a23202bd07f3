"""A packed system in Hugging Face's transformers: `pipeline("speech-emotion-recognition", FOLDER, trust_remote_code=True)`.

A published repository holds one line of code, which imports these three; c2ser itself is to be installed.
"""

from pathlib import Path

import torch
from transformers import Pipeline, PretrainedConfig, PreTrainedModel

TASK = "speech-emotion-recognition"
CODE = "c2ser_hub.py"
IMPORT = "from c2ser.packing.hub import C2SERConfig, C2SERModel, C2SERPipeline  # noqa: F401\n"


class C2SERConfig(PretrainedConfig):
    """The classes of a system as id2label; what else there is to know stands in its model.yaml."""

    model_type = "c2ser"


class C2SERModel(PreTrainedModel):
    """Holds a `Predictor`; transformers sees no weights of it."""

    config_class = C2SERConfig

    def __init__(self, config):
        super().__init__(config)
        self.nothing = torch.nn.Parameter(torch.zeros(0))  # has the device that a pipeline asks for

    @classmethod
    def from_pretrained(cls, source, *args, config=None, revision=None, **options):
        """A system of a folder, or of a repository of the hub, which is fetched whole."""
        if not Path(source).is_dir():
            from huggingface_hub import snapshot_download

            source = snapshot_download(source, revision=revision)
        model = cls(config or C2SERConfig.from_pretrained(source))
        model.source = source
        return model


class C2SERPipeline(Pipeline):
    """What `c2ser.given.read_speech` takes → [{"label", "score"}, …] with the most probable class first; mode, channel: as
    of `Predictor`. An explicit answer's text stands beside the first class."""

    _load_tokenizer = _load_feature_extractor = _load_image_processor = _load_processor = False

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        from c2ser.inference.predictor import Predictor

        self.predictor = Predictor(self.model.source, str(self.device))

    def _sanitize_parameters(self, mode=None, channel=None, **others):
        chosen = {"mode": mode, "channel": channel}
        return {}, {name: value for name, value in chosen.items() if value is not None}, {}

    def preprocess(self, item):
        return {"item": item}

    def _forward(self, inputs, mode="implicit", channel=None):
        return {"prediction": self.predictor([inputs["item"]], mode, channel)[0]}

    def postprocess(self, outputs):
        prediction = outputs["prediction"]
        ranked = sorted(prediction.posterior.items(), key=lambda pair: -pair[1])
        listed = [{"label": label, "score": score} for label, score in ranked]
        return [{**listed[0], "text": prediction.text}, *listed[1:]] if prediction.text else listed
