// Requests about the whole site, its accounts and join codes. Every failure is an ApiError.

import { api, get, post } from "./api.js";

export const siteApi = {
  claim: (token) => post("/site/claim", { token }),
  settings: () => get("/site/settings"),
  /** changes by name; version: that of the settings that were shown. */
  changeSettings: (version, changes) => post("/site/settings", { version, ...changes }),
  people: (q, after, limit) => get("/site/people", { q, after, limit }),
  now: (q, after, limit) => get("/site/now", { q, after, limit }),
  audit: (q, after, limit) => get("/site/audit", { q, after, limit }),
  rooms: (q, after, limit, archived) => get("/room/find", { detail: 1, q, after, limit, ...(archived ? { archived: 1 } : {}) }),
  changeRoom: (roomname, changes) => post("/room/settings", { roomname, version: null, ...changes }),
  roomMembers: (roomname, q, after, limit) => get("/room/members", { roomname, detail: 1, q, after, limit }),
  deleteRoom: (roomname) => post("/room/delete", { roomname, passwd: "" }),
  resetPassword: (user) => post("/site/people/reset_password", { user }),
  disable: (user, disabled) => post("/site/people/disable", { user, disabled }),
  appoint: (user, teacher) => post("/site/people/teacher", { user, teacher }),
  rename: (user, names) => post("/site/people/rename", { user, ...names }),
  remove: (user) => post("/site/people/delete", { user }),
  checkRoster: (content) => post("/site/roster/check", { content }, { timeout: 60_000 }),
  /** known: how many of its people had accounts when it was checked. */
  importRoster: (content, passwords, known) => post("/site/roster/import", { content, passwords, known }, { timeout: 60_000 }),
  rosterStatus: (id) => get("/site/roster/status", { id }),
  join: (code) => post("/room/join", { code }),
  roomOfCode: (code) => get("/room/by_code", { code }),
  roomCode: (roomname) => get("/room/code", { roomname }),
  newRoomCode: (roomname) => post("/room/code", { roomname }),
  noRoomCode: (roomname) => post("/room/code", { roomname, off: true }),
  memberCount: async (roomname) => {
    const room = await api.findRoom((found) => found.roomname === roomname, { q: roomname, detail: 0 });
    return room?.membercount ?? 0;
  },
  qr: (texts) => post("/site/qr", { texts }),
  addresses: () => get("/site/addresses"),
  changePassword: (password, fresh) => post("/user/password", { password, new_password: fresh }),
};
