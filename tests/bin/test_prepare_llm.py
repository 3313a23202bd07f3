"""Language model folders, from scratch and from GGUF."""

import io
import json
from random import Random

import pytest
import sentencepiece
import torch
from transformers import LlamaTokenizer

from c2ser.bin import prepare_llm
from c2ser.cot.rationale import build_implicit, build_rationale
from c2ser.datadir import write_table
from c2ser.emotions import EMOTIONS
from c2ser.errors import InputError
from c2ser.models.language_model import load_language_model, load_tokenizer
from c2ser.packing.licences import llm_licence

TEXTS = {"a": "Emotion: happy.", "b": "Emotion: sad.", "c": "情绪：快乐。", "d": "Złość i smutek, proszę państwa!", "e": ""}


@pytest.fixture
def texts(tmp_path):
    write_table(tmp_path / "texts", TEXTS)
    return tmp_path / "texts"


def run(out, *more):
    size = ["--vocab_size", "90", "--hidden_size", "16", "--num_layers", "1", "--num_heads", "2"]
    prepare_llm.main([str(word) for word in ["--out_dir", out, *size, *more]])
    return out


def test_from_scratch(texts, tmp_path):
    folder = run(tmp_path / "new/llm", "--texts", texts, texts)
    tokenizer, model = load_tokenizer(folder), load_language_model(folder, train="frozen")
    for text in TEXTS.values():
        assert tokenizer.decode(tokenizer(text, add_special_tokens=False)["input_ids"]) == text
    config = model.config
    assert (config.hidden_size, config.num_hidden_layers, config.num_attention_heads) == (16, 1, 2)
    assert config.vocab_size == len(tokenizer) and config.tie_word_embeddings
    assert config.eos_token_id == tokenizer.eos_token_id and tokenizer.eos_token_id is not None
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["llm"]


ODD = (
    "", " ", "  two  blanks and a\ttab ", "new\nline", "ﬁne ＦＵＬＬ width\u3000blank", "e\u0301 beside é", "😀👩\u200d👧 and 🇮🇹",
    "\u200bzero width", "العربية עברית हिन्दी ไทย 한글", "a\u00a0b", "“quoted” — dash…", "▁ a mark ▁▁", "x" * 200, "ǅ ß ẞ İ ı",
)  # fmt: skip


def test_ids_are_those_of_sentencepiece(tmp_path):
    """Over sentences as stage 4 writes them in four languages, and characters that the pieces do not know."""
    random, said = Random(0), {"en": "Never!", "it": "Non è così, perché?", "pl": "Zażółć gęślą jaźń.", "zh": "你怎么能这样？"}
    levels = ("low", "medium", "high")
    styles = [dict(zip(("speed", "pitch", "volume"), random.choices(levels, k=3))) for _ in range(40)]
    texts = [
        build_rationale(f"u{number}", style, words, random.choice(EMOTIONS), language)
        for language, words in said.items()
        for number, style in enumerate(styles)
    ]
    texts += [build_implicit(emotion, language) for language in said for emotion in EMOTIONS]
    write_table(tmp_path / "texts", {f"u{number:03d}": text for number, text in enumerate(texts)})
    folder = run(tmp_path / "llm", "--texts", tmp_path / "texts", "--vocab_size", "600")
    tokenizer = load_tokenizer(folder)
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
    assert len(texts) > 180 and len(set(texts)) > 150
    for text in (*texts, *ODD):
        assert tokenizer(text, add_special_tokens=False)["input_ids"] == pieces.encode(text), text
    for text in texts:
        assert tokenizer.decode(tokenizer(text, add_special_tokens=False)["input_ids"]) == text
    made = [len(tokenizer(text)["input_ids"]) for text in texts[:160]]
    unigram = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_writer=unigram, vocab_size=600, hard_vocab_limit=False, minloglevel=2
    )
    (tmp_path / "unigram").mkdir()
    (tmp_path / "unigram/tokenizer.model").write_bytes(unigram.getvalue())
    before = LlamaTokenizer.from_pretrained(tmp_path / "unigram")
    assert 1.3 * sum(made) < sum(len(before(text)["input_ids"]) for text in texts[:160])


def test_unigram_pieces_that_would_be_read_as_a_bpe_are_refused(texts, tmp_path):
    folder, made = run(tmp_path / "llm", "--texts", texts), io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(filter(None, TEXTS.values())), model_writer=made, vocab_size=60, hard_vocab_limit=False,
        minloglevel=2, normalization_rule_name="identity",
    )  # fmt: skip
    (folder / "tokenizer.model").write_bytes(made.getvalue())
    assert load_tokenizer(folder)("Emotion: sad.")["input_ids"]  # tokenizer.json is what counts where there is one
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "LlamaTokenizer"}')
    for read in (load_tokenizer, lambda path: prepare_llm.main(["--check", str(path)])):
        with pytest.raises(InputError, match="tokenizer.model: a SentencePiece unigram model, .* add the tokenizer.json"):
            read(folder)


def test_a_folder_is_checked(texts, tmp_path):
    folder = run(tmp_path / "llm", "--texts", texts)
    before = sorted(tmp_path.rglob("*"))
    prepare_llm.main(["--check", str(folder)])
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "mamba"}))
    with pytest.raises(InputError, match="mamba cannot be used"):
        prepare_llm.main(["--check", str(folder)])
    with pytest.raises(InputError, match="nowhere: no tokenizer there"):
        prepare_llm.main(["--check", str(tmp_path / "nowhere")])
    assert sorted(tmp_path.rglob("*")) == before


def test_seed_decides_the_weights(texts, tmp_path):
    made = [run(tmp_path / str(number), "--texts", texts, "--seed", seed) for number, seed in enumerate((1, 1, 2))]
    one, two, three = (load_language_model(folder).get_input_embeddings().weight for folder in made)
    assert torch.equal(one, two) and not torch.equal(one, three)


def test_an_earlier_folder_is_replaced_only_on_success(texts, tmp_path):
    (tmp_path / "llm/old").mkdir(parents=True)
    with pytest.raises(InputError, match="no such file"):
        run(tmp_path / "llm", "--gguf", tmp_path / "none.gguf")
    assert (tmp_path / "llm/old").is_dir()
    run(tmp_path / "llm", "--texts", texts)
    assert not (tmp_path / "llm/old").exists() and (tmp_path / "llm/config.json").is_file()
    assert {path.name for path in tmp_path.iterdir()} == {"texts", "llm"}


def test_faults_are_named(texts, tmp_path):
    for options in ([], ["--gguf", tmp_path / "a.gguf", "--texts", texts]):
        with pytest.raises(InputError, match="give either --gguf, to convert a model, or --texts"):
            run(tmp_path / "llm", *options)
    (tmp_path / "bad.gguf").write_bytes(b"GGUF and then nothing of the kind")
    with pytest.raises(InputError, match="bad.gguf: not a GGUF model"):
        run(tmp_path / "llm", "--gguf", tmp_path / "bad.gguf")
    (tmp_path / "empty").write_text("a\nb\n")
    with pytest.raises(InputError, match="empty: no tokenizer of --vocab_size 90 from 0 texts"):
        run(tmp_path / "llm", "--texts", tmp_path / "empty")
    with pytest.raises(InputError, match="texts: no tokenizer of --vocab_size 5 from 4 texts"):
        run(tmp_path / "llm", "--texts", texts, "--vocab_size", "5")
    assert {path.name for path in tmp_path.iterdir()} == {"texts", "bad.gguf", "empty"}


END = 7  # no model's default


def write_gguf(source, path, licence=None):
    """Write a folder's model as a GGUF file, as llama.cpp's converter lays one out."""
    import gguf

    tokenizer, model = load_tokenizer(source), load_language_model(source, train="frozen")
    config, writer = model.config, gguf.GGUFWriter(str(path), "llama")
    if licence:
        writer.add_license(licence)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(config.vocab_size)
    writer.add_tokenizer_model("llama")
    tokens = [tokenizer.convert_ids_to_tokens(index) for index in range(len(tokenizer))]
    writer.add_token_list(tokens)
    writer.add_token_scores([-float(index) for index in range(len(tokens))])
    writer.add_token_types([3 if index < 3 else 1 for index in range(len(tokens))])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(END)
    names = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
    parts = {
        "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "post_attention_layernorm": "ffn_norm",
        "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    }  # fmt: skip
    for number in range(config.num_hidden_layers):
        names |= {f"model.layers.{number}.{key}": f"blk.{number}.{value}" for key, value in parts.items()}
    for key, weight in model.state_dict().items():
        name = names[key.removesuffix(".weight")]
        if name == "output":
            continue  # tied
        if name.endswith(("attn_q", "attn_k")):  # llama.cpp pairs the halves of a head otherwise
            halves = weight.view(config.num_attention_heads, 2, -1, config.hidden_size)
            weight = halves.transpose(1, 2).reshape(weight.shape)
        writer.add_tensor(f"{name}.weight", weight.contiguous().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_from_gguf(llm_dir, tmp_path):
    folder = run(tmp_path / "llm", "--gguf", write_gguf(llm_dir, tmp_path / "small.gguf"))
    wanted, made = (load_language_model(path, train="frozen") for path in (llm_dir, folder))
    first, second = wanted.state_dict(), made.state_dict()
    assert set(first) == set(second)
    for key in first:
        torch.testing.assert_close(second[key], first[key].half().float(), atol=0, rtol=0)
    ids = torch.tensor([[1, 5, 9, 30]])
    torch.testing.assert_close(made(ids).logits, wanted(ids).logits, atol=1e-2, rtol=0)
    assert type(made).__name__ == "LlamaForCausalLM" and not hasattr(made.config, "quantization_config")
    tokenizer = load_tokenizer(folder)
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id, made.config.eos_token_id) == (1, END, END)
    assert len(tokenizer) == len(load_tokenizer(llm_dir))
    assert not (folder / "README.md").exists()


def test_the_licence_of_a_gguf_file_is_kept(llm_dir, tmp_path):
    folder = run(tmp_path / "llm", "--gguf", write_gguf(llm_dir, tmp_path / "small.gguf", licence="apache-2.0: or so"))
    assert llm_licence(folder) == "apache-2.0: or so"
