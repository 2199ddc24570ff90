// Requests for keeping order in a room. Every failure is an ApiError.

import { get, post } from "./api.js";

export const orderApi = {
  settings: (roomname) => get("/room/settings", { roomname }),
  /** changes by name; version: that of the settings that were shown. */
  change: (roomname, version, changes) => post("/room/settings", { roomname, version, ...changes }),
  archived: (after) => get("/room/find", { detail: 1, archived: 1, limit: 100, after }),
  mute: (roomname, user, minutes) => post("/room/mute", { roomname, user, minutes }),
  remove: (roomname, user) => post("/room/remove", { roomname, user }),
  bar: (roomname, user, barred) => post("/room/bar", { roomname, user, barred }),
  barred: (roomname) => get("/room/barred", { roomname }),
  deleteRecent: (roomname, user, minutes) => post("/room/delete_recent", { roomname, user, minutes }, { timeout: 60_000 }),
  audit: (roomname, after) => get("/room/audit", { roomname, after, limit: 30 }),
  pin: (roomname, id, on) => post("/chat/pin", { roomname, id, on }),
  pins: (roomname) => get("/chat/pins", { roomname }),
};
