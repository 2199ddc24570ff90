// The page's text for each error code of the server: [English, Chinese]. Braces contain numbers from the error's data.
// Codes without an entry get the text of "error.unknown".

export const ERROR_WORDS = {
  "error.RATE_LIMITED": ["That was too often. Try again in {retry_after} s.", "操作过于频繁，请 {retry_after} 秒后再试。"],
  "error.NOT_SIGNED_IN": ["You are not logged in. Log in and try again.", "你还没有登录，请登录后重试。"],
  "error.CREDENTIALS_WRONG": [
    "Wrong username or password. Check both and try again.",
    "用户名或密码错误，请检查后重试。",
  ],
  "error.USERNAME_TAKEN": [
    "Someone has this username already. Choose another one; if it is yours, log in.",
    "该用户名已被使用。请换一个；如果是你的，请直接登录。",
  ],
  "error.USERNAME_INVALID": [
    "This name cannot be used. Take 1 to 32 letters, digits or other visible characters, no accent on its own at the start.",
    "该用户名不可用。请使用 1 到 32 个可见字符，不以组合符号开头。",
  ],
  "error.PASSWORD_INVALID": ["A password has {min} to {max} characters.", "密码长度为 {min} 到 {max} 个字符。"],
  "error.USER_NOT_FOUND": ["There is no such user any more.", "该用户已不存在。"],
  "error.ROOM_NOT_FOUND": [
    "There is no such room, or you are not in it. Look for it under “Find rooms”.",
    "没有这个聊天室，或者你不在其中。请在“查找聊天室”中查找。",
  ],
  "error.ROOM_NAME_TAKEN": [
    "There is a room of this name already. Join it, or choose another name.",
    "已有同名聊天室。请加入该聊天室，或换一个名称。",
  ],
  "error.ROOM_NAME_INVALID": [
    "This name cannot be used. Take 1 to 60 visible characters, no accent on its own at the start.",
    "该名称不可用。请使用 1 到 60 个可见字符，不以组合符号开头。",
  ],
  "error.ROOM_NAME_RESERVED": [
    "This name cannot be used: it means something else here. Choose another one.",
    "该名称有特殊含义，不能使用。请换一个。",
  ],
  "error.ROOM_PASSWD_NEEDED": ["Give the room a password.", "请为聊天室设置密码。"],
  "error.ROOM_PASSWD_WRONG": [
    "That is not the room’s password. Ask someone who is in the room.",
    "聊天室密码错误。请向其中的成员询问。",
  ],
  "error.ROOMS_OWNED": [
    "You have {limit} rooms of your own, and cannot have more. Delete one that is not needed.",
    "你已拥有 {limit} 个聊天室，不能再创建。请先删除不需要的。",
  ],
  "error.FORBIDDEN": ["You may not do this here. Ask the person who made the room.", "你没有此权限。请联系聊天室的创建者。"],
  "error.NOT_FRIENDS": [
    "You two are not friends any more, so you cannot write to each other.",
    "你们已不是好友，不能互发消息。",
  ],
  "error.MESSAGE_NOT_FOUND": ["This message is not there any more.", "这条消息已不存在。"],
  "error.REPLY_NOT_FOUND": [
    "The message that you answer is not there any more. Send yours without it.",
    "你所回复的消息已不存在，请直接发送。",
  ],
  "error.NOT_SENDER": ["Only the person who wrote a message can edit it.", "只有发送者可以编辑消息。"],
  "error.NOT_A_TEXT": ["Only texts can be edited.", "只有文字消息可以编辑。"],
  "error.EDIT_TOO_LATE": [
    "A message can be edited for {minutes} minutes. Write another one, or delete this one.",
    "消息只能在发送后 {minutes} 分钟内编辑。请另发一条，或删除这一条。",
  ],
  "error.EDIT_CROSSED": [
    "This message was edited elsewhere meanwhile. Close it and edit it again.",
    "该消息已在别处被编辑。请关闭后重新编辑。",
  ],
  "error.REACTION_INVALID": ["A reaction is one emoji.", "回应必须是一个表情符号。"],
  "error.REACTIONS_TOO_MANY": [
    "This message has {limit} kinds of reactions. Use one of these.",
    "该消息已有 {limit} 种回应，请使用其中之一。",
  ],
  "error.FILE_EMPTY": ["This file is empty.", "这个文件是空的。"],
  "error.EQUATION_INVALID": ["This is no equation in LaTeX.", "这不是有效的 LaTeX 公式。"],
  "error.MESSAGE_EMPTY": ["There is nothing to send. Write something first.", "没有内容可发送。请先输入。"],
  "error.MESSAGE_TOO_LONG": [
    "The message is too long: at most {limit} characters go at once.",
    "消息过长：一次最多 {limit} 个字符。",
  ],
  "error.TEACHERS_NAME": ["This name looks like a teacher's. Choose another one.", "该名称与老师的名称相似，请换一个。"],
  "error.LOOKS_LIKE_OTHER": [
    "The name of {username} looks the same: rename one of the two first.",
    "{username} 的名称看起来相同：请先为其中一人改名。",
  ],
  "error.NAMES_FIXED": ["Only teachers change names here. Ask your teacher.", "此处只有老师可以修改名称，请联系老师。"],
  "error.NICKNAME_TAKEN": ["Someone else has this name already. Choose another one.", "该名称已被他人使用，请换一个。"],
  "error.IMAGE_INVALID": [
    "This picture cannot be shown. Send a PNG, JPEG, GIF or WebP of at most 40 megapixels.",
    "无法显示这张图片。请发送 PNG、JPEG、GIF 或 WebP，最多 4000 万像素。",
  ],
  "error.IMAGE_TOO_LARGE": ["The picture is too large to be sent.", "图片过大，无法发送。"],
  "error.FILE_NOT_FOUND": ["This file is gone.", "该文件已不存在。"],
  "error.FILE_TOO_LARGE": ["The file is too large to be sent.", "文件过大，无法发送。"],
  "error.BODY_TOO_LARGE": ["That is too large to be sent.", "内容太大，无法发送。"],
  "error.QUOTA_USED": [
    "You have sent as many pictures and files as one may in a day. Texts still go.",
    "你今天发送的图片和文件已达上限。文字消息仍可发送。",
  ],
  "error.STORAGE_FULL": [
    "The server has no space left for pictures and files. Tell your teacher; texts still go.",
    "服务器没有空间存储图片和文件。请告诉老师；文字消息仍可发送。",
  ],
  "error.UNAVAILABLE": [
    "The server is busy, and nothing was saved. Try again in a moment.",
    "服务器繁忙，未保存任何内容。请稍后重试。",
  ],
  "error.ORIGIN_FOREIGN": [
    "The server does not accept this from the page’s address. Open the chat by the address that your teacher gave you.",
    "服务器不接受来自此网址的操作。请用老师给的网址打开聊天。",
  ],
  "error.network": [
    "The server cannot be reached: check the connection and try again.",
    "无法连接服务器：请检查网络后重试。",
  ],
  "error.answer": [
    "The server gave an answer that we do not understand ({status}): try again.",
    "服务器返回了无法理解的内容({status})：请重试。",
  ],
  "error.FIELD_INVALID": [
    "One of the entries is too long or not possible here. Check what you typed.",
    "有一项内容过长或不符合要求。请检查所填内容。",
  ],
  "error.unknown": [
    "This did not work. Try again; if it happens again, tell your teacher this word: {code}",
    "操作没有成功。请重试；如果再次出现，请把这个代码告诉老师：{code}",
  ],
};
