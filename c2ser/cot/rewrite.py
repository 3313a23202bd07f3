"""Rewriting rationales by a local language model (paper: GLM-4-9B-Chat), each answer checked before it is taken.

The first attempt at an utterance is greedy, the further ones are drawn from a seed of the utterance and the attempt, so
neither the batch size, nor the order, nor an interruption changes what comes out.
"""

import hashlib
import json
from collections import Counter, deque
from dataclasses import asdict, dataclass
from typing import NamedTuple

from c2ser.cot.check import rewriting_faults
from c2ser.cot.rewrite_prompts import rewrite_prompt

TOO_LONG = "too long"
"""The reason for which an utterance is not tried at all: its prompt and answer are more than the model takes."""


class Item(NamedTuple):
    """A rationale to rewrite and what it must say: style measure → level, transcript, class, language code."""

    utterance: str
    rationale: str
    style: dict
    transcript: str
    emotion: str
    language: str


@dataclass(frozen=True)
class Settings:
    """Everything beside the item that decides an answer. model: its fingerprint; tries: attempts at an utterance."""

    model: str
    dtype: str = "float32"
    tries: int = 4
    seed: int = 0
    temperature: float = 0.8
    top_p: float = 0.95
    max_new_tokens: int = 256

    def key(self, item, prompt):
        """The hash under which a finished item stands in the journal."""
        described = json.dumps([asdict(self), item, prompt], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(described.encode()).hexdigest()

    def attempt_seed(self, utterance, attempt):
        """None (greedy) for the first attempt, else a number of 63 bits."""
        if attempt == 0:
            return None
        digest = hashlib.sha256(f"{self.seed}\t{utterance}\t{attempt}".encode()).digest()
        return int.from_bytes(digest[:8], "big") >> 1


def rewrite(items, model, settings, journal, batch_size=8, progress=None):
    """Rewrite rationales, those in the journal left out.

    items: list of Item; model: a `c2ser.inference.chat.ChatModel`, or anything with its `prompt_ids`, `answer` and
    `limit`; journal: an open Journal. progress: called with the number of items finished. Returns utterance → journal
    entry: `text`, the accepted one or None; `rejected`, a list of {text, faults}, with faults as `rewriting_faults`
    gives them.
    """
    entries, waiting = {}, []
    for item in items:
        prompt = rewrite_prompt(item.rationale, item.emotion, item.language)
        key = settings.key(item, prompt)
        if key in journal.done:
            entries[item.utterance] = journal.done[key]
            continue
        ids = model.prompt_ids(prompt)
        entry = {"utterance": item.utterance, "key": key, "text": None, "rejected": []}
        if model.limit and len(ids) + settings.max_new_tokens > model.limit:
            entry["rejected"].append({"text": "", "faults": {TOO_LONG: [f"the prompt has {len(ids)} tokens"]}})
            entries[item.utterance] = _finish(entry, journal)
        else:
            waiting.append((item, ids, entry))
    if progress:
        progress(len(entries))
    waiting = deque(sorted(waiting, key=lambda job: len(job[1])))
    while waiting:
        jobs = [waiting.popleft() for _ in range(min(batch_size, len(waiting)))]
        seeds = [settings.attempt_seed(item.utterance, len(entry["rejected"])) for item, _, entry in jobs]
        answers = model.answer(
            [ids for _, ids, _ in jobs], seeds, settings.max_new_tokens, settings.temperature, settings.top_p
        )
        again = []
        for job, answer in zip(jobs, answers):
            if _settled(*job, answer, settings.tries):
                entries[job[0].utterance] = _finish(job[2], journal)
                if progress:
                    progress(1)
            else:
                again.append(job)
        waiting.extendleft(reversed(again))
    return entries


def _settled(item, ids, entry, answer, tries):
    """Take or reject an answer; whether the item is finished."""
    text = " ".join(answer.split())
    faults = rewriting_faults(text, item.rationale, item.style, item.transcript, item.emotion, item.language)
    if faults:
        entry["rejected"].append({"text": text, "faults": faults})
        return len(entry["rejected"]) >= tries
    entry["text"] = text
    return True


def _finish(entry, journal):
    journal.add(entry)
    return entry


def summarise(entries):
    """Counts of what `rewrite` gave, as a dict for JSON.

    utterances; rewritten; template (kept as it was); accepted_at: attempt → number; rejected_answers; reasons: kind →
    answers rejected for it, which may have several.
    """
    accepted, reasons, rejected = Counter(), Counter(), 0
    for entry in entries.values():
        rejected += len(entry["rejected"])
        reasons.update(kind for answer in entry["rejected"] for kind in answer["faults"])
        if entry["text"] is not None:
            accepted[len(entry["rejected"]) + 1] += 1
    rewritten = sum(accepted.values())
    return {
        "utterances": len(entries), "rewritten": rewritten, "template": len(entries) - rewritten,
        "accepted_at": {str(attempt): accepted[attempt] for attempt in sorted(accepted)},
        "rejected_answers": rejected, "reasons": dict(sorted(reasons.items())),
    }  # fmt: skip
