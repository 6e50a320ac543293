"""Look-alikes of the tokens that end a turn or open a role in a language model's input."""

from __future__ import annotations

import re

# `<|im_start|>` and its kind (ChatML, GPT, Llama 3, Qwen, Phi), `<｜User｜>` (DeepSeek), `[INST]` and `<<SYS>>` (Llama 2,
# Mistral), `<start_of_turn>` (Gemma).
_TOKEN = re.compile(
    r"<\|(?=\S)[\w .:/-]{1,64}(?<=\S)\|>|<｜[^｜<>\n]{1,64}｜>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>"
)


def has_special_tokens(text: str) -> bool:
    """Tell whether the text holds a look-alike: it is flagged and stays, for a model's tokeniser may take it for real."""
    return ("<" in text or "[" in text) and _TOKEN.search(text) is not None
