"""SmolLM2 out of its GGUF, as a folder that `transformers serve` loads; run by the Python of .real/transformers.

    smollm2_safetensors.py GGUF FOLDER

The weights become bfloat16 again, so that the same model stands behind a second server, to be asked the same things.
"""

import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

gguf, folder = Path(sys.argv[1]), sys.argv[2]
whole = GgufConfig(gguf_file=gguf.name, dequantize=True)
model = AutoModelForCausalLM.from_pretrained(
    str(gguf.parent), gguf_file=gguf.name, quantization_config=whole, dtype=torch.bfloat16
)
model.config.architectures = ["LlamaForCausalLM"]  # the server asks the configuration which class to load
model.save_pretrained(folder)
AutoTokenizer.from_pretrained(str(gguf.parent), gguf_file=gguf.name).save_pretrained(folder)
