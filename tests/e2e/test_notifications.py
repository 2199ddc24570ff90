"""Sounds and notifications by the page's module, where rooms and browser are set to them."""

from tests.e2e.modules import run


def test_a_sound_is_made_only_where_it_was_switched_on(page):
    body = """
      const kept = { levels: { 7: "all" } }, tones = [], node = { connect: (next) => next };
      globalThis.AudioContext = class {
        createOscillator() { return { ...node, frequency: {}, start: () => tones.push("tone"), stop() {} }; }
        createGain() { return { ...node, gain: { setValueAtTime() {}, exponentialRampToValueAtTime() {} } }; }
      };
      const store = { me: { username: "anna" } };
      const notifications = new m.Notifications(store, { get: (name) => kept[name] }, () => {});
      const message = { user: "bert", userId: 2, name: "bert", type: "text", text: "hi", mentions: [] };
      const tell = () => notifications.tell({ id: 7, name: "club" }, [message]);
      tell();
      const before = tones.length;
      kept.sound = true;
      tell();
      return [before, tones.length];"""
    assert run(page, "notifications", body) == [0, 1]


def test_notifications_are_for_what_each_room_is_set_to(page):
    body = """
      const kept = {}, shown = [], store = { me: { username: "anna" }, emit() {} };
      const records = { get: (name) => kept[name], set: (name, value) => (kept[name] = value) };
      const Fake = function (title, { body }) { shown.push(`${title}: ${body}`); };
      Fake.permission = "granted";
      globalThis.Notification = Fake;
      const notifications = new m.Notifications(store, records, () => {});
      const room = { id: 7, name: "club", alike: new Set() };
      const direct = { id: 8, name: "#8", peer: { user: "bert", nickname: "bert" } };
      const bert = { user: "bert", userId: 2, name: "bert", type: "text", mentions: [] };
      const say = (text, more = {}) => ({ ...bert, text, ...more });
      const tell = (to, message) => {
        const before = shown.length;
        notifications.tell(to, [message]);
        return shown.length > before;
      };
      const seen = [tell(room, say("off", { mentions: ["anna"] }))];
      kept.desktop = true;
      for (const level of [null, "all", "nothing"]) {
        if (level) kept.levels = { 7: level, 8: level };
        const named = [say("@anna", { mentions: ["anna"] }), say("@all", { mentionsAll: true })];
        const inRoom = [say("a"), ...named, say("@bert", { mentions: ["bert"] })];
        seen.push([...inRoom.map((message) => tell(room, message)), tell(direct, say("b"))].map(Number).join(""));
      }
      return [seen, shown[0]];"""
    assert run(page, "notifications", body) == [[False, "01101", "11111", "00000"], "club: bert: @anna"]
