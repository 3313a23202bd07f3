"""Answers of an exported Emotion2Vec-S and probe: numpy and onnxruntime, no torch."""

from typing import NamedTuple

import numpy as np

from c2ser.audio import has_sound
from c2ser.errors import InputError, brief
from c2ser.given import as_list, name_of, read_speech


class Answer(NamedTuple):
    """The most probable class of one recording, class → probability, and whether there was anything to hear."""

    label: str
    posterior: dict
    sound: bool = True


class OnnxPredictor:
    """A file that `c2ser export-onnx` wrote. `predictor(["a.wav"])` gives one `Answer` an input.

    threads: that onnxruntime may use, None for its own choice. `labels` are the classes, empty where the file was
    exported without a probe. Raises InputError for another kind of file.
    """

    def __init__(self, model, threads=None):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or 0
        try:
            self.session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's own classes have no common name
            raise InputError(f"{model}: onnxruntime cannot load it ({brief(error)}); export it again") from None
        told = self.session.get_modelmeta().custom_metadata_map
        if "c2ser" not in told:
            raise InputError(f"{model}: an ONNX file, but not one that c2ser export-onnx wrote")
        try:
            self.path, self.labels = model, told["labels"].split()
            self.sample_rate, self.min_samples = int(told["sample_rate"]), int(told["min_samples"])
            self.max_seconds = float(told["max_seconds"])
        except (KeyError, ValueError) as error:
            raise InputError(f"{model}: not what c2ser export-onnx notes of a model ({error}); export it again") from None
        self.outputs = [output.name for output in self.session.get_outputs()]

    def __call__(self, inputs, channel=None, batch_size=8):
        """Label recordings: a list of paths, arrays or whatever else `c2ser.given.read_speech` takes, or one alone.

        channel: 1-based number, "mean" or None (mono only); batch_size: changes nothing but speed and memory. Returns a
        list of `Answer`. Raises InputError naming the input, and for a file without a probe.
        """
        if not self.labels:
            raise InputError(f"{self.path}: exported without a probe; export it again with --probe to label recordings")
        speech, heard = self._read(inputs, channel)
        answers = zip(heard, (made["posteriors"] for made in self._run(speech, batch_size)))
        return [Answer(self.labels[row.argmax()], dict(zip(self.labels, row.tolist())), sound) for sound, row in answers]

    def features(self, inputs, channel=None, batch_size=8):
        """Output name → array of each input, in their order: tokens, layers, frames, posteriors, as far as they are in
        the file (`c2ser.inference.onnx_export` says what they are). Arguments as of a call."""
        return self._run(self._read(inputs, channel)[0], batch_size)

    def _run(self, speech, batch_size):
        if batch_size < 1:
            raise InputError(f"batch_size {batch_size}: expected a whole number from 1")
        found = []
        for first in range(0, len(speech), batch_size):
            batch = speech[first : first + batch_size]
            lengths = np.array([len(samples) for samples in batch])
            padded = np.zeros((len(batch), lengths.max()), np.float32)
            for row, samples in zip(padded, batch):
                row[: len(samples)] = samples
            made = self.session.run(self.outputs, {"speech": padded, "lengths": lengths})
            found += [dict(zip(self.outputs, values)) for values in zip(*made)]
        return found

    def _read(self, inputs, channel):
        """The samples of all inputs, and which of them hold sound."""
        speech, heard = [], []
        for number, item in enumerate(as_list(inputs)):
            name = name_of(item, number)
            samples = read_speech(item, channel, self.sample_rate, name)
            seconds = len(samples) / self.sample_rate
            if seconds > self.max_seconds:
                raise InputError(
                    f"{name}: {seconds:.10g} s; at most {self.max_seconds:g} s in one piece: cut it, or use the recipe, "
                    "which does (c2ser extract-features)"
                )
            heard.append(has_sound(samples, name))
            speech.append(np.pad(samples, (0, max(0, self.min_samples - len(samples)))))
        return speech, heard
