"""The rules, one module per noun, used by all protocols. No Flask, no JSON; the only layer that writes and commits."""

from chat.services.registry import Services

__all__ = ["Services"]
