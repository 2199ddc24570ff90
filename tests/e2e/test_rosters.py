"""Importing a roster in the console: preview, mistakes, log-in cards."""

from playwright.sync_api import Route, expect

from tests.e2e.steps import ASKS_BEFORE_LEAVING, wait_for


def open_import(people, teacher_name):
    """A teacher's page with the dialog of the import."""
    teacher = people.page(user=teacher_name, is_teacher=True, at="/teach")
    teacher.get_by_role("button", name="Import a roster").click()
    return teacher


def test_a_roster_becomes_log_in_cards(people, name):
    teacher = open_import(people, name("hall"))
    bad = {"name": "7b.csv", "mimeType": "text/csv", "buffer": b"username\nkim\n\nkim\n"}
    teacher.locator("#field-roster").set_input_files(bad)
    expect(teacher.locator(".mistakes")).to_have_text("Line 4: kim is in line 2 already.")
    lines = f"用户名;姓名\n{name('mia')};小明\n{name('lea')};\n".encode("gbk")
    teacher.locator("#field-roster").set_input_files({**bad, "buffer": lines})
    expect(teacher.locator(".preview tbody tr")).to_have_count(2)
    asked: list[Route] = []
    teacher.route("**/site/roster/status?*", lambda route: route.continue_() if asked else asked.append(route))
    teacher.get_by_role("button", name="Import 2 people").click()
    wait_for(teacher, lambda: asked, "the page asks how far the import is")
    teacher.keyboard.press("Escape")
    teacher.locator(".teach-tabs [href='#now']").click()
    expect(teacher.locator(".teach-tabs [aria-current]")).to_have_attribute("href", "#now")
    people.may_lose_network = True
    for path in ("**/site/qr", "**/site/addresses"):
        teacher.route(path, lambda route: route.abort())
    asked[0].abort()  # the page asks again
    expect(teacher.locator(".card")).to_have_count(2)  # all the same, as the passwords are nowhere else
    expect(teacher.locator(".card svg")).to_have_count(0)
    expect(teacher.get_by_role("button", name="Print")).to_be_enabled()
    for path in ("**/site/qr", "**/site/addresses"):
        teacher.unroute(path)
    expect(teacher.locator(".card svg path")).to_have_count(2)  # as soon as the server is reached
    for tab, count in (("now", 0), ("people", 2)):
        teacher.locator(f".teach-tabs [href='#{tab}']").click()
        expect(teacher.locator(".card")).to_have_count(count)
    assert teacher.evaluate(ASKS_BEFORE_LEAVING)
    card = teacher.locator(".card").first
    expect(card.locator("svg path")).to_have_count(1)
    address, username, password = card.locator("code").all_inner_texts()
    pupil = people.page(at=f"/?username={username}")
    expect(pupil.locator("#username")).to_have_value(name("mia"))
    assert address.startswith("http://")
    pupil.locator("#password").fill(password)
    pupil.locator("#login-submit").click()
    expect(pupil.locator("#my-name")).to_have_text("小明")
    teacher.get_by_role("button", name="Done", exact=True).click()
    teacher.get_by_role("dialog").get_by_role("button", name="Done", exact=True).click()
    expect(teacher.locator(".card")).to_have_count(0)
    assert not teacher.evaluate(ASKS_BEFORE_LEAVING)


def choose_roster(people, name):
    """A teacher's page with a roster of two new people checked."""
    teacher = open_import(people, name("hall"))
    content = f"username\n{name('mia')}\n{name('lea')}\n".encode()
    teacher.locator("#field-roster").set_input_files({"name": "7b.csv", "mimeType": "text/csv", "buffer": content})
    expect(teacher.locator(".preview tbody tr")).to_have_count(2)
    return teacher


def test_accounts_of_an_import_whose_answer_was_lost_get_new_passwords(people, name):
    teacher = choose_roster(people, name)
    people.may_lose_network = True

    def lose(route: Route) -> None:
        begun = route.fetch().json()
        state = f"/site/roster/status?id={begun['id']}"
        wait_for(teacher, lambda: teacher.request.get(state).json()["state"] == "done", "the import ends")
        route.abort()

    teacher.route("**/site/roster/import", lose, times=1)
    teacher.route("**/site/roster/check", lambda route: route.abort(), times=1)
    teacher.get_by_role("button", name="Import 2 people").click()
    dialog = teacher.get_by_role("dialog")
    expect(dialog.get_by_role("alert")).to_contain_text("2 of these accounts have been made meanwhile")
    expect(dialog.get_by_label("Also give new passwords")).to_be_checked()
    teacher.get_by_role("button", name="Import 2 people").click()
    expect(teacher.locator(".card")).to_have_count(2)
    _, username, password = teacher.locator(".card").first.locator("code").all_inner_texts()
    people.client(username, password)


def test_cards_are_shown_where_the_end_of_the_import_cannot_be_told(people, name):
    teacher = choose_roster(people, name)
    teacher.route("**/site/roster/status?*", lambda route: route.fulfill(status=401, json={"status": "error"}))
    teacher.get_by_role("button", name="Import 2 people").click()
    expect(teacher.locator(".card")).to_have_count(2)
    assert teacher.evaluate(ASKS_BEFORE_LEAVING)


def test_bad_rosters_are_told_in_the_dialog(people, name, tmp_path):
    teacher_name = name("hall")
    teacher = open_import(people, teacher_name)
    dialog, field = teacher.get_by_role("dialog"), teacher.locator("#field-roster")
    bad = {
        "more than 2000 people": (b"username\n" + b"kim\n" * 50_000, "at most 2000 lines"),
        "one long line": (b"username\n" + b"x" * 3_000_000, "Line 2"),
        "formulas": (b"username\n=1+1\n", "Line 2: =1+1 begins like a formula"),
        "a Western encoding": ("username\nJörg\n".encode("latin-1"), "save it as CSV in UTF-8"),
        "a teacher": (f"username\n{teacher_name}\n".encode(), "is a teacher"),
        "nothing": (b"", "The first line must name the columns"),
    }
    for what, (content, words) in bad.items():
        field.set_input_files({"name": f"{what}.csv", "mimeType": "text/csv", "buffer": content})
        expect(teacher.locator(".mistakes"), what).to_contain_text(words)
        expect(dialog.locator("button.primary")).to_be_hidden()
    large = tmp_path / "large.csv"
    with large.open("wb") as file:
        file.truncate(1 << 30)
    field.set_input_files(large)  # is not read
    expect(dialog.get_by_role("alert")).to_have_text("The file is too large: at most 4 MiB.")
    expect(teacher.locator(".mistakes")).to_have_count(0)
