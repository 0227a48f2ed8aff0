"""Our GPT-2 is GPT-2: the same weights give Hugging Face's logits and gradients."""

import pytest
import torch
from torch import nn
from transformers import GPT2Config, GPT2LMHeadModel

from lolameme.models import stack
from lolameme.study.settings import Model

VOCABULARY, LENGTH = 53, 24


def both(dtype: torch.dtype) -> tuple[stack.Stack, GPT2LMHeadModel, dict[str, str]]:
    """Our stack, theirs with our weights, and their names of our parameters."""
    torch.manual_seed(0)
    ours = stack.build("gpt2", Model(layers=3, d_model=32, heads=4, length=LENGTH, positions="learned"), VOCABULARY)
    for parameter in ours.parameters():
        nn.init.normal_(parameter, std=0.2)  # far from the start, where biases are 0 and norms 1
    theirs = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=VOCABULARY,
            n_positions=LENGTH,
            n_embd=32,
            n_layer=3,
            n_head=4,
            attn_pdrop=0,
            embd_pdrop=0,
            resid_pdrop=0,
        )
    )
    names = {"embedding.weight": "transformer.wte.weight", "positions.weight": "transformer.wpe.weight"}
    parts = {
        "mixer_norm": "ln_1",
        "mixer.in_proj": "attn.c_attn",
        "mixer.out_proj": "attn.c_proj",
        "mlp_norm": "ln_2",
        "up": "mlp.c_fc",
        "down": "mlp.c_proj",
    }
    for kind in ("weight", "bias"):
        names[f"norm.{kind}"] = f"transformer.ln_f.{kind}"
        for layer in range(3):
            for our, their in parts.items():
                names[f"blocks.{layer}.{our}.{kind}"] = f"transformer.h.{layer}.{their}.{kind}"
    assert set(names) == {name for name, _ in ours.named_parameters()}
    assert set(names.values()) == {name for name, _ in theirs.named_parameters()}
    known = dict(theirs.named_parameters())
    with torch.no_grad():
        for name, parameter in ours.named_parameters():
            known[names[name]].copy_(as_theirs(name, parameter))
    return ours.to(dtype), theirs.to(dtype).eval(), names


def as_theirs(name: str, tensor: torch.Tensor) -> torch.Tensor:
    """Their linear layers hold their matrices transposed."""
    linear = name.startswith("blocks") and tensor.dim() == 2
    return tensor.T if linear else tensor


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-8), (torch.float32, 1e-4)])
def test_logits_and_gradients_are_those_of_hugging_face(dtype, tolerance):
    ours, theirs, names = both(dtype)
    tokens = torch.randint(0, VOCABULARY, (3, LENGTH))
    found, expected = ours(tokens), theirs(tokens).logits
    assert expected.abs().max() > 1
    torch.testing.assert_close(found, expected, atol=tolerance, rtol=tolerance)
    weights = torch.randn_like(found)
    for logits in (found, expected):
        (logits * weights).mean().backward()
    known = dict(theirs.named_parameters())
    for name, parameter in ours.named_parameters():
        gradient = as_theirs(name, parameter.grad)
        torch.testing.assert_close(gradient, known[names[name]].grad, atol=tolerance, rtol=tolerance)
