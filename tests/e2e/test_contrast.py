"""The walks' look at contrast finds what axe-core does, although it leaves out texts of colours that have passed."""

import pytest
from playwright.sync_api import Page

from tests.e2e.accessibility import CONTRAST, LOOK, TAGS, axe_core

PASSED = """<html lang="en"><title>x</title><body style="margin: 0; background: #fff; color: #767676"><main>
    <p style="background: #fff">dark enough</p>
    <p style="color: #bbb; margin-left: -9999px; width: 99px">pale, but outside the screen</p>
</main></body></html>"""
ADD = "(more) => document.querySelector('main').insertAdjacentHTML('beforeend', more)"


@pytest.mark.parametrize(
    "more",
    [
        "<p style='color: #bbb'>pale</p>",
        "<div style='opacity: 0.5'><p style='background: #fff'>faded with all around it</p></div>",
        "<div style='background: #999'><p>on another ground</p></div>",
    ],
)
def test_colours_that_passed_elsewhere_do_not_hide_a_pale_text(page: Page, more: str) -> None:
    page.goto("about:blank")  # has no Content-Security-Policy
    page.set_content(PASSED)
    page.evaluate(axe_core())
    page.evaluate(CONTRAST)
    width = page.evaluate("innerWidth")
    look = {"width": width, "scheme": "light", "tags": TAGS, "contrast": "all", "isFirst": True, "isLast": True}
    assert page.evaluate(LOOK, look) == []
    page.evaluate(ADD, more)
    (found,) = page.evaluate(LOOK, look)
    assert "insufficient color contrast" in found
