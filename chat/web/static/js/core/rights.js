// Who has an owner’s or admin’s rights in a room.

/** Whether a teacher acts as the owner there: in all rooms but private ones. */
export const isOpenRoom = (room) => room.isLocked || (room.type !== "private" && room.name !== `#${room.id}`);

/** Whether me keeps order in the room, and may see and change its join code. */
export const mayGiveCode = (room, me) => ["owner", "admin"].includes(room.role) || Boolean(me?.isTeacher && isOpenRoom(room));
