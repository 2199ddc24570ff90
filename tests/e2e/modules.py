"""The page's own modules, run in the browser without a screen."""

from typing import Any

from playwright.sync_api import Page

from tests.real_server import ROOT


def _path(module: str) -> str:
    folder = ROOT / "chat/web/static/js"
    (path,) = folder.rglob(f"{module}.js")
    return path.relative_to(folder).as_posix()


def run(page: Page, module: str, body: str, cases: Any = None) -> Any:
    """Return the result of a function body with `m`, the module, and `cases`. The page has an instance of its own."""
    script = f"""async (cases) => {{
      const main = new URL('../js/main.js', document.querySelector('script[type=module]').src);
      const m = await import(new URL('./{_path(module)}', main));
      {body}
    }}"""
    return page.evaluate(script, cases)
