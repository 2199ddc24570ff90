"""Pictures and files: by paste, by button, by drop."""

import base64
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from PIL import Image
from playwright.sync_api import expect

from tests.e2e.conftest import PASSWORD
from tests.e2e.steps import ASKS_BEFORE_LEAVING, PNG, drop_file, expect_once, open_room, own_room, row
from tests.pictures import noise, picture


def loaded(page):
    return page.wait_for_function(
        "() => { const i = document.querySelector('.picture img'); return i && i.complete && i.naturalWidth === 60; }"
    )


def test_a_pasted_picture_is_shown_to_all_and_opens_larger(people, name):
    anna, room = own_room(people, name)
    bert = people.join(name("bert"), joins=[room])
    expect(bert.locator("#room-title")).to_have_text(room)
    drop_file(anna, "#message-text", "paste")
    for page, sender in ((anna, "You"), (bert, name("anna"))):
        expect(page.locator(".picture img")).to_have_attribute("alt", f"Picture from {sender}")
        loaded(page)
    expect(anna.locator(".message").last).to_have_attribute("data-state", "stored")
    expect(anna.locator(".picture")).to_have_count(1)
    bert.locator(".picture").click()
    expect(bert.get_by_role("dialog").locator("img")).to_be_visible()
    bert.keyboard.press("Escape")
    expect(bert.get_by_role("dialog")).to_have_count(0)
    anna.reload()
    loaded(anna)


def test_a_chosen_picture_shows_its_progress(people, name):
    anna, _room = own_room(people, name)
    seen = "() => { window.seen = []; new MutationObserver(() => { const p = document.querySelector('#log progress');"
    seen += " if (p) window.seen.push(p.value); }).observe(document.querySelector('#log'),"
    seen += " {subtree: true, childList: true, attributes: true}); }"
    anna.evaluate(seen)
    with anna.expect_file_chooser() as chooser:
        anna.locator("#pick-file").click()
    chooser.value.set_files({"name": "big.png", "mimeType": "image/png", "buffer": noise(2_000_000)})
    expect(anna.locator(".message").last).to_have_attribute("data-state", "stored")
    expect(anna.locator(".picture img")).to_be_visible()
    assert anna.evaluate("window.seen.length") > 0


def test_a_dropped_picture_is_sent(people, name):
    anna, _room = own_room(people, name)
    drop_file(anna, "#log", "dragover")
    expect(anna.locator("#drop-hint")).to_be_visible()
    drop_file(anna, "#log", "drop")
    expect(anna.locator("#drop-hint")).to_be_hidden()
    loaded(anna)
    expect(anna.locator(".message").last).to_have_attribute("data-state", "stored")


def test_what_cannot_be_sent_is_refused_before_sending(people, name, tmp_path):
    anna, _room = own_room(people, name)
    anna.route("**/chat/upload", lambda route: route.abort())
    for file_name, content, words in (
        ("huge.gif", b"GIF89a" + bytes(6 << 20), "“huge.gif” is too large (6 MB)"),
        ("huge.zip", bytes((20 << 20) + 1), "“huge.zip” is too large (21 MB)"),
        ("nothing.txt", b"", "“nothing.txt” is empty"),
    ):
        (tmp_path / file_name).write_bytes(content)
        anna.locator("#file-input").set_input_files(tmp_path / file_name)
        expect(anna.locator("#composer-error")).to_contain_text(words)
    for file_name in ("gigabyte.zip", "gigabyte.png"):
        with (tmp_path / file_name).open("wb") as file:
            file.truncate(1 << 30)
        anna.locator("#file-input").set_input_files(tmp_path / file_name)
        expect(anna.locator("#composer-error")).to_contain_text(f"“{file_name}” is too large")
    expect(anna.locator(".message")).to_have_count(0)


def test_files_are_sent_with_their_names_and_can_be_saved(people, name):
    anna, _room = own_room(people, name)
    drop_file(anna, "#log", "drop", base64.b64encode(b"%PDF-1.7").decode(), "work 作业.pdf")
    expect(anna.locator("[data-state=stored] .file a")).to_have_text("work 作业.pdf8 bytes")
    with anna.expect_download() as saved:
        anna.locator(".file a").click()
    assert (saved.value.suggested_filename, saved.value.path().read_bytes()) == ("work 作业.pdf", b"%PDF-1.7")


def test_a_file_on_its_way_can_be_cancelled_and_texts_do_not_wait(people, name):
    people.may_lose_network = True
    anna, _room = own_room(people, name)
    anna.route("**/chat/upload", lambda _route: None)  # never goes on
    choose(anna, ("slow.zip", b"PK"), ("next.zip", b"PK"))
    sending = anna.locator("[data-state=sending]")
    expect(sending).to_have_count(2)
    anna.locator("#message-text").fill("meanwhile")
    anna.locator("#message-text").press("Enter")
    expect_once(anna, "meanwhile")
    expect(anna.locator("[data-state=stored]")).to_have_count(1)
    with anna.expect_event("requestfailed"):  # else the browser sends it when it is no longer held up
        sending.first.get_by_role("button", name="Cancel").click()
    expect(sending).to_have_count(1)
    anna.unroute("**/chat/upload")
    expect(anna.locator("[data-state=stored] .file a")).to_have_text("next.zip2 bytes")
    expect(anna.locator(".message")).to_have_count(2)


def test_a_picture_without_a_connection_can_be_retried(people, name):
    people.may_lose_network = True
    anna, _room = own_room(people, name)
    anna.route("**/chat/upload", lambda route: route.abort(), times=1)
    drop_file(anna, "#message-text", "paste", PNG)
    failed = anna.locator("[data-state=failed]")
    expect(failed).to_have_count(1)
    failed.get_by_role("button", name="Retry").click()
    expect(anna.locator("[data-state=stored]")).to_have_count(1)
    expect(anna.locator(".picture")).to_have_count(1)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A picture that is scaled down before it is sent. As a file, as bytes would go through the driver."""
    path = tmp_path / "photo.png"
    path.write_bytes(noise(5_500_000))
    return path


def choose(page, *files: tuple[str, bytes]) -> None:
    page.locator("#file-input").set_input_files(
        [{"name": name, "mimeType": "image/png", "buffer": content} for name, content in files]
    )


def test_twelve_files_and_unsendable_ones_are_all_reported(people, name):
    anna, _room = own_room(people, name)
    good = base64.b64decode(PNG)
    choose(anna, *((f"p{n}.png", b"" if n in {1, 3} else good) for n in range(12)))
    expect(anna.locator("#composer-error")).to_have_text(re.compile("10 files.*p10.png, p11.png.*p1.png.*p3.png", re.S))
    expect(anna.locator(".bubble.picture")).to_have_count(8)


def test_a_large_photo_is_scaled_down(people, name, tmp_path):
    anna, _room = own_room(people, name)
    photo = tmp_path / "photo.png"
    Image.effect_noise((3000, 2400), 60).save(photo, compress_level=0)
    assert photo.stat().st_size > 5 * 1024 * 1024
    anna.locator("#file-input").set_input_files(photo)
    expect(anna.locator(".message:has(.picture)")).to_have_attribute("data-state", "stored")
    sizes = "(node) => [node.naturalWidth, node.naturalHeight]"
    assert anna.locator(".picture img").evaluate(sizes) == [2560, 2048]  # the sender's, as it was sent
    anna.reload()
    anna.wait_for_function("() => document.querySelector('.picture img')?.naturalWidth === 640")
    anna.locator(".picture").click()
    anna.wait_for_function("() => document.querySelector('dialog img').naturalWidth === 2560")
    expect(anna.locator("#composer-status")).to_be_empty()


def test_a_picture_that_waits_is_not_lost_without_a_question(people, name):
    people.may_lose_network = True
    anna, _room = own_room(people, name)
    anna.route("**/chat/upload", lambda route: route.abort())
    drop_file(anna, "#message-text", "paste")
    expect(anna.locator("[data-state=failed]")).to_have_count(1)
    assert anna.evaluate(ASKS_BEFORE_LEAVING) is True
    anna.get_by_role("button", name="Discard").click()
    assert anna.evaluate(ASKS_BEFORE_LEAVING) is False


SCALES_WHEN_RESUMED = """() => {
    window.real ??= createImageBitmap;
    window.isScaling = false;
    const resumed = new Promise((resume) => Object.assign(window, { resume }));
    window.createImageBitmap = async (file) => {
        window.isScaling = true;
        await resumed;
        return window.real(file);
    };
}"""


def test_nor_is_one_that_is_still_being_scaled_down(people, name, photo):
    anna, _room = own_room(people, name)
    anna.evaluate(SCALES_WHEN_RESUMED)
    anna.locator("#file-input").set_input_files(photo)
    anna.wait_for_function("() => window.isScaling")
    assert anna.evaluate(ASKS_BEFORE_LEAVING) is True
    anna.evaluate("() => window.resume()")
    expect(anna.locator(".message:has(.picture)")).to_have_attribute("data-state", "stored")
    assert anna.evaluate(ASKS_BEFORE_LEAVING) is False


def test_a_picture_that_is_ready_after_its_sender_was_removed_is_told(people, name, photo, tmp_path):
    """Both where its room is open and where another one is."""
    bert = people.client(name("bert"))
    rooms = [name("room"), name("other")]
    for room in rooms:
        bert.post("/room/create", roomname=room)
    anna = people.join(name("anna"), joins=rooms)
    (empty := tmp_path / "empty.txt").touch()
    for room, is_elsewhere in zip(rooms, (False, True), strict=True):
        open_room(anna, room)
        anna.evaluate(SCALES_WHEN_RESUMED)
        anna.locator("#file-input").set_input_files([photo, empty])
        anna.wait_for_function("() => window.isScaling")
        if is_elsewhere:
            open_room(anna, "public")
        bert.post("/room/remove", roomname=room, user=name("anna"))
        expect(row(anna, room)).to_have_count(0)
        anna.evaluate("() => window.resume()")
        told = anna.locator(".notice.bad").filter(has_text=f"“photo.png” was not sent: you are no longer in “{room}”.")
        expect(told).to_contain_text("“empty.txt” is empty.")
        expect(anna.locator("#composer-error")).to_be_empty()


def test_a_pasted_file_is_a_picture_unless_formatted_text_is_meant(people, name):
    anna, _room = own_room(people, name)
    taken = anna.eval_on_selector(
        "#message-text",
        """(node, [content, ...cases]) => cases.map((types) => {
            const bytes = Uint8Array.from(atob(content), (char) => char.charCodeAt(0));
            const data = new DataTransfer();
            for (const type of types) data.setData(type, "IMG_1.png");
            data.items.add(new File([bytes], "IMG_1.png", { type: "image/png" }));
            const event = new ClipboardEvent("paste", { bubbles: true, cancelable: true, clipboardData: data });
            node.dispatchEvent(event);
            return event.defaultPrevented;
        })""",
        [PNG, ["text/plain", "text/html"], ["text/plain"]],
    )
    assert taken == [False, True]


def test_characters_are_counted_near_the_limit(people, name):
    anna, _room = own_room(people, name)
    field = anna.locator("#message-text")
    for length, words in ((3000, ""), (3999, "1 character left"), (4100, "100 characters too many")):
        field.fill("x" * length)
        expect(anna.locator("#composer-count")).to_have_text(words)
    field.press("Enter")
    expect(anna.locator("#composer-error")).to_contain_text("too long by 100")
    expect(field).to_have_value("x" * 4100)
    anna.evaluate("async () => (await import('/static/js/ui/notices.js')).notify('told meanwhile')")
    ends = anna.locator(".notice").last.evaluate("(node) => node.getBoundingClientRect().bottom")
    assert ends <= anna.locator("#composer-error").evaluate("(node) => node.getBoundingClientRect().top")


def test_the_avatar_of_a_writer_shows_until_there_is_another(people, name, server):
    """People of ims have avatars; one that is gone by the time it is loaded leaves the letters of the name."""
    anna, room = own_room(people, name)
    mia = people.client(name("mia"))
    mia.post("/room/join", roomname=room, type="public", passwd="")
    session = requests.Session()
    login = session.post(
        f"{server.url}/account/login", json={"email": mia.name, "password": PASSWORD}, timeout=30
    ).json()
    session.headers["Authorization"] = login["token"]
    change = {"origin_password": PASSWORD, "avatar": base64.b64encode(picture(size=(600, 600))).decode()}
    assert session.put(f"{server.url}/account/info", json=change, timeout=30).ok
    mia.say("with a face", room)
    expect_once(anna, "with a face")
    anna.wait_for_function("() => document.querySelector('.message .avatar img')?.naturalWidth === 256")
    assert urlsplit(str(anna.locator(".message .avatar img").get_attribute("src"))).path.startswith("/avatars/")
    anna.route("**/avatars/*", lambda route: route.abort())
    assert session.put(f"{server.url}/account/info", json=change, timeout=30).ok
    session.close()
    people.may_lose_network = True
    mia.say("without one", room)
    expect_once(anna, "without one")
    anna.reload()
    expect(anna.locator(".message .avatar").first).to_have_text(re.compile(r"^\w+$"))
