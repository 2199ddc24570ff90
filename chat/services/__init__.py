"""The rules, one module per noun, used by all protocols. No Flask, no JSON; the only layer that writes and commits."""

from chat.services.container import Services

__all__ = ["Services"]
