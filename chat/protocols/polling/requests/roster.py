"""Requests: rosters."""

from marshmallow import fields, validate

from chat.http.api_spec import about
from chat.http.fields import In, WholeNumber, switch

_EXAMPLE = "dXNlcm5hbWUsbmFtZSxwYXNzd29yZCxyb29tcwpraW0sS2ltIExlZSwscGh5c2ljcwo="


class RosterFile(In):
    content = fields.String(
        required=True,
        metadata=about(
            "the file in Base64: CSV in UTF-8, GBK or UTF-16, with commas, semicolons or tabs; the first line names "
            "the columns username/用户名, name/姓名, password/密码, rooms/房间 (separated by ;)",
            "Base64 编码的文件：UTF-8、GBK 或 UTF-16 的 CSV，以逗号、分号或制表符分隔；第一行为列名 "
            "username/用户名、name/姓名、password/密码、rooms/房间（以 ; 分隔）",
            examples=[_EXAMPLE],
        ),
    )


class Import(RosterFile):
    passwords = switch(
        about(
            "true: accounts that exist get the file's passwords too, or new ones",
            "true：已有账号也使用文件中的密码或新密码",
        ),
        load_default=False,
    )
    known = WholeNumber(
        "how many of the people had accounts when the file was checked: refused if that has changed since",
        "检查名单时已有账号的人数；此后如有变化则拒绝导入",
        load_default=None,
    )


class ImportQuery(In):
    id = fields.String(
        required=True,
        validate=validate.Length(max=64),
        metadata=about("as the import's answer has it", "导入请求返回的 id", examples=["kT3…"]),
    )
