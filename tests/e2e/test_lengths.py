"""Fields take as many characters as the server, also emoji (two UTF-16 units); longer texts are refused in words."""

from typing import Any

from playwright.sync_api import Locator, expect

from tests.e2e.conftest import PHONE
from tests.e2e.steps import own_room

FOX = "🦊"


def typed(field: Locator, text: str) -> None:
    """Type it as a keyboard does: `fill` would ignore a maxlength."""
    field.fill("")
    field.focus()
    field.page.keyboard.insert_text(text)
    expect(field).to_have_value(text)


def test_names_and_topics_take_sixty_emoji(people: Any, name: Any) -> None:
    anna, _ = own_room(people, name)
    anna.locator("#create-room").click()
    dialog = anna.get_by_role("dialog")
    made = name("den") + " "
    made += FOX * (60 - len(made))
    typed(dialog.get_by_label("Name", exact=True), made + FOX)
    dialog.get_by_role("button", name="Create").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Take 1 to 60 visible characters")
    typed(dialog.get_by_label("Name", exact=True), made)
    dialog.get_by_role("button", name="Create").click()
    expect(anna.locator("#room-title")).to_have_text(made)

    anna.locator("#room-details").click()
    save = dialog.get_by_role("button", name="Save")
    typed(dialog.get_by_label("Topic"), FOX * 251)
    save.click()
    expect(dialog.get_by_role("alert").filter(has_text="Take up to 250 visible characters")).to_be_visible()
    typed(dialog.get_by_label("Topic"), FOX * 250)
    save.click()
    expect(anna.get_by_text(FOX * 250).first).to_be_visible()
    anna.keyboard.press("Escape")
    expect(dialog).to_have_count(0)

    anna.locator("#account-open").click()
    typed(dialog.get_by_label("Name that others see"), FOX * 33)
    save.click()
    expect(dialog.get_by_role("alert")).to_contain_text("1 to 32 visible characters")
    typed(dialog.get_by_label("Name that others see"), FOX * 32)
    save.click()
    expect(anna.locator("#my-name")).to_have_text(FOX * 32)
    anna.keyboard.press("Escape")
    expect(dialog).to_have_count(0)

    anna.keyboard.press("Control+k")
    typed(dialog.get_by_label("Words to find"), FOX * 101)
    expect(dialog.get_by_role("status")).to_contain_text("at most 100 characters")
    typed(dialog.get_by_label("Words to find"), FOX * 100)
    expect(dialog.get_by_role("status")).to_have_text("No message found.")


def test_the_console_says_what_a_name_of_the_site_may_be(people: Any, name: Any) -> None:
    teacher = people.page(user=name("reed"), is_teacher=True, at="/teach#site", is_altered=True, **PHONE)
    typed(teacher.locator("#field-name"), FOX * 41)
    teacher.locator(".site-form").get_by_role("button", name="Save").click()
    expect(teacher.get_by_role("alert").filter(has_text="has up to 40 visible characters")).to_be_visible()
