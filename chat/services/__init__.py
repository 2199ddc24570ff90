"""The rules, by noun, met by all protocols. No Flask, no JSON; the only place that writes and commits."""

from chat.services.container import Services

__all__ = ["Services"]
