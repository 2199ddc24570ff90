"""The list that the page refuses passwords by."""

import re
from pathlib import Path

LIST = Path(__file__).parents[2] / "chat/web/static/js/lib/commonpasswords.js"


def test_the_thousand_commonest_passwords_that_the_page_would_take() -> None:
    [text] = re.findall(r"new Set\(`(.*?)`", LIST.read_text(), re.DOTALL)
    passwords = text.split()
    assert len(passwords) == len(set(passwords)) == 1000
    assert all(len(password) >= 8 and password == password.lower() for password in passwords)
    assert {"12345678", "password", "qwertyuiop", "1qaz2wsx", "iloveyou", "woaini1314", "passwort1"} <= set(passwords)
