"""The answers by which a system names each class, and what belongs before them."""

from c2ser.cot import templates
from c2ser.models.language_model import answer_ids


class Answers:
    """Every class's answer in every language that the system may answer in.

    order: whether rationales have the verdict "last" or "first". `labels`: the classes; `owners`: for each answer the
    place of its class in `labels`, the first language's answers first. Raises InputError for a language without templates
    or a class without a name in one.
    """

    def __init__(self, tokenizer, labels, languages, order="last"):
        self.tokenizer, self.labels, self.order = tokenizer, labels, order
        self._templates = [templates.load(language) for language in languages]
        self._verdicts = [(template, template.emotion_name(label)) for template in self._templates for label in labels]
        self.owners = list(range(len(labels))) * len(languages)

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
