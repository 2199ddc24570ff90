"""The browser page, the API documentation, attachments (linked by all protocols), and /healthz."""

from flask import Flask

from chat.web import docs, files, views


def register(app: Flask) -> None:
    app.register_blueprint(views.bp)
    app.register_blueprint(docs.bp)
    app.register_blueprint(files.bp)
    app.jinja_env.globals["static_url"] = files.static_url
    if app.config["METRICS"]:
        app.add_url_rule("/metrics", view_func=views.metrics, methods=["GET"])
