"""What a C2SER training reads: which data its configuration needs, whether all is there, how it becomes numbers."""

import numpy as np

from c2ser.cot import templates
from c2ser.cot.questions import ANSWERED, ASKED, WORDS, answer, levels_of, told_ids, true_level
from c2ser.cot.quote import clean_transcript
from c2ser.datadir import read_table
from c2ser.datadir.faults import some
from c2ser.emotions import EMOTIONS
from c2ser.errors import InputError
from c2ser.models.build import train_mode
from c2ser.models.language_model import answer_ids, transcript_ids
from c2ser.prosody.style import parse_style
from c2ser.tasks.common import PCM_SCALE
from c2ser.transcript import spoken

PARTS = ("train", "valid")
TEXTS = ("implicit", "explicit", "transcript")


def needed_data(options, part):
    """Data name → the option that asks for it, for one of `PARTS`; options: those of C2SERTask."""
    mode = train_mode(options)
    needed = {"implicit": "every training"}
    if mode == "explicit" or (mode == "explicit_to_implicit" and part == "train"):
        needed["explicit"] = f"train_mode: {mode}"
    if options.text_only:
        needed["transcript"] = "text_only"
    elif options.whisper:
        needed["speech"] = "whisper"
    if options.emotion_dim and not options.text_only:
        needed["emotion"] = f"emotion_dim: {options.emotion_dim}"
    if options.model_conf.get("standardize") == "speaker":
        means = {"speech": "speaker_frames", "emotion": "speaker_emotion"}
        needed |= {mean: "standardize: speaker" for name, mean in means.items() if name in needed}
    if options.measured_style:
        needed["measured"] = "measured_style"
    if options.model_conf.get("style_questions") and part == "train":
        asked = f"style_questions: {options.model_conf['style_questions']}"
        needed |= {"style": asked} | ({"words": asked} if WORDS in options.model_conf.get("questions", ASKED) else {})
    if options.model_conf.get("kl_weight") and part == "train":
        needed["teacher"] = f"kl_weight: {options.model_conf['kl_weight']}"
    return needed


def data_files(options, part):
    """Data name → file, of one of `PARTS`."""
    return {name: path for path, name, _ in getattr(options, f"{part}_data_path_and_name_and_type") or ()}


def check_inputs(options):
    """Check before the first batch that both parts have the data that the configuration needs, for every utterance.

    Raises InputError that names the data, or the file and its utterances without an entry or with an empty one.
    """
    if options.model_conf.get("kl_weight") and not options.teacher_labels:
        raise InputError("kl_weight: needs --teacher_labels: the classes of data `teacher`, in their order")
    for part in PARTS:
        given, shapes = data_files(options, part), getattr(options, f"{part}_shape_file") or ()
        if not given:
            continue  # as where a model is built without training it
        for name, reason in needed_data(options, part).items():
            if name not in given:
                raise InputError(
                    f"{reason} needs data `{name}`: add --{part}_data_path_and_name_and_type FILE,{name},TYPE"
                )
            for shape in shapes if name != "words" else ():  # which need not be known
                check_entries(given[name], read_table(shape), shape)
        for shape in shapes if options.kept_frames else ():
            check_entries(options.kept_frames, read_table(shape), shape)


def check_entries(path, utterances, source):
    """Raise InputError where the table `path` has no or an empty entry for an utterance that `source` lists."""
    table = read_table(path, empty_ok=True)
    lacking = [utterance for utterance in utterances if not table.get(utterance)]
    if lacking:
        raise InputError(
            f"{path}: no entry, or an empty one, for {len(lacking)} utterances of {source}: {some(lacking)}; leave "
            "them out of all tables (c2ser make-inputs does), or make what they lack"
        )


class Tokenize:
    """Preprocessing of one utterance: 16-bit samples → [-1, 1]; texts → token ids; checks of what the files hold.

    options: those of C2SERTask; part: one of `PARTS`. Raises InputError that names file and utterance.
    """

    def __init__(self, tokenizer, options, part):
        self.tokenizer, self.options = tokenizer, options
        self.files = data_files(options, part)
        self.asks = bool(options.model_conf.get("style_questions"))
        self.languages = {
            templates.load(language).implicit_answer(label): index
            for index, language in enumerate(templates.languages())
            for label in EMOTIONS
        }
        self.answers = {
            (question, level, language): answer_ids(tokenizer, answer(question, level, language))
            for language in templates.languages() if self.asks
            for question in ANSWERED
            for level in levels_of(question)
        }  # fmt: skip

    def __call__(self, utterance, data):
        data = dict(data)
        for name in TEXTS:
            if name in data and not spoken(data[name]):
                raise self._fault(utterance, name, "the text has no words")
        if "style" in data or "measured" in data:
            self._read_style(utterance, data)
        if "words" in data:
            ids = answer_ids(self.tokenizer, clean_transcript(data["words"])) if spoken(data["words"]) else [-1]
            data["words"] = np.array(ids, dtype=np.int64)
        if "speech" in data:
            data["speech"] = data["speech"] * PCM_SCALE
        if "emotion" in data:
            self._check_emotion(utterance, data["emotion"])
        if "teacher" in data:
            self._check_teacher(utterance, data["teacher"])
            data["language"] = np.array([self._language(utterance, data["implicit"])])
        for name, ids in (("explicit", answer_ids), ("implicit", answer_ids), ("transcript", transcript_ids)):
            if name in data:
                data[name] = np.array(ids(self.tokenizer, data[name]), dtype=np.int64)
        return data

    def _read_style(self, utterance, data):
        """Levels of utt2style → ids of the answers to questions `(questions, tokens)`, and of what is told of them."""
        if "measured" in data:
            style = parse_style(data["measured"], f"{self.files.get('measured', 'measured')}: {utterance}")
            data["measured"] = np.array(told_ids(self.tokenizer, style, self.options.prompt_language), dtype=np.int64)
        if "style" in data:
            style = parse_style(data["style"], f"{self.files.get('style', 'style')}: {utterance}")
            language = templates.languages()[self._language(utterance, data["implicit"])]
            table = np.full((len(ANSWERED), max(map(len, self.answers.values()), default=1)), -1, dtype=np.int64)
            for row, question in zip(table, ANSWERED):
                ids = self.answers.get((question, true_level(question, style), language), ())
                row[: len(ids)] = ids
            data["style"] = table

    def _check_emotion(self, utterance, tokens):
        wide = self.options.emotion_dim
        if wide and (tokens.ndim != 2 or tokens.shape[1] != wide):
            raise self._fault(
                utterance, "emotion", f"features of shape {tokens.shape}; emotion_dim {wide} means (tokens, {wide})"
            )
        if not np.isfinite(tokens).all():
            raise self._fault(utterance, "emotion", "the features are not finite")

    def _check_teacher(self, utterance, posterior):
        labels = self.options.teacher_labels
        if posterior.shape != (len(labels),):
            raise self._fault(
                utterance, "teacher", f"{posterior.shape} values; teacher_labels has {len(labels)} classes"
            )
        if not (np.isfinite(posterior).all() and (posterior >= 0).all() and posterior.sum() > 0):
            raise self._fault(utterance, "teacher", f"{posterior.tolist()} are no probabilities")

    def _language(self, utterance, answer):
        if answer not in self.languages:
            raise self._fault(
                utterance, "implicit", f"{answer!r} is no verdict of c2ser.cot, so that its language is not known"
            )
        return self.languages[answer]

    def _fault(self, utterance, name, what):
        return InputError(f"{self.files.get(name, name)}: {utterance}: {what}")
