"""The API documentation and the guides in a browser."""

from playwright.sync_api import expect

from tests.e2e.conftest import PHONE
from tests.e2e.shown import FAINT, NAMELESS, expect_no_sideways_scroll


def expect_contrast(page):
    for scheme in ("light", "dark"):
        page.evaluate("(scheme) => (document.documentElement.dataset.theme = scheme)", scheme)
        assert page.evaluate(FAINT) == [], scheme


def test_the_api_page(people):
    page = people.page(at="/docs", viewport=PHONE["viewport"], locale="zh-CN")
    page.locator("summary", has_text="/chat/send").click()
    expect(page.get_by_text("new_message.content")).to_be_visible()
    expect_no_sideways_scroll(page)
    assert page.evaluate(NAMELESS) == []
    expect_contrast(page)
    page.emulate_media(color_scheme="dark")
    page.get_by_role("link", name="English").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator("summary", has_text="/chat/send")).to_contain_text("Store a message")


def test_a_guide_on_a_phone(people):
    page = people.page(at="/docs", viewport={"width": 375, "height": 740}, locale="zh-CN")
    page.get_by_role("link", name="客户端编写指南").first.click()
    expect(page.locator("#contents")).to_have_text("目录")
    expect_no_sideways_scroll(page)
    expect_contrast(page)
    page.locator(".contents a").last.click()
    expect(page.locator(":target")).to_be_in_viewport()


def test_an_address_opens_the_operation_it_points_at(people):
    page = people.page(at="/docs")
    first, second = page.locator("details").first, page.locator("details").nth(1)
    for operation in (first, second):
        name = operation.get_attribute("id")
        expect(operation).not_to_have_attribute("open", "")
        page.evaluate("(hash) => (location.hash = hash)", name)
        expect(operation).to_have_attribute("open", "")
        page.goto("about:blank")
        page.goto(f"/docs#{name}")
        expect(operation).to_have_attribute("open", "")
        expect(operation).to_be_in_viewport()
