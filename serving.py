"""The application as chat.server calls it. For workers: gunicorn's master must not load this."""

from functools import partial
from typing import Any

from flask import Flask

from chat.http.context import EXTENSION
from chat.http.envelopes import refusals
from chat.http.flask_app import handled_by
from chat.http.long_bodies import takes_any, takes_long, takes_parts
from chat.http.uploads import AROUND_MAX_BYTES
from chat.protocols import tcp
from chat.security.tokens import user_named
from chat.server.ports import Application, Limits
from chat.services import Services
from chat.web import health
from config import Settings


def application(app: Flask, line_port: int) -> Application:
    """Return all that the server calls. line_port: of the tcp protocol; 0: it is not served."""
    services: Services = app.extensions[EXTENSION]
    lines: dict[int, Any] = {line_port: app.extensions[tcp.EXTENSION]} if line_port else {}
    return Application(
        handle=handled_by(app),
        health=health.on_loop(app),
        envelope=refusals(app),
        takes_long=takes_long(app),
        takes_any=takes_any(app),
        takes_parts=takes_parts(app, services.files.max_bytes + AROUND_MAX_BYTES),
        user_named=partial(user_named, secret=app.config["SECRET_KEY"]),
        line_protocols=lines,
        stopping=services.answer_held,
        rest=services.rest,
        resume=services.resume,
    )


def limits(settings: Settings) -> Limits:
    """Return what clients may take by these settings."""
    return Limits(
        max_body=settings.body_max_bytes,
        memory=settings.client_memory_max_bytes,
        least_share=2 * settings.body_max_bytes,
        connections_per_address=settings.connections_per_address,
        trusted_proxies=settings.trusted_proxies,
        line_proxies=settings.tcp_proxy_protocol,
    )
