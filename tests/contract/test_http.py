"""Properties of every route in every protocol."""

import operator
import re
from collections.abc import Callable

import pytest
from flask import Blueprint, Flask
from werkzeug.routing.matcher import StateMachineMatcher

from tests import routes
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


BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
NOWHERE = (
    "/nowhere",
    "/nowhere/at/all",
    "/board",
    "/attachments/none",
    "/avatars/none",
    "/static/none.js",
    "/docs/none",
)


@pytest.mark.parametrize("path", NOWHERE)
@pytest.mark.parametrize("accept", ["*/*", "application/json", ""])
def test_a_path_of_no_protocol_gets_json(app: Flask, path: str, accept: str) -> None:
    for method in ("GET", "POST"):
        reply = app.test_client().open(path, method=method, headers={"Accept": accept, "Accept-Language": "en"})
        assert reply.status_code in {404, 405}
        answer = reply.json or {}
        assert set(answer) == {"status", "feedback"}
        assert reply.status_code == 405 or answer["feedback"] == f"{path} does not exist: check the address."


@pytest.mark.parametrize("path", NOWHERE)
@pytest.mark.parametrize(
    ("language", "words"), [("en", "There is no page at this address."), ("zh", "此地址没有页面。")]
)
def test_a_browser_gets_a_page(app: Flask, path: str, language: str, words: str) -> None:
    reply = app.test_client().get(path, headers={**BROWSER, "Accept-Language": language})
    assert (reply.status_code, reply.mimetype) == (404, "text/html")
    assert words in reply.text
    assert path not in reply.text
    assert {"Accept", "Accept-Language"} <= set(reply.vary.as_set(preserve_casing=True))


def test_a_browser_that_opens_an_address_of_an_api_gets_its_form(app: Flask) -> None:
    reply = app.test_client().get("/user/nowhere", headers=BROWSER)
    assert (reply.status_code, set(reply.json or {})) == (404, {"status", "feedback"})
    refused = app.test_client().get("/own-data.zip", headers=BROWSER)
    assert (refused.status_code, refused.mimetype) == (401, "text/html")
    assert "You are not logged in." in refused.text


def test_applications_of_the_tests_have_the_routes_of_a_servers(
    make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    """tests.routes keeps them for all applications of this process."""
    another, kept = make_app(), make_app()
    assert all(map(operator.is_, kept.url_map.iter_rules(), another.url_map.iter_rules()))
    monkeypatch.setattr(Blueprint, "register", routes.REGISTER)
    plain = make_app()
    about = [(rule, rule.endpoint, rule.methods, rule.websocket) for rule in plain.url_map.iter_rules()]
    assert [(rule, rule.endpoint, rule.methods, rule.websocket) for rule in kept.url_map.iter_rules()] == about
    assert kept.view_functions.keys() == plain.view_functions.keys()
    assert kept.blueprints.keys() == plain.blueprints.keys()
    matcher = StateMachineMatcher(merge_slashes=False)
    for rule in plain.url_map.iter_rules():
        matcher.add(rule)
    matcher.update()
    kept.url_map.update()
    for rule in plain.url_map.iter_rules():
        for method in sorted(rule.methods or ()):
            asked = ("", re.sub("<[^>]*>", "1", rule.rule), method, rule.websocket)
            assert kept.url_map._matcher.match(*asked) == matcher.match(*asked)
