"""The browser page, the attachments that all protocols link to, and /healthz."""

from flask import Flask

from chat.web.views import bp


def register(app: Flask) -> None:
    app.register_blueprint(bp)
