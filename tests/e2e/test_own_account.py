"""The dialog for the user's own account."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import PASSWORD
from tests.e2e.steps import create_room
from tests.pictures import picture


def test_ones_own_account(people, name):
    kim = name("kim")
    page = people.join(kim)
    create_room(page, name("club"))  # the lobby may have more members than its list shows
    page.locator("#account-open").click()
    png = {"name": "me.png", "mimeType": "image/png", "buffer": picture(size=(60, 40))}
    page.get_by_role("dialog").locator("input[type=file]").set_input_files(png)
    member = page.locator(".member").filter(has=page.get_by_text(kim, exact=True))
    for place in (page.locator("#my-avatar"), member):
        face = place.locator("img")
        expect(face).to_have_attribute("src", re.compile("^/avatars/"))
        expect(face).not_to_have_js_property("naturalWidth", 0)
    page.get_by_label("Name that others see").fill(name("Kim L."))
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#my-name")).to_have_text(name("Kim L."))
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "own-data.zip"
    dialog = page.get_by_role("dialog")
    elsewhere = people.client(kim, PASSWORD)
    end_the_others(page, elsewhere)
    page.get_by_role("button", name="Delete my account").click()
    dialog.get_by_label("Your password").fill(PASSWORD)
    dialog.get_by_role("button", name="Delete my account").click()
    expect(page.locator("#login-form")).to_be_visible()
    expect(page.locator("#login-reason")).to_be_hidden()  # the page is loaded again, before a pull is refused


def end_the_others(page, elsewhere):
    page.keyboard.press("Escape")
    page.locator("#account-open").click()
    button = page.get_by_role("button", name="End all others")
    button.click()
    page.get_by_role("button", name="Cancel").click()
    expect(button).to_be_focused()
    elsewhere.get("/room/find")
    button.click()
    expect(page.get_by_role("dialog")).to_contain_text("have to log in again")
    button.click()
    expect(page.locator(".sessions li")).to_have_count(1)
    with pytest.raises(AssertionError, match="401"):
        elsewhere.get("/room/find")
