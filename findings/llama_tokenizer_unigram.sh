#!/usr/bin/env bash
# transformers 5.17.0: LlamaTokenizer, given a folder whose tokenizer.model is a SentencePiece unigram model (SentencePiece's
# own default), reads its pieces as the vocabulary of a BPE and makes up merges from their order. Nothing is said, decoding
# gives the text back, and hardly a sentence gets SentencePiece's ids: texts have more tokens, in a small vocabulary several
# times as many as of a BPE model of the same size, whose ids are SentencePiece's own. One would have guessed that the
# model's type, which stands in the file, is heeded (the classes for T5 or XLM-R heed it), or refused. Fails if that changes.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" --quiet --disable-pip-version-check install transformers==5.17.0 tokenizers==0.23.3 \
    sentencepiece==0.2.0 protobuf==7.36.2 2>/dev/null
"$dir/venv/bin/python" - "$dir" 2>/dev/null <<'PY'
import io
import itertools
import sys
from pathlib import Path

import sentencepiece
import transformers
from transformers import LlamaTokenizer

who = ["The speaker", "A woman", "The man at the door", "My neighbour"]
how = ["talks slowly", "speaks in a low-pitched voice", "shouts angrily", "whispers, hardly audible", "answers at once"]
what = ["about the weather", "and sounds surprised", "as if nothing had happened", "because the train is late"]
texts = [f"{a} {b} {c}." for a, b, c in itertools.product(who, how, what)]
mean = {}
for kind in ("unigram", "bpe"):
    made = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_writer=made, vocab_size=150, model_type=kind, hard_vocab_limit=False,
        pad_id=-1, minloglevel=2, normalization_rule_name="identity",
    )
    folder = Path(sys.argv[1], kind)
    folder.mkdir()
    (folder / "tokenizer.model").write_bytes(made.getvalue())
    theirs = sentencepiece.SentencePieceProcessor(model_proto=made.getvalue())
    tokenizer = LlamaTokenizer.from_pretrained(folder)
    ids = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
    same = sum(one == theirs.encode(text) for one, text in zip(ids, texts))
    whole = sum(tokenizer.decode(one) == text for one, text in zip(ids, texts))
    mean[kind] = sum(map(len, ids)) / len(ids), sum(len(theirs.encode(text)) for text in texts) / len(ids)
    print(f"transformers {transformers.__version__}, sentencepiece {sentencepiece.__version__}: {kind}: LlamaTokenizer has "
          f"SentencePiece's ids for {same} of {len(texts)} sentences, gives {whole} back; tokens a sentence: "
          f"{mean[kind][0]:.1f}, SentencePiece {mean[kind][1]:.1f}")
    assert whole == len(texts) and (same < len(texts) / 10 if kind == "unigram" else same == len(texts))
print("of the first:", tokenizer.convert_ids_to_tokens(ids[0]), "in BPE;",
      LlamaTokenizer.from_pretrained(Path(sys.argv[1], "unigram")).tokenize(texts[0]), "as read from the unigram model")
assert mean["unigram"][0] > 1.05 * mean["unigram"][1] and mean["unigram"][0] > 1.5 * mean["bpe"][0]
PY
