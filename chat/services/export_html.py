"""The page of an export: opens without a network and without scripts, and looks like the browser page."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, tzinfo
from html import escape
from urllib.parse import quote

from chat.clock import to_datetime
from chat.models import MessageType, StoredMessage

_CODE = re.compile(r"^```[^\n`]*\n(.*?)\n?^```[ \t]*$\n?", re.MULTILINE | re.DOTALL)
_STYLE = """
:root{color-scheme:light dark;--ground:#f6f4ee;--text:#23261f;--soft:#5d6055;--line:#ddd8ca;--theirs:#fff;
--accent:#1c6b53;--code:#efece3}
@media(prefers-color-scheme:dark){:root{--ground:#131916;--text:#e4e8e2;--soft:#a3aca4;--line:#2f3b35;--theirs:#202a25;
--accent:#7cc9a8;--code:#161d19}}
body{margin:0;background:var(--ground);color:var(--text);font:1rem/1.45 system-ui,sans-serif}
main,header{max-width:46rem;margin:0 auto;padding:1rem}
h1{font-size:1.4rem;margin:0 0 .2rem;overflow-wrap:anywhere}
h1,article,.text{overflow:clip}
h2{font-size:.9rem;font-weight:600;text-align:center;color:var(--soft);margin:1.5rem 0 .5rem}
header p,time,.note{color:var(--soft);font-size:.85rem;margin:0}
article{background:var(--theirs);border:1px solid var(--line);border-radius:.75rem;padding:.5rem .75rem;margin:.5rem 0;
width:fit-content;max-width:100%;box-sizing:border-box;overflow-wrap:anywhere}
article:target{outline:2px solid var(--accent)}
article b{display:inline-block;max-width:100%;overflow:clip;vertical-align:bottom;margin-right:.5rem;
color:var(--accent)}
.text{white-space:pre-wrap;padding:.15rem 0}
pre{background:var(--code);padding:.5rem;border-radius:.4rem;margin:.3rem 0;overflow-x:auto}
img{display:block;max-width:100%;max-height:30rem;border-radius:.5rem}
.reply{display:block;text-decoration:none;border-left:3px solid var(--accent);
padding-left:.5rem;color:var(--soft);font-size:.85rem}
a{color:var(--accent)}
""".strip()


@dataclass(frozen=True, slots=True)
class Item:
    """A message, and the path of its picture or file in the export."""

    message: StoredMessage
    path: str | None


@dataclass(frozen=True, slots=True)
class Words:
    """The page's own words."""

    language: str = "en"
    exported: str = "Exported"
    edited: str = "edited"
    reply: str = "Reply to an earlier message"
    picture: str = "Picture"


CHINESE = Words("zh", "导出时间", "已编辑", "回复较早的消息", "图片")


class HtmlPage:
    def __init__(self, room: str, zone: tzinfo | None, words: Words, now: int) -> None:
        """zone: of the times shown. now: µs."""
        self._room = room
        self._zone = zone
        self._words = words
        self._now = now
        self._day: date | None = None

    def parts(self, batches: Iterable[Sequence[Item]]) -> Iterator[bytes]:
        """Yield the page."""
        name, words = escape(self._room), self._words
        exported = f"{words.exported}: {to_datetime(self._now, self._zone):%Y-%m-%d %H:%M}"
        yield (
            f'<!DOCTYPE html>\n<html lang="{words.language}"><head><meta charset="utf-8">'
            "<meta http-equiv=\"Content-Security-Policy\" content=\"script-src 'none'; object-src 'none';"
            " base-uri 'none'; form-action 'none'\">"
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{name}</title><style>{_STYLE}</style></head>\n"
            f"<body><header><h1><bdi>{name}</bdi></h1><p>{exported}</p></header>\n<main>\n"
        ).encode()
        for batch in batches:
            yield "".join(map(self._item, batch)).encode()
        yield b"</main></body></html>\n"

    def _item(self, item: Item) -> str:
        message = item.message
        moment = to_datetime(message.time, self._zone)
        day = "" if moment.date() == self._day else f"<h2>{moment:%Y-%m-%d}</h2>\n"
        self._day = moment.date()
        name = f"<bdi>{escape(message.nickname)}</bdi>"
        if message.nickname != message.username:
            name += f' <span class="note"><bdi>{escape(message.username)}</bdi></span>'
        edited = f' <span class="note">({self._words.edited})</span>' if message.edited_at else ""
        reply = ""
        if message.reply_to_id is not None:
            reply = f'<a class="reply" href="#m{message.reply_to_id}">{self._words.reply}</a>'
        return (
            f'{day}<article id="m{message.id}"><b>{name}</b><time datetime="{moment.isoformat()}">{moment:%H:%M}</time>'
            f"{edited}{reply}{self._content(item)}{_reactions(message)}</article>\n"
        )

    def _content(self, item: Item) -> str:
        if item.path is None:
            return f'<div class="text" dir="auto">{_formatted(item.message.content)}</div>'
        address = escape(quote(item.path))
        if item.message.type is MessageType.IMAGE:
            return f'<a href="{address}"><img src="{address}" alt="{self._words.picture}" loading="lazy"></a>'
        return f'<div><a href="{address}" download><bdi>{escape(item.message.filename)}</bdi></a></div>'


def _formatted(text: str) -> str:
    """Return the text escaped, with fenced code as such."""
    shown, end = [], 0
    for found in _CODE.finditer(text):
        shown += [escape(text[end : found.start()]), f"<pre><code>{escape(found[1])}</code></pre>"]
        end = found.end()
    return "".join([*shown, escape(text[end:])])


def _reactions(message: StoredMessage) -> str:
    if not message.reactions:
        return ""
    shown = " ".join(f"{escape(emoji)} {len(users)}" for emoji, users in message.reactions)
    return f'<p class="note">{shown}</p>'
