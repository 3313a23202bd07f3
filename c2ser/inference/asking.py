"""What a trained system says of the style, asked question by question."""

from c2ser.cot.questions import ANSWERED, WORDS, answer, levels_of
from c2ser.inference.generation import generate, score_candidates
from c2ser.models.language_model import answer_ids


def ask(model, tokenizer, questions, languages, heard, lengths, max_new_tokens):
    """Answers to questions of style for a batch: a list of {question: level, or for "words" the words}.

    model: C2SER; heard `(batch, length, llm_dim)` and lengths: what it hears and is told. Of the levels the most likely
    is the answer, one being as likely as its answers in all `languages` together, as the classes are scored. Words are
    generated greedily, `max_new_tokens` at most.
    """
    made = [{} for _ in range(len(lengths))]
    for question in questions:
        prefixes = model.prefixes(question, heard, lengths)
        if question == WORDS:
            ids = generate(model, prefixes, tokenizer, max_new_tokens)
            said = [" ".join(tokenizer.decode(row, skip_special_tokens=True).split()) for row in ids]
        else:
            levels = levels_of(question)
            candidates = [answer_ids(tokenizer, answer(question, level, one)) for one in languages for level in levels]
            scores = score_candidates(model, prefixes, [candidates] * len(prefixes))
            likely = scores.double().view(len(prefixes), len(languages), len(levels)).logsumexp(1)
            said = [levels[place] for place in likely.argmax(1).tolist()]
        for row, level in zip(made, said):
            row[question] = level
    return made


def format_asked(asked):
    """The levels that were answered as a line of utt2asked, "speed=low lively=high"; words have a table of their own."""
    return " ".join(f"{question}={asked[question]}" for question in ANSWERED if question in asked)
