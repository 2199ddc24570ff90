"""Pictures: by paste, by button, by drop."""

import base64

from playwright.sync_api import expect

from tests.e2e.steps import PNG, drop_file, own_room
from tests.pictures import noise, picture


def loaded(page):
    return page.wait_for_function(
        "() => { const i = document.querySelector('.picture img'); return i && i.complete && i.naturalWidth === 60; }"
    )


def test_a_pasted_picture_is_shown_to_all_and_opens_larger(people, name):
    anna, room = own_room(people, name)
    bert = people.join(name("bert"))
    bert.goto(f"/#{room}")
    bert.get_by_role("dialog").get_by_role("button", name="Join").click()
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
        anna.locator("#pick-picture").click()
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


def test_what_is_no_picture_or_too_large_is_refused_before_it_is_sent(people, name, tmp_path):
    anna, _room = own_room(people, name)
    anna.route("**/chat/send", lambda route: route.abort())
    drop_file(anna, "#message-text", "paste", base64.b64encode(b"%PDF-1.7").decode(), "work.pdf")
    expect(anna.locator("#composer-error")).to_contain_text("“work.pdf” is not a picture")
    huge = tmp_path / "huge.png"
    huge.write_bytes(picture() + b"\0" * (6 * 1024 * 1024))
    anna.locator("#picture-file").set_input_files(huge)
    expect(anna.locator("#composer-error")).to_contain_text("“huge.png” is too large (6 MB)")
    expect(anna.locator(".message")).to_have_count(0)


def test_a_picture_without_a_connection_can_be_retried(people, name):
    people.may_lose_network = True
    anna, _room = own_room(people, name)
    anna.route("**/chat/send", lambda route: route.abort(), times=1)
    drop_file(anna, "#message-text", "paste", PNG)
    failed = anna.locator("[data-state=failed]")
    expect(failed).to_have_count(1)
    failed.get_by_role("button", name="Retry").click()
    expect(anna.locator("[data-state=stored]")).to_have_count(1)
    expect(anna.locator(".picture")).to_have_count(1)
