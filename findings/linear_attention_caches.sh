#!/usr/bin/env bash
# transformers 5.17.0, tiny random models on the CPU: what follows a cached prefix against one pass over everything.
#   Jamba: one token is right; several at once are computed as if the recurrent state were zero. No message.
#   Bamba: without position_ids whatever follows is given positions from 0 on; with them it is right.
#   Zamba 2, Nemotron-H: several tokens are right; one alone is not where a step size is under time_step_min.
#   None of their caches' layers of linear attention has batch_repeat_interleave; reorder_cache with repeated rows does the same.
# One would have guessed that a cache gives what a whole pass gives, as it does in LFM2 and Granite 4, or that it raises.
# Fails if that changes. TORCH_INDEX_URL: another index for torch, such as that of its CPU builds.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" --quiet --disable-pip-version-check install ${TORCH_INDEX_URL:+--extra-index-url "$TORCH_INDEX_URL"} \
    torch==2.13.0 transformers==5.17.0 tokenizers==0.23.3 numpy==2.4.6 2>/dev/null
OMP_NUM_THREADS=1 "$dir/venv/bin/python" - 2>/dev/null <<'PY'
import torch
import transformers
from transformers import AutoConfig, AutoModelForCausalLM

transformers.logging.set_verbosity_error()
dense = dict(vocab_size=60, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
             num_key_value_heads=2, pad_token_id=0, bos_token_id=1, eos_token_id=2)
mamba = dict(mamba_n_heads=8, mamba_d_head=8, mamba_n_groups=1, mamba_d_state=8, mamba_expand=2, mamba_chunk_size=8)
families = {
    "lfm2": dict(full_attn_idxs=[1], block_multiple_of=8),
    "granitemoehybrid": dict(mamba, layer_types=["mamba", "attention"], num_local_experts=4, num_experts_per_tok=2,
                             shared_intermediate_size=16),
    "jamba": dict(mamba_d_state=8, mamba_dt_rank=4, num_experts=2, num_experts_per_tok=1, attn_layer_period=2,
                  attn_layer_offset=1, use_mamba_kernels=False),
    "bamba": dict(mamba, attn_layer_indices=[1]),
    "zamba2": dict(num_hidden_layers=4, mamba_d_state=8, num_mem_blocks=1, n_mamba_heads=8, mamba_headdim=8,
                   mamba_ngroups=1, chunk_size=8, hybrid_layer_ids=[1, 3], layers_block_type=["mamba", "hybrid"] * 2,
                   time_step_min=0.3),  # far above the default 0.001, so that many steps are under it
    "nemotron_h": dict(hybrid_override_pattern="M*", mamba_num_heads=8, mamba_head_dim=8, n_groups=1, ssm_state_size=8,
                       chunk_size=8, head_dim=8, time_step_min=0.3),
}
print(f"transformers {transformers.__version__}, torch {torch.__version__}: largest difference of logits after a cache of 9 "
      "tokens from those of one pass, whose deviation is about 1")
wrong = {}
with torch.no_grad():
    for name, more in families.items():
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(AutoConfig.for_model(name, **{**dense, **more}), dtype=torch.float32).eval()
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.copy_(torch.randn(weight.shape) * 0.25)
        ids = torch.randint(3, 60, (1, 20))
        whole, found = model(input_ids=ids, use_cache=False).logits[0], {}
        for count in (1, 4):
            for places in (None, torch.arange(9, 9 + count)[None]):
                cache = model(input_ids=ids[:, :9], use_cache=True).past_key_values
                made = model(input_ids=ids[:, 9 : 9 + count], past_key_values=cache, position_ids=places, use_cache=True)
                gap = float((made.logits[0] - whole[9 : 9 + count]).abs().max())
                found[f"{count} token{'s' * (count > 1)}{'' if places is None else ' with position_ids'}"] = gap
        cache = model(input_ids=ids[:, :9], use_cache=True).past_key_values
        try:
            cache.batch_repeat_interleave(3)
            repeats = "repeats"
        except AttributeError as error:
            repeats = f"AttributeError: {error}"
        print(f"{name}: " + "; ".join(f"{what}: {gap:.0e}" for what, gap in found.items()) + f"; batch_repeat_interleave: {repeats}")
        wrong[name] = [gap > 5e-5 for gap in found.values()]
        assert repeats != "repeats"
#                   one token: plain, with positions; four: plain, with positions
assert wrong == {
    "lfm2": [False] * 4, "granitemoehybrid": [False] * 4, "jamba": [False, False, True, True],
    "bamba": [True, False, True, False], "zamba2": [True, True, False, False], "nemotron_h": [True, True, False, False],
}, wrong
PY
