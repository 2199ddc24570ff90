"""Counts requests, and exposes all metrics at /metrics for Prometheus."""

from flask import Flask, Response

from chat import metrics
from chat.http.context import this_request
from chat.http.openapi import documents
from chat.http.responses import HeldResponse, ReceivingResponse


def register(app: Flask, *, shown: bool) -> None:
    """Register after all protocols, whose documents define which paths belong to them."""
    protocols = {prefix: document.name for document in documents(app).values() for prefix in document.prefixes}

    def count(response: Response) -> Response:
        request = this_request()
        protocol = protocols.get(request.path.split("/")[1], "other")
        key = metrics.request(protocol, response.status_code)
        if isinstance(response, HeldResponse):  # the event loop counts it when it is answered
            response.answered = metrics.on_loop(key).count_one
        elif not isinstance(response, ReceivingResponse):  # the one that is sent counts
            metrics.count(key)
        return response

    app.after_request(count)
    if shown:
        app.add_url_rule("/metrics", view_func=_show, methods=["GET"])


def _show() -> Response:
    from prometheus_client import CONTENT_TYPE_LATEST  # here, as most installations do not show metrics

    from chat.web import exposition

    return Response(exposition.text(), content_type=CONTENT_TYPE_LATEST)
