#!/usr/bin/env bash
# transformers 5.17.0: LlamaTokenizer reads a SentencePiece model of the kind unigram, SentencePiece's default, as byte
# pairs, without a word: it gives other tokens than sentencepiece does, and more of them. Of a byte-pair model it gives the
# same, but leaves out characters that the model does not know, where sentencepiece gives the unknown token. One would
# have guessed that a tokenizer.model is either read as it is or refused, and that what cannot be written becomes <unk>.
# Fails if that changes.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" --quiet --disable-pip-version-check install protobuf==7.36.2 sentencepiece==0.2.0 transformers==5.17.0 2>/dev/null
"$dir/venv/bin/python" - "$dir" 2>/dev/null <<'PY'
import itertools, sys
from pathlib import Path
import sentencepiece, transformers
folder = Path(sys.argv[1])
who = ["The speaker", "Someone", "A voice", "This utterance", "The person", "Whoever talks"]
how = ["slowly and softly", "fast", "at a normal pace", "in a high-pitched voice", "with restraint", "loudly, almost shouting"]
what = ["angry", "sad", "happy", "neutral", "fearful", "surprised", "disgusted"]
texts = [f"{a} sounds {c}: it is said {b}, and anybody can hear that feeling. Emotion: {c}." for a, b, c in itertools.product(who, how, what)]
for kind in ("unigram", "bpe"):
    (folder / kind).mkdir()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_prefix=str(folder / kind / "tokenizer"), vocab_size=150, model_type=kind,
        hard_vocab_limit=False, minloglevel=2,
    )
    own = sentencepiece.SentencePieceProcessor(model_file=str(folder / kind / "tokenizer.model"))
    theirs = transformers.LlamaTokenizer.from_pretrained(folder / kind)
    ids = [(own.encode(text), theirs(text, add_special_tokens=False)["input_ids"]) for text in texts]
    same, count = sum(a == b for a, b in ids), [sum(map(len, side)) / len(texts) for side in zip(*ids)]
    unknown = [len(own.encode("Z")), len(theirs("Z", add_special_tokens=False)["input_ids"])]
    print(f"transformers {transformers.__version__}, sentencepiece {sentencepiece.__version__}: {kind}: {same} of {len(texts)} sentences "
          f"alike; tokens a sentence: sentencepiece {count[0]:.1f}, LlamaTokenizer {count[1]:.1f}; tokens for an unknown "
          f"letter: {unknown[0]} and {unknown[1]}")
    assert same < len(texts) / 10 if kind == "unigram" else same == len(texts)
    assert unknown[0] == unknown[1] + 1
PY
