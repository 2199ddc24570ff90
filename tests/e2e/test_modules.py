"""The page's own pure modules, in the browser that runs them: one page, many cases."""

import hashlib
import re

import pytest

from tests.e2e.modules import run

INITIALS = [
    ("Anna Berger", "AB"),
    ("anna", "A"),
    ("李小明", "李"),
    ("👨‍👩‍👧‍👦 Family", "👨‍👩‍👧‍👦F"),
    ("🇩🇪 Team", "🇩🇪T"),
    ("1️⃣ one", "1️⃣O"),
    ("e\u0301mile", "E\u0301"),
    ("a" + "\u0301" * 120, "A"),
    ("...", "?"),
]

# time zone, the message's time, now, expected name of the day
DAYS = [
    ("Europe/Berlin", "2026-03-29T10:00:00+02:00", "2026-03-30T00:30:00+02:00", "Yesterday"),
    ("Europe/Berlin", "2026-03-28T23:45:00+01:00", "2026-03-30T00:30:00+02:00", "Saturday, March 28"),
    ("America/New_York", "2026-10-31T12:00:00-04:00", "2026-11-01T23:30:00-05:00", "Yesterday"),
    ("America/New_York", "2026-11-01T00:10:00-04:00", "2026-11-01T23:30:00-05:00", "Today"),
    ("Asia/Shanghai", "2026-05-01T15:59:59Z", "2026-05-01T16:00:00Z", "Yesterday"),
    ("Asia/Shanghai", "2025-12-31T12:00:00+08:00", "2026-01-02T12:00:00+08:00", "Wednesday, December 31, 2025"),
]


def test_initials_are_whole_characters(page):
    names = [name for name, _ in INITIALS]
    assert list(zip(names, run(page, "format", "return cases.map(m.initials)", names), strict=True)) == INITIALS


def test_first_characters_are_whole_in_browsers_without_a_segmenter(page):
    cases = ["👨‍👩‍👧‍👦 F", "🇩🇪🇫🇷", "1️⃣ one", "e\u0301a", "👍🏽!"]
    found = run(page, "format", "return cases.map((s) => m.firstCharacter(s, null))", cases)
    assert found == ["👨‍👩‍👧‍👦", "🇩🇪", "1️⃣", "e\u0301", "👍🏽"]


FAMILY = "👨‍👩‍👧‍👦"


@pytest.mark.parametrize("cluster", [FAMILY, "🇩🇪", "e\u0301", "😀", "ก\u0e34\u0e48", "x"])
def test_texts_are_cut_between_graphemes(page, cluster):
    """The beginning of a message, and the part of a text around what was found."""
    texts = ["y" * before + cluster * 100 for before in range(12)]
    for shown in run(page, "messagerules", "return cases.map((text) => m.snippet({ type: 'text', text }))", texts):
        assert re.fullmatch(f"y*({cluster})+…", shown), shown
    texts = [cluster * 60 + "y" * before + "found" + "y" * before + cluster * 300 for before in range(12)]
    around = (
        "return cases.map(([text, at]) => m.marked(text, [[at, 5]]).map((node) => node.textContent ?? node).join(''))"
    )
    for shown in run(page, "search", around, [(text, text.index("found")) for text in texts]):
        assert re.fullmatch(f"…({cluster})+y*foundy*({cluster})+…", shown), shown


def test_heaps_of_marks_are_cut_between_their_characters(page):
    text = "e" + "\u0301" * 100 + "😀" * 100
    cuts = run(page, "format", "return cases[1].map((unit) => m.cutBefore(cases[0], unit))", [text, [50, 102, 9999]])
    assert cuts == [50, 101, len(text.encode("utf-16-le")) // 2]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Shanghai"])
def test_days_go_by_the_calendar(page, zone):
    cases = [case for case in DAYS if case[0] == zone]
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setTimezoneOverride", {"timezoneId": zone})
    try:
        found = run(page, "format", "return cases.map(([, at, now]) => m.dayName(new Date(at), new Date(now)))", cases)
    finally:
        session.send("Emulation.setTimezoneOverride", {"timezoneId": ""})
        session.detach()
    assert found == [case[3] for case in cases]


def test_a_username_stands_beside_every_nickname_that_says_something_else(page):
    cases = [
        ("anna", "anna"),
        ("Ms Miller", "pupil7"),
        ("Anna", "anna"),
        ("Мs Berger", "Ms Berger"),
        ("Ms Miller · miller", "Ms Miller · miller"),
        ("Li Ming", "li.ming@example.com", 12),
        ("Li Ming", "#12", 13),
        ("#12", "＃ 12", 13),
        ("Li Ming", "li", 14),
    ]
    found = run(page, "names", "return cases.map((c) => [m.fullName(...c), m.nameNode(...c).textContent])", cases)
    wanted = [
        "anna",
        "Ms Miller · pupil7",
        "Anna · anna",
        "Мs Berger · Ms Berger",
        "Ms Miller · miller · Ms Miller · miller",
        "Li Ming · #12",
        "Li Ming · #13",
        "#12 · #13",
        "Li Ming · li",
    ]
    assert found == [[text, text] for text in wanted]


def test_direct_conversations_are_called_by_the_other(page):
    rooms = [
        {"id": 8, "name": "#8", "peer": {"name": "Bert", "user": "bert"}},
        {"id": 8, "name": "#8"},
        {"id": 9, "name": "#8"},
    ]
    found = run(page, "names", "return cases.map((r) => [m.isDirect(r), m.roomTitle(r)])", rooms)
    assert found == [[True, "Bert · bert"], [True, "Direct conversation"], [False, "#8"]]


def test_unread_counts_messages_by_others_since_the_room_was_on_screen(page):
    body = """
      const room = { joined: true, unread: 0, counted: { count: 0, upTo: "" }, fresh: [], seenUpTo: "" };
      const store = { me: { id: 1, username: "anna" }, joined: [room], emit() {} };
      const unread = new m.Unread(store);
      const seen = [];
      const note = () => seen.push(unread.totalOf(() => true));
      unread.adopt(room, 3, "05"); note();
      unread.add(room, [{ userId: 2, timestamp: "04" }, { userId: 2, timestamp: "06" }]); note();
      unread.add(room, [{ userId: 1, timestamp: "07" }]); note();
      unread.see(room, "05"); note();
      unread.adopt(room, 0, "07"); note();
      unread.add(room, [{ userId: 2, timestamp: "08" }]); note();
      unread.see(room, "08"); note();
      unread.see(room, "07"); note();
      return seen;"""
    assert run(page, "unread", body) == [3, 4, 4, 1, 0, 1, 0, 0]


def test_a_search_takes_away_rooms_that_it_does_not_find(page):
    """Where there are more rooms than the list has, rooms deleted elsewhere would stay in it."""
    body = """
      const store = new m.Store();
      const room = (id, roomname, joined) => ({ id, roomname, joined, membercount: 1, last_time: "" });
      const names = () => [...store.rooms.keys()].sort();
      const seen = [];
      const take = (rooms, options) => { store.setRooms(rooms, () => {}, options); seen.push(names()); };
      take([room(1, "own", true), room(2, "chess", false), room(3, "Chess 2", false)], { isCut: true });
      take([room(3, "Chess 2", false)], { isCut: true, isSearch: true, searched: "chess" });
      take([room(4, "far", false)], { isCut: true, isSearch: true, searched: null });
      take([room(5, "new", false)], { isCut: true });
      return seen;"""
    assert run(page, "store", body) == [
        ["Chess 2", "chess", "own"],
        ["Chess 2", "own"],
        ["Chess 2", "far", "own"],
        ["new", "own"],
    ]


def test_a_list_of_rooms_that_is_out_of_date_waits_for_the_newer_one(page):
    """A room that was just created is in the list when `refresh` ends, though another refresh came between."""
    body = """
      const { api } = await import(new URL('./core/api.js', main));
      const answers = [];
      api.rooms = () => new Promise((answer) => answers.push(answer));
      const taken = [];
      const store = { me: {}, setRooms: (rooms) => taken.push(rooms[0]?.id) };
      const feed = new m.RoomFeed(store, { onTaken() {} });
      const ends = [];
      const first = feed.refresh().then(() => ends.push(`first after ${taken}`));
      const second = feed.refresh().then(() => ends.push(`second after ${taken}`));
      answers[0]({ rooms: [{ id: 1 }], isCut: false });
      await new Promise((done) => setTimeout(done, 20));
      ends.push("the newer one answers");
      answers[1]({ rooms: [{ id: 2 }], isCut: false });
      await Promise.all([first, second]);
      feed.stop();
      return ends.sort();"""
    assert run(page, "roomfeed", body) == ["first after 2", "second after 2", "the newer one answers"]


def test_a_tab_knows_when_another_one_is_logging_in(page):
    body = """
      const [one, other] = [new m.Tabs(), new m.Tabs()];
      const seen = [];
      await one.nobodyEnters();
      seen.push("free");
      let finish;
      const channel = new BroadcastChannel("commonroom.tabs");
      const heard = new Promise((resolve) => channel.addEventListener("message", resolve));
      const login = other.entering(() => new Promise((resolve) => (finish = resolve)));
      await heard;
      const waiting = one.nobodyEnters().then(() => seen.push("over"));
      await new Promise((resolve) => setTimeout(resolve, 50));
      seen.push("under way");
      finish();
      await Promise.all([login, waiting]);
      return seen;"""
    assert run(page, "tabs", body) == ["free", "under way", "over"]


def test_a_failed_message_is_told_though_the_list_of_members_comes_meanwhile(page):
    body = """
      const { Store } = await import(new URL('./core/store.js', main));
      const store = new Store();
      store.me = { id: 7, username: "anna" };
      const outbox = new m.Outbox(store, { get: () => null, set: () => {} }, () => {});
      const { fetch } = globalThis;
      globalThis.fetch = async () => {
        store.setProfiles([{ user_id: 7, user: "anna", nickname: "Anna", avatar: "" }]);
        throw new TypeError("no network");
      };
      const failed = new Promise((resolve) =>
        store.on("pending", ({ state }) => state !== "sending" && resolve(state)));
      outbox.sendText("room", "hello");
      const state = await Promise.race([failed, new Promise((resolve) => setTimeout(resolve, 2000, "sending"))]);
      globalThis.fetch = fetch;
      for (const { id } of outbox.unsent) outbox.discard(id);
      return [store.me.nickname, state];"""
    assert run(page, "outbox", body) == ["Anna", "failed"]


def test_a_name_begun_before_the_members_are_known_is_completed(page):
    body = """
      const { Store } = await import(new URL('./core/store.js', main));
      const [text, store] = [document.getElementById("message-text"), new Store()];
      let members = [];
      const completion = new m.Completion(text, () => members, store);
      const options = () => [...document.querySelectorAll("#mention-list [aria-selected]")]
        .map((option) => option.textContent + (option.ariaSelected === "true" ? "*" : ""));
      const seen = [];
      const joined = (...names) => {
        members = names.map((user) => ({ user, nickname: user }));
        store.emit("members");
        seen.push(options());
      };
      const press = (key) => completion.takes(new KeyboardEvent("keydown", { key, cancelable: true }));
      text.value = "hello @ca";
      text.dispatchEvent(new Event("input"));
      joined("bert", "carl");
      joined("caesar", "carl", "oscar");
      press("ArrowUp");
      joined("bert", "caesar", "Dr Cato");
      press("Escape");
      joined("carl");
      text.value = "";
      text.dispatchEvent(new Event("input"));
      joined("cara");
      return seen;"""
    assert run(page, "completion", body) == [["carl*"], ["caesar", "carl*"], ["caesar*", "Dr Cato"], [], []]


def test_a_file_shows_its_name_and_size_and_can_be_saved(page):
    body = """
      const file = { name: "报告 1.pdf", bytes: cases };
      const about = { key: "m:1", isMine: false, name: "a", user: "a", userId: 1, date: new Date() };
      const view = { ...about, type: "file", url: "/attachments/x", file };
      const shown = new m.MessageView(view, { isMe: () => false });
      shown.update(view, false);
      const link = shown.node.querySelector(".file a");
      return [link.getAttribute("href"), link.download, link.textContent, link.getAttribute("aria-label")];"""
    shown = ["/attachments/x", "报告 1.pdf", "报告 1.pdf1.2 MB", "Save 报告 1.pdf, 1.2 MB"]
    assert run(page, "messageview", body, 1_234_567) == shown
    assert run(page, "messageview", body, 1)[2] == "报告 1.pdf1 byte"


@pytest.mark.parametrize("has_clipboard", [True, False])
def test_a_rooms_link_is_by_an_address_that_others_reach_and_can_be_copied(page, has_clipboard):
    body = """
      const { siteApi } = await import(new URL('./core/siteapi.js', main));
      siteApi.addresses = async () => ({ addresses: ["http://192.168.1.5:8000", "http://10.0.0.2:8000"] });
      const copied = [];
      const writeText = (text) => (cases ? Promise.resolve(copied.push(text)) : Promise.reject(new Error("no")));
      Object.defineProperty(navigator, "clipboard", { value: { writeText }, configurable: true });
      document.addEventListener("copy", () => copied.push(getSelection().toString()), { once: true });
      const node = m.roomLink({ name: "Maths 7b" });
      const [input, copy] = [node.querySelector("input"), node.querySelector("button")];
      const dialog = document.createElement("dialog");
      dialog.append(node);
      document.body.append(dialog);
      dialog.showModal();
      const seen = [input.value === `${location.origin}/#Maths%207b`];
      await new Promise((done) => setTimeout(done));
      seen.push(input.value);
      const choice = node.querySelector("select");
      choice.value = choice.options[1].value;
      choice.dispatchEvent(new Event("change"));
      copy.click();
      await new Promise((done) => setTimeout(done));
      dialog.remove();
      return [...seen, copied.at(-1), copy.textContent];"""
    links = [f"http://{host}:8000/#Maths%207b" for host in ("192.168.1.5", "10.0.0.2")]
    assert run(page, "roomlink", body, has_clipboard) == [True, *links, "Copied"]


def test_a_moving_picture_that_is_too_large_is_refused_instead_of_standing_still(page):
    body = """const heads = ["\\x89PNG\\r\\n\\x1a\\n....IHDR....acTL", "RIFF....WEBPVP8X....ANIM", "RIFF....WEBPVP8 "];
      return Promise.all(heads.map((head) => {
        const bytes = Uint8Array.from(head, (char) => char.charCodeAt(0));
        const file = new File([bytes, new Uint8Array(6 << 20)], "p", { type: "image/png" });
        return m.readPicture(file, () => {}).catch((error) => error.message);
      }))"""
    told = run(page, "pictures", body)
    assert ["too large" in words for words in told] == [True, True, False], told  # the last is no picture at all


def test_hashes_without_https(page):
    texts = ["", "x^2", "\u4e2d\u6587" * 40, "a" * 55, "a" * 56, "a" * 64]
    expected = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
    assert run(page, "sha256", "return cases.map(m.sha256)", texts) == expected
