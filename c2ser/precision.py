"""In which precision matrix products run: bfloat16 where the device has instructions for it, float32 elsewhere.

Without such instructions a product in bfloat16 is emulated, several times slower than in float32 and tens of times
slower backwards. This is the one place that decides; `auto` asks for its decision, the other values force one.
"""

import logging
import os

from c2ser.errors import InputError, brief

CHOICES = ("auto", "float32", "bfloat16")

WITHOUT_BFLOAT16 = ("SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX2_VNNI_2", "AVX512_CORE", "AVX512_CORE_VNNI")
"""Values of ONEDNN_MAX_CPU_ISA (or DNNL_MAX_CPU_ISA, its older name) under which oneDNN, which runs these products, has no
instructions for them."""


def choose(wanted, device, purpose):
    """"float32" or "bfloat16" for one of `CHOICES`; where the choice is free, one line of the log says what and why.

    device: a torch device or its name; purpose: what it is for, the beginning of that line. Raises InputError for
    another value.
    """
    if wanted not in CHOICES:
        raise InputError(f"{purpose}: {wanted!r}: expected one of {', '.join(CHOICES)}")
    if wanted == "float32":
        return wanted
    native, why = bfloat16_instructions(device)
    if wanted == "auto":
        wanted = "bfloat16" if native else "float32"
        logging.info("%s: %s, since %s", purpose, wanted, why)
    elif not native:
        logging.warning("%s: bfloat16 as asked, though %s: slower than float32 (auto would take that)", purpose, why)
    return wanted


def check_device(name):
    """Raise InputError where torch has no such device here, or cannot use it."""
    import torch

    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"device {name}: not to be had here ({brief(error)}); --device cpu or --ngpu 0 always is") from None


def bfloat16_instructions(device="cpu"):
    """Whether a device multiplies in bfloat16, as torch and oneDNN tell; with the reason in words."""
    import torch

    kind = torch.device(device).type
    if kind == "cuda":
        has = torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
        return has, f"the GPU has {'' if has else 'no '}bfloat16 instructions"
    if kind != "cpu":
        return False, f"{kind} is not known to have bfloat16 instructions"
    name = next((name for name in ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA") if os.environ.get(name)), None)
    if name and os.environ[name].upper() in WITHOUT_BFLOAT16:
        return False, f"{name}={os.environ[name]} leaves no bfloat16 instructions"
    able = torch.cpu.get_capabilities()
    has = torch.backends.mkldnn.is_available() and any(able.get(name) for name in ("avx512_bf16", "amx_bf16", "arm_bf16"))
    return has, f"the processor has {'' if has else 'no '}bfloat16 instructions"
