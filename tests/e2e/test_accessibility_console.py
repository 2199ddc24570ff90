"""WCAG 2.2 AA on the screens without a log-in, of the console and of the board, as in test_accessibility.py."""

import pytest
from playwright.sync_api import expect

from tests.e2e.accessibility import LANGUAGES, PHONE, Walk, walk_of
from tests.e2e.conftest import People
from tests.e2e.school import ROOM, School
from tests.e2e.steps import wait_for_history

pytestmark = pytest.mark.timeout(300)  # many screens in one test


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_screen_before_the_log_in(guests: People, school: School, language: str) -> None:
    walk = walk_of(guests, language)
    page = walk.page
    walk.to("/", "#login-submit")
    page.locator("#login-submit").click()
    walk.look("log-in")
    walk.focus("log-in")
    page.locator("#tab-register").click()
    walk.look("register")
    for mode in ("code", "closed"):
        school.register_by(mode)
        walk.to("/", "#login-submit")
        if mode == "code":
            page.locator("#tab-register").click()
        walk.look(f"register: {mode}", (PHONE,))
    school.register_by("open")
    walk.to("/join/NOCODE", "#login-about:not(:empty)")
    walk.look("join by code", (PHONE,))
    walk.to("/claim/token", "#login-about:not(:empty)")
    walk.look("claim", (PHONE,))
    walk.to("/teach", ".teach-empty")
    walk.look("console without log-in", (PHONE,))

    walk.to("/docs", "summary")
    page.locator("summary", has_text="/chat/send").click()
    walk.thin_out("details:not([open]) ~ details:not([open])")
    walk.look("docs")
    walk.to("/docs/polling", "main h2")
    walk.thin_out("main > *, main tbody tr, .contents li", keep=6)
    walk.look("guide")
    walk.focus("guide")
    walk.to("/docs/teaching", "main h2")
    walk.look("guide for teachers")
    walk.to("/" + "x" * 40_000, "h1")
    walk.look("refusal")
    walk.finish()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_screen_of_the_console(guests: People, school: School, language: str) -> None:
    walk = walk_of(guests, language, school.teacher)
    page = walk.page
    row = page.locator(".people tbody tr")
    walk.to("/teach#now", ".people tbody tr")
    for tab in ("now", "log", "site", "rooms", "people"):
        wait_for_history(page)
        page.locator(f".teach-tabs [href='#{tab}']").click()
        expect(page.locator(".teach-tabs [aria-current]")).to_have_attribute("href", f"#{tab}")
        expect(page.locator(".site-form" if tab == "site" else ".people tbody tr").first).to_be_visible()
        walk.look(f"console: {tab}")
        walk.focus(f"console: {tab}")
        if tab == "rooms":
            manage = row.filter(has_text=ROOM).locator("button")
            walk.dialog("manage a room", manage)
            for step in ("roomtable.settings", "roomtable.members", "code.title", "roomtable.delete"):
                walk.dialog(step, manage, step)
    manage = row.filter(has_text=school.pupil.name).locator("button")
    walk.dialog("manage an account", manage)
    for step in ("people.rename", "people.reset", "people.appoint", "people.disable", "people.delete"):
        walk.dialog(step, manage, step)
    look_at_roster(walk, language)
    school.register_by("code")
    walk.to("/teach#site", ".site-code button")
    walk.dialog("new code", page.locator(".site-code button"))
    page.locator("#field-keep_days").fill("30")
    walk.dialog("fewer days", page.locator(".site-form .primary"))
    page.locator("#field-keep_days").fill("0")
    school.register_by("open")

    walk.to(f"/board/{ROOM}", ".board-code")
    page.locator("#board-buttons button").first.click()
    walk.look("board")
    walk.focus("board")
    walk.finish()


def look_at_roster(walk: Walk, language: str) -> None:
    page = walk.page
    page.get_by_role("button", name=walk.text("roster.open")).press("Enter")
    file = page.locator("#field-roster")
    file.set_input_files({"name": "7b.csv", "mimeType": "text/csv", "buffer": b"username\nkim\n\nkim\n"})
    expect(page.locator(".mistakes")).to_be_visible()
    walk.look("roster with mistakes")
    people = "".join(f"{language.lower()}-{number},Pupil {number}\n" for number in range(12))
    roster = f"username,name\n{people}".encode()
    file.set_input_files({"name": "7b.csv", "mimeType": "text/csv", "buffer": roster})
    expect(page.locator(".preview")).to_be_visible()
    walk.look("roster")
    page.locator("dialog .primary").press("Enter")
    expect(page.locator(".card")).to_have_count(12)
    walk.look("cards")
