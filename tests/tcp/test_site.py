"""Teachers, registration and disabled accounts, with a real server whose link they got by its output."""

import re
from collections.abc import Iterator

import pytest

from tests.contract.clients import HttpTransport, PollingClient
from tests.real_server import Server
from tests.tcp.conftest import Connect


@pytest.fixture
def teacher(live: Server) -> Iterator[PollingClient]:
    transport = HttpTransport(live.url)
    made = PollingClient(transport)
    printed = re.findall(r"^http://\S+:(\d+)/claim/(\S+)$", live.log.read_text(), re.MULTILINE)
    assert [port for port, _ in printed] == [str(live.port)]
    made.register("teacher")
    made.ok("POST", "/site/claim", {"token": printed[0][1]})
    yield made
    transport.close()


def test_a_teacher_closes_the_site_and_shuts_somebody_out(
    live: Server, teacher: PollingClient, connect: Connect
) -> None:
    pupil = connect("pupil")
    refused = connect().ask("register_request", username="teacher.", password="secret1")
    assert (refused["message_type"], refused["success"]) == ("register_response", False)
    assert refused["error_message"] == "名称 teacher. 与老师的名称相似：请换一个。"
    named = {"username": "new", "password": "secret1"}
    closed = teacher.ok("POST", "/site/settings", {"version": 0, "registration": "closed"})
    refused = connect().ask("register_request", **named)
    assert refused["message_type"] == "register_response"
    assert (refused["success"], refused["user_id"]) == (False, None)
    assert refused["error_message"] == "此处不开放注册：请向老师索取账号。"

    by_code = teacher.ok("POST", "/site/settings", {"version": closed["version"], "registration": "code"})
    refused = connect().ask("register_request", **named)
    assert (refused["success"], refused["error_message"]) == (False, "需要有效的加入码：请向老师索取。")
    assert connect().ask("register_request", **named, join_code=by_code["code"])["success"]

    teacher.ok("POST", "/site/people/disable", {"user": pupil.username, "disabled": True})
    assert pupil.next()["error_code"] == 1001
    refused = connect().ask("login_request", username=pupil.username, password="secret1")
    assert (refused["success"], refused["error_message"]) == (False, "账号已被停用：请联系老师。")

    live.stop()
    live.start()
    assert live.log.read_text().count("/claim/") == 1  # there is a teacher
