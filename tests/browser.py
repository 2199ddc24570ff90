"""The Chromium that browser tests and the bench start."""

import shutil

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
)


def find_browser() -> str | None:
    """Its path; None where there is none."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)
