"""Language models of many families, tiny and random: what `docs/language_models.md` says works is tried on them."""

from tests.builders import randomise

DENSE = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "tie_word_embeddings": False,
}  # fmt: skip
GEMMA = {**DENSE, "head_dim": 8, "tie_word_embeddings": True}
OLD = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 256} | dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), 0.0)
MAMBA = {
    "mamba_n_heads": 8, "mamba_d_head": 8, "mamba_n_groups": 1, "mamba_d_state": 8, "mamba_expand": 2,
    "mamba_chunk_size": 8,
}  # fmt: skip
LINEAR = {
    "num_hidden_layers": 4, "head_dim": 8, "linear_num_key_heads": 2, "linear_num_value_heads": 4,
    "linear_key_head_dim": 8, "linear_value_head_dim": 8,
}  # fmt: skip
EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2}
LATENT = {
    "kv_lora_rank": 16, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8, "v_head_dim": 8, "n_routed_experts": 4,
    "n_shared_experts": 1, "num_experts_per_tok": 2, "moe_intermediate_size": 16, "first_k_dense_replace": 1, "n_group": 1,
    "topk_group": 1,
}  # fmt: skip
SHORT_WINDOW = 6  # shorter than a prompt, so that sliding attention forgets

FAMILIES = {
    "llama": DENSE,
    "qwen2": DENSE,
    "qwen3": {**DENSE, "head_dim": 8},
    "mistral": {**DENSE, "sliding_window": SHORT_WINDOW},
    "mixtral": {**DENSE, "num_local_experts": 4, "num_experts_per_tok": 2},
    "phi3": {**DENSE, "pad_token_id": 0},
    "olmo2": DENSE,
    "smollm3": {**DENSE, "pad_token_id": 0},
    "glm": {**DENSE, "head_dim": 8, "pad_token_id": 0},
    "glm4": {**DENSE, "head_dim": 8, "pad_token_id": 0},
    "deepseek_v2": {**DENSE, **LATENT, "num_key_value_heads": 4, "q_lora_rank": None, "topk_method": "greedy"},
    "deepseek_v3": {**DENSE, **LATENT, "num_key_value_heads": 4, "q_lora_rank": 16},
    "gpt2": OLD,
    "gpt_neox": DENSE,
    "opt": {
        "hidden_size": 32, "ffn_dim": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "word_embed_proj_dim": 16,
        "max_position_embeddings": 256, "dropout": 0.0,
    },
    "gemma": GEMMA,
    "gemma2": {**GEMMA, "sliding_window": SHORT_WINDOW, "final_logit_softcapping": 2.0},
    "gemma3_text": {**GEMMA, "sliding_window": SHORT_WINDOW},
    "granite": {**DENSE, "logits_scaling": 4.0, "embedding_multiplier": 3.0},
    "cohere": {**DENSE, "logit_scale": 0.25},
    "cohere2": {**DENSE, "logit_scale": 0.25, "head_dim": 8, "sliding_window": SHORT_WINDOW},
    "lfm2": {**DENSE, "full_attn_idxs": [1], "block_multiple_of": 8},
    "qwen3_5_text": {**DENSE, **LINEAR},
    "qwen3_next": {
        **DENSE, **LINEAR, **EXPERTS, "moe_intermediate_size": 16, "shared_expert_intermediate_size": 16,
    },
    "granitemoehybrid": {
        **DENSE, **MAMBA, "logits_scaling": 4.0, "layer_types": ["mamba", "attention"], "num_local_experts": 4,
        "num_experts_per_tok": 2, "shared_intermediate_size": 16,
    },
    "jamba": {
        **DENSE, "mamba_d_state": 8, "mamba_dt_rank": 4, "num_experts": 2, "num_experts_per_tok": 1,
        "attn_layer_period": 2, "attn_layer_offset": 1, "use_mamba_kernels": False,
    },
    "falcon_h1": {**DENSE, **MAMBA, "mamba_d_ssm": 64},
}  # fmt: skip
"""model_type → sizes."""

TARGETS = {
    "phi3": ("qkv_proj", "o_proj"), "gpt2": ("c_attn",), "gpt_neox": ("query_key_value",),
    "deepseek_v2": ("q_proj", "kv_b_proj", "o_proj"),
    "deepseek_v3": ("q_a_proj", "q_b_proj", "kv_b_proj", "o_proj"), "opt": ("q_proj", "v_proj"),
    "qwen3_next": ("q_proj", "k_proj", "v_proj", "o_proj"),
}  # fmt: skip
"""Where LoRA goes in families that lack the default's names."""

STATES = ("lfm2", "qwen3_5_text", "qwen3_next", "granitemoehybrid", "jamba", "falcon_h1")
"""Those with layers of linear attention, which are computed in float32 whatever the model is in."""

SINGLE = ("mixtral", "deepseek_v2", "deepseek_v3", "qwen3_next", "granitemoehybrid", "jamba")
"""Mixtures of experts, whose products transformers does not take in float64."""


def save_family(name, tokenizer, folder, seed=0):
    """Write a folder with a random language model of a family and the tokenizer. Returns it."""
    import torch
    from tokenizers import pre_tokenizers
    from transformers import AutoConfig, AutoModelForCausalLM, Qwen2Tokenizer

    if name == "qwen2":  # transformers takes its own class for it, whatever the folder says: here of bytes alone
        letters = sorted(pre_tokenizers.ByteLevel.alphabet())
        tokenizer = Qwen2Tokenizer(vocab={letter: place for place, letter in enumerate(letters)}, merges=[])
    torch.manual_seed(seed)
    ends = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    config = AutoConfig.for_model(name, vocab_size=len(tokenizer), **ends, **FAMILIES[name])
    randomise(AutoModelForCausalLM.from_config(config, dtype=torch.float32), seed, 0.2).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
