"""The answers by which a system names each class, and what belongs before them."""

from c2ser.cot import templates
from c2ser.cot.templates import Template
from c2ser.emotions import canonical
from c2ser.errors import InputError
from c2ser.models.language_model import answer_ids


class Answers:
    """Every class's answer in every language that the system may answer in.

    order: whether rationales have the verdict "last" or "first". `labels`: the classes; `owners`: for each answer the
    place of its class in `labels`, the first language's answers first; any_words: the labels may be any words: a class as some
    corpus spells it goes by its name in each language, others are said as they are. Raises InputError for a language without
    templates, a class without a name in one, and words that the tokenizer has no letters for or that make the same answer.
    """

    def __init__(self, tokenizer, labels, languages, order="last", any_words=False):
        self.tokenizer, self.labels, self.order = tokenizer, labels, order
        self._templates = [templates.load(language) for language in languages]
        call = _word_for if any_words else Template.emotion_name
        self._verdicts = [(template, call(template, label)) for template in self._templates for label in labels]
        self.owners = list(range(len(labels))) * len(languages)
        if any_words:
            self._check_words()

    def _check_words(self):
        if len(self.labels) < 2:
            raise InputError(f"labels: {', '.join(self.labels) or 'none'}: name at least two to choose among")
        said = {}
        for owner, (template, name) in zip(self.owners, self._verdicts):
            label, ids = self.labels[owner], answer_ids(self.tokenizer, template.verdict(name))
            if self.tokenizer.unk_token_id in ids[:-1]:
                raise InputError(f"labels: {label!r}: the tokenizer of this system has no letters for it; use another word")
            if (other := said.setdefault((template.language, *ids), label)) != label or self.labels.count(label) > 1:
                raise InputError(f"labels: {other!r} and {label!r} are the same answer ({name}); leave one out")

    def candidates(self, mode, text):
        """Token ids of all answers: in implicit mode the verdicts, in explicit mode those after a rationale, or, where the
        verdict comes first, those before one, which do not end the answer.

        text: what was generated freely; as rationale serves what stands before its last answer lead, or all of it
        where it gives no verdict.
        """
        first = mode == "explicit" and self.order == "first"
        reasoning = self.reasoning(text) if mode == "explicit" and not first else ""
        ids = [answer_ids(self.tokenizer, template.with_verdict(reasoning, name)) for template, name in self._verdicts]
        return [one[:-1] for one in ids] if first else ids

    def reasoning(self, text):
        """What stands before the last answer lead of a generated text, in any of the languages."""
        place = max(text.rfind(template.ANSWER_LEAD) for template in self._templates)
        return (text if place < 0 else text[:place]).strip()


def _word_for(template, label):
    """What an answer in the template's language calls a label that may be any word."""
    try:
        known = canonical(label)
    except InputError:
        return label
    return template.emotion_name(known) if template.has_name(known) else label
