"""Properties of every route in every protocol."""

from flask import Flask

from tests.contract.conftest import Clients


def get_paths(app: Flask) -> set[str]:
    """Those without a part that varies."""
    rules = [rule for rule in app.url_map.iter_rules() if rule.methods and "GET" in rule.methods]
    return {rule.rule for rule in rules if not rule.arguments and not rule.websocket}


def test_head_has_the_headers_of_get_at_every_route(app: Flask, client: Clients) -> None:
    alice = client("alice")
    paths = get_paths(app)
    assert len(paths) > 20
    for path in sorted(paths):
        if "logout" in path.lower():
            continue
        got, head = alice.call("GET", path), alice.call("HEAD", path)
        assert head.status == got.status, path
        assert head.body == b"", path
        assert {name for name, _ in head.headers.items()} == {name for name, _ in got.headers.items()}, path
        assert head.headers["Content-Type"] == got.headers["Content-Type"], path


def test_a_wrong_method_gets_the_allowed_ones_at_every_route(app: Flask) -> None:
    client = app.test_client()
    for path in sorted(get_paths(app)):
        reply = client.open(path, method="TRACE")
        assert reply.status_code == 405, path
        assert {"GET", "HEAD"} <= set(reply.headers["Allow"].split(", ")), path
        assert "html" not in reply.headers["Content-Type"], path


def test_every_401_names_a_scheme(app: Flask) -> None:
    client = app.test_client()
    replies = [client.get(path) for path in sorted(get_paths(app))]
    refused = [reply for reply in replies if reply.status_code == 401]
    assert len(refused) > 8
    assert {reply.headers.get("WWW-Authenticate") for reply in refused} == {'Bearer realm="Commonroom"'}
