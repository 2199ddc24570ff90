"""Stacked bars as an SVG that can be read on a light page and on a dark one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

PARTS = ("server", "PostgreSQL", "Redis", "nginx")
_COLOURS = ("#4c8dd6", "#e08a2e", "#d9544d", "#3fa796")
_SHORT = {"SQLite": "S", "PostgreSQL": "P", "PostgreSQL + Redis": "P+R"}
_WIDTH, _PANEL, _TOP, _LEFT, _BOTTOM = 820, 250, 56, 56, 58
_BAR, _GAP = 26, 6  # px; the gap is between bars of one group
_STYLE = """text { font: 12px system-ui, sans-serif; fill: #1f2328 } .small { font-size: 10px }
.title { font-weight: 600; font-size: 14px } line { stroke: #8b949e; stroke-width: .5 }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } }"""


@dataclass(frozen=True)
class Bar:
    scenario: str
    path: str
    workers: int
    database: str
    parts: Mapping[str, float]  # seconds of CPU per 10,000 deliveries

    @property
    def total(self) -> float:
        return sum(self.parts.values())


def draw(bars: Sequence[Bar]) -> str:
    """One panel for each scenario, bars in the order given."""
    scenarios = list(dict.fromkeys(bar.scenario for bar in bars))
    height = height_of(len(scenarios))
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" role="img">',
        "<title>CPU seconds per 10,000 deliveries</title>",
        f"<style>{_STYLE}</style>",
        *_legend(),
    ]
    for number, scenario in enumerate(scenarios):
        lines += _panel(scenario, [bar for bar in bars if bar.scenario == scenario], _TOP + number * (_PANEL + _BOTTOM))
    return "\n".join([*lines, "</svg>"]) + "\n"


def height_of(panels: int) -> int:
    """The picture's height in px."""
    return _TOP + panels * (_PANEL + _BOTTOM)


def _legend() -> list[str]:
    lines, x = [_text(_LEFT, 18, "CPU seconds per 10,000 deliveries", kind="title")], _LEFT
    for part, colour in zip(PARTS, _COLOURS, strict=True):
        lines.append(_box(x, 28, 12, 12, colour))
        lines.append(_text(x + 18, 38, part))
        x += 110
    lines.append(_text(x + 10, 38, "S: SQLite   P: PostgreSQL   P+R: with Redis", kind="small"))
    return lines


def _panel(scenario: str, bars: Sequence[Bar], top: float) -> list[str]:
    highest = _round_up(max(bar.total for bar in bars))
    floor, scale = top + _PANEL, (_PANEL - 24) / highest
    lines = [_text(8, top + 12, scenario, kind="title")]
    for step in range(5):
        y = floor - step / 4 * highest * scale
        lines.append(f'<line x1="{_LEFT}" x2="{_WIDTH - 8}" y1="{y:.1f}" y2="{y:.1f}"/>')
        lines.append(_text(_LEFT - 6, y + 4, f"{step / 4 * highest:.2f}", anchor="end", kind="small"))
    groups = list(dict.fromkeys((bar.path, bar.workers) for bar in bars))
    room = (_WIDTH - _LEFT - 8) / len(groups)
    for number, (path, workers) in enumerate(groups):
        mine = [bar for bar in bars if (bar.path, bar.workers) == (path, workers)]
        left = _LEFT + number * room + (room - len(mine) * (_BAR + _GAP)) / 2
        for place, bar in enumerate(mine):
            lines += _stack(bar, left + place * (_BAR + _GAP), floor, scale)
        middle = _LEFT + (number + 0.5) * room
        label = f"{path}, {workers} worker{'s' if workers > 1 else ''}"
        lines.append(_text(middle, floor + 30, label, anchor="middle"))
    return lines


def _stack(bar: Bar, x: float, floor: float, scale: float) -> list[str]:
    lines, y = [], floor
    for part, colour in zip(PARTS, _COLOURS, strict=True):
        height = bar.parts.get(part, 0.0) * scale
        y -= height
        if height:
            lines.append(_box(x, y, _BAR, height, colour))
    middle = x + _BAR / 2
    lines.append(_text(middle, y - 4, f"{bar.total:.2f}", anchor="middle", kind="small"))
    lines.append(_text(middle, floor + 13, _SHORT.get(bar.database, bar.database), anchor="middle", kind="small"))
    return lines


def _round_up(value: float) -> float:
    """To the next number of one digit and its half: what axes end at."""
    step = 10.0 ** len(str(int(value))) / 20 if value >= 1 else 0.1
    return step * (int(value / step) + 1)


def _box(x: float, y: float, width: float, height: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}"/>'


def _text(x: float, y: float, text: str, *, anchor: str = "start", kind: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{kind}">{escape(text)}</text>'
