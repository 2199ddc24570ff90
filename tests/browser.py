"""The Chromium that browser tests and the bench start."""

import shutil

HEADLESS = "chromium-headless-shell"  # the same engine without windows: a page takes half as much CPU
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
)


def find_browser(*, has_windows: bool = False) -> str | None:
    """The path of the headless one, or of one that also has windows; None where there is none."""
    names = BROWSERS if has_windows else (HEADLESS, *BROWSERS)
    return next(filter(None, map(shutil.which, names)), None)
