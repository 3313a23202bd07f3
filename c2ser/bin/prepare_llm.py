"""Stage 8: a language model folder in Hugging Face's layout, from a GGUF file or from scratch, or given and checked.

Given, a folder is checked for a family of language models that can be used, before anything is trained on it.
From GGUF: weights are dequantised to 16-bit floats in a plain model, since transformers keeps GGUF weights packed and
refuses to save them. From scratch: a SentencePiece tokenizer is trained on the given texts and a small Llama is
initialised at random; it is for tests and for machines where 135 M parameters are too many.
"""

import argparse
import io
import json
from pathlib import Path

from c2ser.errors import InputError, brief
from c2ser.fileio import atomic_folder


def get_parser():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", type=Path, help="Folder to check; nothing is made")
    parser.add_argument("--out_dir", type=Path, help="Folder to make")
    parser.add_argument("--gguf", type=Path, help="GGUF file to convert")
    parser.add_argument("--texts", type=Path, nargs="*", default=[], help="From scratch: tables `utt text` to train on")
    parser.add_argument("--vocab_size", type=int, default=400, help="From scratch: SentencePiece vocabulary")
    parser.add_argument("--hidden_size", type=int, default=128, help="From scratch: width")
    parser.add_argument("--num_layers", type=int, default=4, help="From scratch: depth")
    parser.add_argument("--num_heads", type=int, default=4, help="From scratch: attention heads")
    parser.add_argument("--seed", type=int, default=0, help="From scratch: seed of the weights")
    return parser


def main(argv=None):
    args = get_parser().parse_args(argv)
    if bool(args.check) + bool(args.gguf) + bool(args.texts) != 1 or bool(args.check) == bool(args.out_dir):
        raise InputError(
            "give either --gguf, to convert a model, or --texts, to make one from scratch, and --out_dir; or --check"
        )
    from c2ser.models.language_model import check_family, load_tokenizer

    if args.check:
        load_tokenizer(args.check)
        check_family(args.check)
        return
    with atomic_folder(args.out_dir) as made:
        convert_gguf(args.gguf, made) if args.gguf else from_scratch(args, made)
        check_family(made)
        load_tokenizer(made)


def convert_gguf(gguf, folder):
    """Dequantise a GGUF file into a plain Hugging Face folder in float16. Raises InputError for an unreadable file."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    if not gguf.is_file():
        raise InputError(f"{gguf}: no such file; tools/download_pretrained.py fetches the embedded one")
    where = {"pretrained_model_name_or_path": str(gguf.parent), "gguf_file": gguf.name}
    try:
        packed = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32)
        tokenizer = AutoTokenizer.from_pretrained(**where)
    except Exception as error:  # transformers raises whatever its parsers meet
        raise InputError(f"{gguf}: not a GGUF model that transformers reads ({brief(error)}); fetch it again") from None
    for name in ("bos_token", "eos_token"):  # transformers takes the one for the other in GGUF files of Llama's family
        index = getattr(packed.config, f"{name}_id", None)
        if index is not None:
            setattr(tokenizer, name, tokenizer.convert_ids_to_tokens(index))
    packed.config.quantization_config = None
    del packed.config.quantization_config
    plain = AutoModelForCausalLM.from_config(packed.config, dtype=torch.float32)
    plain.load_state_dict(packed.state_dict())
    plain.to(torch.float16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    note_licence(gguf, folder)


def note_licence(gguf, folder):
    """Write the licence that a GGUF file names, where it names one, as the folder's model card."""
    from gguf import GGUFReader

    field = GGUFReader(gguf).get_field("general.license")
    if field is not None:
        head = json.dumps({"license": str(field.contents())})  # JSON is YAML, which a card begins with
        (folder / "README.md").write_text(f"---\n{head}\n---\n\nConverted from {gguf.name}.\n", encoding="utf-8")


def from_scratch(args, folder):
    """Train a SentencePiece tokenizer on the texts and initialise a small Llama.

    Its pieces are those of a BPE, which is what transformers reads any tokenizer.model of a Llama as: of SentencePiece's
    own default, a unigram model, it would make several times the tokens (findings/).
    """
    import sentencepiece
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from c2ser.datadir import read_table

    texts = [text for path in args.texts for text in read_table(path, empty_ok=True).values() if text]
    made = io.BytesIO()  # a model written to a path would keep that path
    try:
        # Hugging Face's tokenizer does not normalise text as SentencePiece would: full-width punctuation would be lost.
        # And it reads any model as byte pairs: of a unigram model it would make other tokens, thrice as many.
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts), model_writer=made, vocab_size=args.vocab_size, hard_vocab_limit=False,
            character_coverage=1.0, pad_id=-1, minloglevel=2, normalization_rule_name="identity", model_type="bpe",
            remove_extra_whitespaces=False,
        )  # fmt: skip
    except RuntimeError as error:
        names = ", ".join(map(str, args.texts))
        what = f"no tokenizer of --vocab_size {args.vocab_size} from {len(texts)} texts ({brief(error)}); set another"
        raise InputError(f"{names}: {what}") from None
    (folder / "tokenizer.model").write_bytes(made.getvalue())
    tokenizer = read_pieces(folder)
    torch.manual_seed(args.seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=args.hidden_size, intermediate_size=4 * args.hidden_size,
        num_hidden_layers=args.num_layers, num_attention_heads=args.num_heads, max_position_embeddings=1024,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, tie_word_embeddings=True,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def read_pieces(folder):
    """A tokenizer that gives the ids which SentencePiece's BPE in folder/tokenizer.model gives.

    transformers' LlamaTokenizer takes over pieces and merges, but drops characters that are not among them, where
    SentencePiece says <unk>, and puts no blank before a text that begins with one. The names of special tokens are read
    as these, which SentencePiece does not.
    """
    from tokenizers import normalizers
    from transformers import LlamaTokenizer, PreTrainedTokenizerFast

    read = LlamaTokenizer.from_pretrained(folder)
    backend = read.backend_tokenizer
    backend.model.unk_token = read.unk_token
    backend.pre_tokenizer = None
    backend.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    names = {name: getattr(read, name) for name in ("unk_token", "bos_token", "eos_token")}
    return PreTrainedTokenizerFast(tokenizer_object=backend, clean_up_tokenization_spaces=False, **names)
