// node's fetch and npm's ws: prints one line of JSON a case, {about, fault}. Arguments: URL, two tokens.
import { WebSocket } from "ws";

const [url, token, other] = process.argv.slice(2);

async function ask(method, path, body, who = token) {
  const reply = await fetch(url + path, { method, body: body && JSON.stringify(body), headers: { Authorization: who } });
  return { status: reply.status, json: await reply.json() };
}

function expect(holds, seen) {
  if (!holds) throw new Error(JSON.stringify(seen));
}

function say(content, id) {
  return { roomname: "public", new_message: { type: "text", content, client_message_id: id } };
}

/** A socket, and its messages as they come. */
function connect(path) {
  const socket = new WebSocket(url.replace("http", "ws") + path);
  const waiting = [], come = [];
  socket.on("message", (data) => (waiting.shift() ?? ((message) => come.push(message)))(JSON.parse(data)));
  const next = () => (come.length ? Promise.resolve(come.shift()) : new Promise((resolve) => waiting.push(resolve)));
  return new Promise((resolve, reject) => {
    socket.once("open", () => resolve({ socket, next }));
    socket.once("error", reject);
  });
}

async function heard(path, first, sought) {
  const { socket, next } = await connect(path);
  if (first) socket.send(JSON.stringify(first));
  const pong = new Promise((resolve) => socket.once("pong", resolve));
  socket.ping();
  await pong;
  // Nothing says from when on a socket of realtime or ims follows: say it until it is heard.
  const tell = () => ask("POST", "/chat/send", say("to sockets"), other);
  const telling = setInterval(tell, 1000);
  await tell();
  for (let message = await next(); !sought(message); message = await next());
  clearInterval(telling);
  const closed = new Promise((resolve) => socket.once("close", (code) => resolve(code)));
  socket.close(1000);
  expect((await closed) === 1000, "close");
}

const CASES = {
  "node's fetch: log in, send, history": async () => {
    const sent = await ask("POST", "/chat/send", say("by fetch"));
    expect(sent.status === 200, sent);
    const history = await ask("GET", "/chat/history?roomname=public");
    expect(history.json.messages.some((message) => message.content === "by fetch"), history);
  },
  "node's fetch: errors are JSON": async () => {
    for (const [path, status] of [["/chat/nowhere", 404], ["/chat/send", 405], ["/user/me", 401]]) {
      const got = await ask("GET", path, undefined, status === 401 ? "none" : token);
      expect(got.status === status && got.json.status === "failure", got);
    }
  },
  "node's fetch: a held pull": async () => {
    const held = ask("POST", "/chat/pull?timeout=30", { public: Date.now() / 1000 + 1e6 });
    setTimeout(() => ask("POST", "/chat/send", say("wake fetch"), other), 200);
    const got = await held;
    expect(got.json.public.at(-1).content === "wake fetch", got);
    const empty = await ask("POST", "/chat/pull?timeout=1", { public: got.json.public.at(-1).timestamp });
    expect(empty.status === 200 && empty.json.public.length === 0, empty);
  },
  "ws: roomapi": () => heard(`/api/message/ws?token=${token}`, null, (message) => JSON.stringify(message).includes("to sockets")),
  "ws: ims": () => heard(`/ws/?token=${token}`, null, (message) => message.type === "notify"),
  "ws: realtime": async () => {
    const { json } = await ask("GET", "/Room/1");
    await heard("/", { token: json.token }, (message) => JSON.stringify(message).includes("to sockets"));
  },
};

for (const [about, run] of Object.entries(CASES)) {
  const late = new Promise((_, reject) => setTimeout(() => reject(new Error("late")), 20000).unref());
  const fault = await Promise.race([run(), late]).then(() => "", (error) => String(error.cause ?? error));
  console.log(JSON.stringify({ about, fault }));
}
process.exit(0);
