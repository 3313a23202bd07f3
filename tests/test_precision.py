"""Which precision is taken where: the answers of the hardware are replaced, the decision and its line are what counts."""

import logging

import pytest
import torch

from c2ser import precision
from c2ser.errors import InputError
from c2ser.models.build import settle_precision


@pytest.fixture
def hardware(monkeypatch):
    """hardware(avx512_bf16=True): a processor that says so."""

    def say(**able):
        for name in ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
        monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: True)

    return say


@pytest.mark.parametrize(
    ("able", "taken"),
    [({"avx2": True}, "float32"), ({"avx512_f": True, "avx512_bw": True, "avx512_vl": True}, "float32"), ({}, "float32"),
     ({"avx512_bf16": True}, "bfloat16"), ({"amx_bf16": True}, "bfloat16"), ({"avx512_bf16": False}, "float32")],
)  # fmt: skip
def test_auto_takes_bfloat16_where_there_are_instructions(hardware, caplog, able, taken):
    hardware(**able)
    with caplog.at_level(logging.INFO):
        assert precision.choose("auto", "cpu", "training") == taken
    said = "has bfloat16" if taken == "bfloat16" else "has no bfloat16"
    assert caplog.messages == [f"training: {taken}, since the processor {said} instructions"]


def test_onednn_may_be_told_to_leave_them(hardware, monkeypatch, caplog):
    hardware(avx512_bf16=True, amx_bf16=True)
    for limit, taken in (("AVX2", "float32"), ("avx512_core", "float32"), ("AVX512_CORE_BF16", "bfloat16"), ("ALL", "bfloat16")):
        monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", limit)
        assert precision.choose("auto", "cpu", "x") == taken
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA")
    monkeypatch.setenv("DNNL_MAX_CPU_ISA", "AVX2")  # its older name, which oneDNN reads where the other is not set
    assert precision.choose("auto", "cpu", "x") == "float32"
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "ALL")
    assert precision.choose("auto", "cpu", "x") == "bfloat16"
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert precision.choose("auto", "cpu", "x") == "float32"


def test_other_values_force_it_and_slow_ones_are_said(hardware, caplog):
    hardware(avx2=True)
    with caplog.at_level(logging.INFO):
        assert precision.choose("float32", "cpu", "x") == "float32" and not caplog.messages
        assert precision.choose("bfloat16", "cpu", "x") == "bfloat16"
    assert caplog.messages == [
        "x: bfloat16 as asked, though the processor has no bfloat16 instructions: slower than float32 (auto would take that)"
    ]
    with pytest.raises(InputError, match="x: 'bf16': expected one of auto, float32, bfloat16"):
        precision.choose("bf16", "cpu", "x")


@pytest.mark.parametrize("has", [True, False])
def test_a_gpu_is_asked_without_emulation(monkeypatch, has):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: has or including_emulation)
    assert precision.choose("auto", "cuda:1", "x") == ("bfloat16" if has else "float32")


@pytest.mark.parametrize("able, dtype, autocast", [(True, "bfloat16", "bfloat16"), (False, "float32", "none")])
def test_a_configuration_is_left_with_what_was_taken(hardware, able, dtype, autocast):
    hardware(avx512_bf16=able)
    options = type("Options", (), {"llm_conf": {"dtype": "auto"}, "model_conf": {"llm_autocast": "auto"}})()
    settle_precision(options, "cpu")
    assert options.llm_conf == {"dtype": dtype} and options.model_conf == {"llm_autocast": autocast}
    options = type("Options", (), {"llm_conf": {}, "model_conf": {"llm_autocast": "none"}})()
    settle_precision(options, "cpu")
    assert options.llm_conf == {} and options.model_conf == {"llm_autocast": "none"}


def test_what_learns_is_in_float32_on_every_machine(hardware):
    hardware(avx512_bf16=True)
    options = type("Options", (), {"llm_conf": {"train": "full", "dtype": "auto"}, "model_conf": {}})()
    settle_precision(options, "cpu")
    assert options.llm_conf == {"train": "full", "dtype": "float32"}
