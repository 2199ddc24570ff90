"""The problems of a roster, as sentences for people."""

from chat.http.error_messages import fill
from chat.services.roster_parsing import Complaint, Problem

WORDS: dict[Problem, tuple[str, str]] = {
    Problem.SPREADSHEET: (
        "This is a spreadsheet: open it in its program, and save it as CSV (UTF-8).",
        "这是电子表格文件：请在表格软件中打开，并另存为 CSV（UTF-8）。",
    ),
    Problem.ENCODING: (
        "This file is no text, or its encoding is not known: save it as CSV in UTF-8.",
        "此文件不是文本，或编码无法识别：请保存为 UTF-8 编码的 CSV。",
    ),
    Problem.NO_HEADER: (
        "The first line must name the columns: username, and as you like name, password, rooms.",
        "第一行必须是列名：用户名，以及可选的 姓名、密码、房间。",
    ),
    Problem.NO_PEOPLE: ("There is nobody in this file: add a line for each person.", "文件中没有人：请每人一行。"),
    Problem.TOO_LARGE: ("The file is too large: at most {limit} bytes.", "文件过大：最多 {limit} 字节。"),
    Problem.TOO_MANY: (
        "These are too many people at once: at most {limit} lines. Import the rest from another file.",
        "人数过多：一次最多 {limit} 行。其余的请用另一个文件导入。",
    ),
    Problem.BROKEN: (
        "The file is no CSV from here on: look for a quotation mark too many or missing, or a cell that is too long.",
        "文件从此行起不是有效的 CSV：请检查多余或缺少的引号，以及过长的单元格。",
    ),
    Problem.USERNAME: (
        "This cannot be a username: take 1 to 32 visible characters, no control characters, no accent on its own at "
        "the start.",
        "用户名不符合要求：1 到 32 个可见字符，不含控制字符，不以组合符号开头。",
    ),
    Problem.USERNAME_MISSING: ("The username is missing.", "缺少用户名。"),
    Problem.NAME: (
        "This cannot be a name: take 1 to 32 visible characters, no control characters, no accent on its own at the "
        "start.",
        "姓名不符合要求：1 到 32 个可见字符，不含控制字符，不以组合符号开头。",
    ),
    Problem.PASSWORD: ("The password must have {min} to {max} characters.", "密码应为 {min} 到 {max} 个字符。"),
    Problem.ROOM: (
        "This cannot be a room's name: {room}. Take 1 to 60 visible characters, no control characters, no accent on "
        "its own at the start, no # with digits at the end.",
        "不能用作聊天室名称：{room}。1 到 60 个可见字符，不含控制字符，不以组合符号开头，不以 # 加数字结尾。",
    ),
    Problem.ROOMS: ("These are too many rooms: at most {limit} a person.", "聊天室过多：每人最多 {limit} 个。"),
    Problem.FORMULA: (
        "{text} begins like a formula: names must not begin with = + - or @",
        "{text} 像公式：名称不能以 = + - @ 开头",
    ),
    Problem.NO_COLUMN: (
        "{text} belongs to no column of the first line: put quotation marks around a cell that contains the separator.",
        "{text} 不属于第一行中的任何一列：如果单元格中含有分隔符，请给它加上引号。",
    ),
    Problem.TWICE: ("{username} is in line {other} already.", "{username} 已在第 {other} 行出现。"),
    Problem.TAKEN: (
        "The username {username} belongs to another account: choose another one.",
        "用户名 {username} 属于其他账号：请换一个。",
    ),
    Problem.NAME_TAKEN: (
        "The name {name} is the username of somebody else: choose another one.",
        "姓名 {name} 是其他人的用户名：请换一个。",
    ),
    Problem.TEACHER: ("{username} is a teacher: leave this line out.", "{username} 是老师：请删去此行。"),
    Problem.LIKE_TEACHER: (
        "{name} looks like a teacher's name: choose another one.",
        "{name} 与老师的名称相似：请换一个。",
    ),
    Problem.PRIVATE_ROOM: (
        "{room} is the name of a private room: choose another one.",
        "{room} 是私密聊天室的名称：请换一个。",
    ),
}


def worded(complaint: Complaint, *, chinese: bool) -> str:
    """Return the sentence that says how to correct it."""
    return fill(WORDS[complaint.problem][1 if chinese else 0], complaint.data, chinese=chinese)
