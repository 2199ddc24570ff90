// Talking to the server. Every failure is an ApiError.

import { hasText, language, t } from "../lib/i18n.js";

const TIMEOUT_MS = 15_000;
const BODY_TIMEOUT_MS = 120_000;
const UPLOAD_STALL_MS = 60_000;
const ROOMS_A_PAGE = 100;
const MEMBERS_A_PAGE = 100;
const ANNOUNCEMENTS = 50;
const PASSING = new Set([0, 429, 500, 502, 503, 504]);

export class ApiError extends Error {
  /** message: words for the user. status 0: the server was not reached, or did not answer in time. */
  constructor(status, message, retryAfter = 0) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.retryAfter = retryAfter;
  }

  /** Whether the same request may well succeed later. */
  get isPassing() {
    return PASSING.has(this.status);
  }
}

const acceptLanguage = () => (language() === "zh" ? "zh-CN,zh;q=0.9,en;q=0.5" : "en,zh;q=0.5");

// For refusals before routing.
const CODES = { 401: "NOT_SIGNED_IN", 403: "FORBIDDEN", 413: "BODY_TOO_LARGE", 429: "RATE_LIMITED", 503: "UNAVAILABLE" };

/** The page's own words, some of them for one path: the server's are for people who write clients. */
function wordsFor(path, status, { code = CODES[status] ?? String(status), data = {} }) {
  const key = [`error.${code}.${path}`, `error.${code}`].find(hasText);
  return key ? t(key, data) : t("error.unknown", { code });
}

function parse(path, status, text, retryAfter) {
  let answer = null;
  try {
    answer = JSON.parse(text);
  } catch {
    // Some proxy's page, or a cut answer.
  }
  if (answer === null || typeof answer !== "object") {
    const why = status === 413 ? t("error.BODY_TOO_LARGE") : t("error.answer", { status });
    throw new ApiError(status < 400 ? 0 : status, why, retryAfter);
  }
  if (status >= 400 || answer.status !== "success") {
    throw new ApiError(status, wordsFor(path, status, answer), retryAfter);
  }
  return answer;
}

// Tabs share one cookie: with this the server refuses what another user's login would do.
let actsFor = null;

/** Set the user (an id) for whom requests are made from now on; null: the logged-in user. */
export function actFor(id) {
  actsFor = id;
}

const ownHeaders = () => ({
  "Accept-Language": acceptLanguage(),
  "X-Chat-Errors": "codes",
  ...(actsFor === null ? {} : { "X-Chat-User": String(actsFor) }),
});

/** The address of a download. Links have no headers, so the query names the user. */
export const addressFor = (path, query = {}) => `${path}?${new URLSearchParams({ ...query, chat_user: String(actsFor) })}`;

const seconds = (header) => Math.max(0, Number.parseFloat(header ?? "") || 0);

// Machines' clocks may be wrong. Smaller differences may come from the network, and the server's date has whole seconds.
const DIFFERENT_MS = 5000;
let aheadMs = 0; // of the server's clock

/** The time in ms by the server's clock: what lasts until a time of the server is compared with it. */
export const serverNow = () => Date.now() + aheadMs;

function noteTime(date) {
  const ahead = Date.parse(date ?? "") - Date.now();
  if (!Number.isNaN(ahead)) aheadMs = Math.abs(ahead) < DIFFERENT_MS ? 0 : ahead;
}

const reads = new Set(); // aborts of the GET requests on their way
let isLeaving = false; // logging out

/**
 * signal aborts silently for the caller to notice; running out of time is an ApiError.
 * @param {string} method
 * @param {string} path
 * @param {{query?: any, body?: any, signal?: AbortSignal, timeout?: number, cache?: RequestCache}} options
 */
async function request(method, path, { query, body, signal, timeout = TIMEOUT_MS, cache = "no-store" } = {}) {
  if (isLeaving && method === "GET") throw new ApiError(0, t("error.network"));
  const controller = new AbortController();
  const abort = () => controller.abort();
  signal?.addEventListener("abort", abort);
  if (signal?.aborted) abort();
  let timer = setTimeout(abort, timeout);
  if (method === "GET") reads.add(abort);
  const url = query ? `${path}?${new URLSearchParams(query)}` : path;
  const headers = { ...ownHeaders(), Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  try {
    const response = await fetch(url, {
      method, headers, body: body === undefined ? undefined : JSON.stringify(body),
      signal: controller.signal, credentials: "same-origin", cache,
    });
    if (cache === "no-store") noteTime(response.headers.get("Date"));
    // The answer has begun; pictures over a slow network may take their time.
    clearTimeout(timer);
    timer = setTimeout(abort, BODY_TIMEOUT_MS);
    return parse(path, response.status, await response.text(), seconds(response.headers.get("Retry-After")));
  } catch (error) {
    throw error instanceof ApiError ? error : new ApiError(0, t("error.network"));
  } finally {
    clearTimeout(timer);
    reads.delete(abort);
    signal?.removeEventListener("abort", abort);
  }
}

/** Log out. Requests on their way, or made meanwhile, would be refused once it is done. */
async function logOut() {
  isLeaving = true;
  for (const abort of reads) abort();
  try {
    return await post("/user/logout", {});
  } finally {
    isLeaving = false;
  }
}

/** POST a form, with onProgress(0…1) while it goes out. An aborted signal is an ApiError, too. */
export function upload(path, fields, { onProgress, signal }) {
  return new Promise((resolve, reject) => {
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) {
      const [content, filename] = [value].flat();
      if (filename === undefined) form.append(name, content);
      else form.append(name, content, filename);
    }
    const xhr = new XMLHttpRequest();
    const fail = () => reject(new ApiError(0, t("error.network")));
    let stalled = setTimeout(() => xhr.abort(), UPLOAD_STALL_MS);
    xhr.open("POST", path);
    for (const [name, value] of Object.entries(ownHeaders())) xhr.setRequestHeader(name, value);
    xhr.upload.onprogress = (event) => {
      clearTimeout(stalled);
      stalled = setTimeout(() => xhr.abort(), UPLOAD_STALL_MS);
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    };
    xhr.onerror = fail;
    xhr.onabort = fail;
    xhr.onload = () => {
      try {
        resolve(parse(path, xhr.status, xhr.responseText, seconds(xhr.getResponseHeader("Retry-After"))));
      } catch (error) {
        reject(error);
      }
    };
    xhr.onloadend = () => clearTimeout(stalled);
    signal.addEventListener("abort", () => xhr.abort());
    xhr.send(form);
  });
}

export const get = (path, query, options) => request("GET", path, { query, ...options });
export const post = (path, body, options) => request("POST", path, { body, ...options });

async function* roomPages(query) {
  for (let after = null; after !== ""; ) {
    const page = await request("GET", "/room/find", { query: { detail: 1, limit: ROOMS_A_PAGE, after: after ?? "", ...query } });
    yield page;
    after = page.next;
  }
}

export const api = {
  register: (username, password, code = null) => post("/user/register", { username, password, join_code: code }),
  login: (username, password) => post("/user/login", { username, password }),
  logout: logOut,
  session: () => request("GET", "/user/session"),
  me: () => request("GET", "/user/me", { query: { detail: 1 } }),
  /** The first pages of rooms, joined and most active ones first, and whether there are more. */
  rooms: async (pages = 1, q = "", only = {}) => {
    const rooms = [];
    for await (const page of roomPages({ q, ...only })) {
      rooms.push(...page.rooms);
      pages -= 1;
      if (pages <= 0) return { rooms, isCut: page.next !== "" };
    }
    return { rooms, isCut: false };
  },
  /** The first room for which it holds, wherever in the list; null: none. */
  findRoom: async (isWanted, query = {}) => {
    for await (const { rooms } of roomPages(query)) {
      const found = rooms.find(isWanted);
      if (found) return found;
    }
    return null;
  },
  createRoom: (roomname, passwd, isLocked) =>
    post("/room/create", { roomname, type: isLocked ? "private" : "public", passwd }),
  joinRoom: (roomname, passwd = "") => post("/room/join", { roomname, passwd }),
  leaveRoom: (roomname) => post("/room/leave", { roomname }),
  deleteRoom: (roomname, passwd = "") => post("/room/delete", { roomname, passwd }),
  leaveAll: (owner) => post("/room/leave_all", { owner }),
  /** {members, next}: a page of them, longest-standing first; next is `after` of the next page, or "". */
  members: (roomname, after = "", only = {}) =>
    request("GET", "/room/members", { query: { roomname, detail: 1, limit: MEMBERS_A_PAGE, after, ...only } }),
  /** {authors}: of these messages, as they are called now. */
  authors: (roomname, ids) => request("GET", "/chat/authors", { query: { roomname, messages: ids.join(",") } }),
  /** The member who owns the room, or null. */
  owner: async (roomname) => {
    const { members } = await request("GET", "/room/members", { query: { roomname, detail: 1, role: "owner" } });
    return members[0] ?? null;
  },
  /** {announcements, next}: the newest ones, or a later page of them. */
  announcements: (roomname, after = "") =>
    request("GET", "/room/announcements", { query: { roomname, limit: ANNOUNCEMENTS, after } }),
  history: (roomname, before, limit) => {
    const query = { roomname, limit, detail: 1, links: 1, ...(before ? { before } : {}) };
    return request("GET", "/chat/history", { query, timeout: 30_000 });
  },
  /** {messages, next}: newest first; next is `before` of the next page, or 0. */
  search: (q, roomname, before) =>
    request("GET", "/chat/search", { query: { q, ...(roomname ? { roomname } : {}), ...(before ? { before } : {}) }, timeout: 30_000 }),
  /** {messages, more, newer}: a message and those before and after it. */
  around: (roomname, around, limit) =>
    request("GET", "/chat/history", { query: { roomname, around, limit, detail: 1 }, timeout: 30_000 }),
  sendText: (roomname, content, id, replyTo = null) =>
    post("/chat/send", { roomname, new_message: { type: "text", content, client_message_id: id, reply_to: replyTo } }),
  /** edited: as the message was seen, so that two edits at once do not overwrite each other. */
  edit: (roomname, id, content, edited) => post("/chat/edit", { roomname, id, content, edited: edited ?? "" }),
  react: (roomname, id, emoji, on) => post("/chat/react", { roomname, id, emoji, on }),
  equation: (hash, tex) => get("/chat/equation", { hash, tex }, { cache: "default" }),
  typing: (roomname) => post("/chat/typing", { roomname }),
  deleteMessage: (roomname, id) => post("/chat/delete", { roomname, id }),
  /** The id comes before the file, so that the server knows a retry by its beginning. */
  sendFile: (roomname, id, blob, name, options) =>
    upload("/chat/upload", { roomname, client_message_id: id, file: [blob, name] }, options),
  /** read: ids of the rooms that are looked at. */
  pull: (cursors, { hold, read, signal = undefined, timeout }) =>
    post(`/chat/pull?detail=1&links=1&changes=1&members=1&timeout=${hold}&read=${read.join(",") || 0}`, cursors, { signal, timeout }),
};
