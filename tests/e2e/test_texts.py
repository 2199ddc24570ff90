"""Texts as the page sets them: links, formatting, emoji. In the browser that runs them: one page, many cases."""

from tests.e2e.modules import run

LINKS = [
    ("请打开http://192.168.1.5:8000看看", ["http://192.168.1.5:8000"]),
    ("看https://example.com很好", ["https://example.com"]),
    ("https://example.com/a（见下）", ["https://example.com/a"]),
    ("https://en.example.org/wiki/Rome_(city).", ["https://en.example.org/wiki/Rome_(city)"]),
    ("(see https://en.example.org/wiki/Rome_(city))", ["https://en.example.org/wiki/Rome_(city)"]),
    ("“https://example.com/q”", ["https://example.com/q"]),
    ("„https://example.com/q“ «https://example.com/r»", ["https://example.com/q", "https://example.com/r"]),
    ("「https://example.com/q」、https://example.com/r。", ["https://example.com/q", "https://example.com/r"]),
    ("https://example.com/a，https://example.com/b！", ["https://example.com/a", "https://example.com/b"]),
    ("(https://a.example)(https://b.example)", ["https://a.example", "https://b.example"]),
    ("[here](https://example.com/x), **https://example.com/y**", ["https://example.com/x", "https://example.com/y"]),
    ("https://example.comです https://example.com에서", ["https://example.com", "https://example.com"]),
    ("ดูhttps://example.comครับ", ["https://example.com"]),
    ("https://ru.example.org/wiki/Москва, да", ["https://ru.example.org/wiki/Москва"]),
    ("http://例子.测试/a看", ["http://例子.测试/a"]),
    ("http://[::1]:8000/x]", ["http://[::1]:8000/x"]),
    ("https://example.com/?q=a&b=c#d…", ["https://example.com/?q=a&b=c#d"]),
    ("https://example.com/a\u202egnp.exe", ["https://example.com/a"]),
    ("https://example.com😀 https://example.com/a—b", ["https://example.com", "https://example.com/a"]),
    # symbols, marks and digits that would make another host of it
    ("https://example.com🇩🇪 https://example.com→b", ["https://example.com", "https://example.com"]),
    ("https://example.com★ https://example.com/a✓", ["https://example.com", "https://example.com/a"]),
    ("https://example.com① https://example.com€ https://example.com²", ["https://example.com"] * 3),
    ("https://example.com\u00adb https://example.com\u20e3", ["https://example.com"] * 2),
    ("https://example.com/a+b=c$d~e|f^g°", ["https://example.com/a+b=c$d~e|f^g"]),
    (
        "https://paral·lel.example/m² https://می‌خواهم.example/",
        ["https://paral·lel.example/m²", "https://می‌خواهم.example/"],
    ),
    ("https://example.com|https://example.org^2", ["https://example.com", "https://example.org"]),
    # so do signs of ASCII that no host has
    (
        "https://example.com,https://b.example;https://c.example",
        ["https://example.com", "https://b.example", "https://c.example"],
    ),
    ("https://example.com!a https://example.com(b) https://example.com=c", ["https://example.com"] * 3),
    ("https://example.com&d https://example.com\\e https://example.com*f*", ["https://example.com"] * 3),
    ("https://example.com's https://example.com+g $https://example.com$h", ["https://example.com"] * 3),
    (
        "https://kim:a!b@example.com/x https://example.com:80/ http://[::1]:8/y",
        ["https://kim:a!b@example.com/x", "https://example.com:80/", "http://[::1]:8/y"],
    ),
    (
        "https://example.com/Moore's_law, 'https://example.com/q', f('https://example.com/r')",
        ["https://example.com/Moore's_law", "https://example.com/q", "https://example.com/r"],
    ),
    ("href='https://example.com/s'>x 'https://example.com/t'+u", ["https://example.com/s", "https://example.com/t"]),
    ("https://example.com/a\ufffcb", ["https://example.com/a"]),
    ("https://example.com/a، https://example.com/b؟", ["https://example.com/a", "https://example.com/b"]),
    ("http:// https://) http://看看 javascript:alert(1) ftp://x.example", []),
]

# a text and its expected formatting, without attributes
FORMATS = [
    ("plain text\nof two lines", "plain text\nof two lines"),
    (
        "**bold**, *it*, _it_ and `a * b * c`",
        "<strong>bold</strong>, <em>it</em>, <em>it</em> and <code>a * b * c</code>",
    ),
    ("**bold with *it* and `code`**", "**bold with <em>it</em> and <code>code</code>**"),
    ("**_both_**", "<strong><em>both</em></strong>"),
    ("snake_case_name, 2*3*4, a ** b, * x *, f(*args, **kw)", "snake_case_name, 2*3*4, a ** b, * x *, f(*args, **kw)"),
    ("你好**重要**吗", "你好<strong>重要</strong>吗"),
    ("（**重要**）", "（<strong>重要</strong>）"),
    ("<b>no</b> & <img src=x>", "&lt;b&gt;no&lt;/b&gt; &amp; &lt;img src=x&gt;"),
    ("`<b>`", "<code>&lt;b&gt;</code>"),
    ("x\n```python\na = *b\n\n# <b>\n```\ny", "x<div><pre><code>a = *b\n\n# &lt;b&gt;</code></pre></div>y"),
    ("```\nnever closed", "```\nnever closed"),
    ("> one\n> *two*\nthree", "<blockquote>one\n<em>two</em></blockquote>three"),
    ("- a\n- **b**\n\nc", "<ul><li>a</li><li><strong>b</strong></li></ul>\nc"),
    ("3. c\n4. d", "<ol><li>c</li><li>d</li></ol>"),
    ("-5 degrees\n2.5 m\n>_<", "-5 degrees\n2.5 m<blockquote>_&lt;</blockquote>"),
    (
        "so $$x^2$$ and\n$$\n\\frac12\n$$\nend",
        "so <span><code>x^2</code></span> and<div><code>\\frac12</code></div>end",
    ),
    ("$$ $$ costs $$5 and $$$x$$ `$$y$$`", "$$ $$ costs <span><code>5 and</code></span>$x$$ <code>$$y$$</code>"),
    ("see *https://example.com/a_b_c*", "see <em><a>https://example.com/a_b_c</a></em>"),
]


def test_links_end_where_the_address_does(page):
    texts = [text for text, _ in LINKS]
    found = run(page, "linkify", "return cases.map((s) => m.addressesIn(s).map(([a, b]) => s.slice(a, b)))", texts)
    assert list(zip(texts, found, strict=True)) == LINKS


def test_a_link_keeps_all_of_the_text_and_its_own_direction(page):
    text = "a \u202ehttps://example.com/x (b)"
    body = "const p = document.createElement('p'); p.append(...m.formatted(cases));"
    body += "return [p.textContent, p.querySelector('a').dir, p.querySelector('a').rel]"
    assert run(page, "formatting", body, text) == [text, "ltr", "noopener noreferrer nofollow"]


def test_marks_set_a_text_and_all_else_stays_as_it_was_typed(page):
    texts = [text for text, _ in FORMATS]
    body = """return cases.map((text) => {
      const p = document.createElement('p'); p.append(...m.formatted(text));
      for (const button of p.querySelectorAll('button')) button.remove();
      for (const node of p.querySelectorAll('*')) {
        for (const { name } of [...node.attributes]) node.removeAttribute(name);
      }
      return p.innerHTML;
    })"""
    assert list(zip(texts, run(page, "formatting", body, texts), strict=True)) == FORMATS


def test_setting_a_text_takes_a_moment_whatever_it_is(page):
    texts = [
        (mark * 4000)[:4000] for mark in ("*", "_", "`", "*a", "_a ", "**a ", "`a\n", "> ", "1. x\n", "```\n", "> > ")
    ]
    body = "const from = performance.now(); cases.map(m.formatted); return performance.now() - from"
    assert run(page, "formatting", body, texts) < 2000


def test_finding_links_is_fast_in_any_text(page):
    texts = ["http://" * 570, "https://a" + ")" * 3990, "https://a" + "." * 3990, "https://a" + "(" * 3990]
    body = "const from = performance.now(); cases.map(m.addressesIn); return performance.now() - from"
    assert run(page, "linkify", body, texts) < 2000


# Repeated to 64 KiB. A message has 4,000 characters unless the server is set otherwise.
HOSTILE = [
    *("```\n", "```x\n", "$$", "$$\n", "$$x\n", "$$x$$ y\n", "$$ x $$\n", "*", "**", "**a ", "_a ", "*a_", "**_`", "`"),
    *("https://", "https:///", "http://%", "https://a.b/(", "https://a.", "http://\u4e2d-", "> ", "> > ", "- ", "1. "),
    *("`a", " ", "\n", "\U0001f600", "\u200d", "\u0301", "\u202e", "@a", "\U0001f1e9"),
]


def test_hostile_texts_are_set_in_time(page):
    """Linear: the slowest takes about 0.1 s where nothing else runs."""
    body = """return cases.map((part) => {
      const began = performance.now();
      for (const text of [part.repeat(65536 / part.length), 'https://a.b/' + part.repeat(65536 / part.length)]) {
        document.createElement('p').append(...m.formatted(text)); m.isOnlyEmoji(text);
      }
      return performance.now() - began;
    })"""
    taken = dict(zip(HOSTILE, run(page, "formatting", body, HOSTILE), strict=True))
    assert {part: ms for part, ms in taken.items() if ms > 10_000} == {}


def test_texts_of_emoji_only_are_large(page):
    large = ["🎉", "👍🏽 👩‍👩‍👧", "❤️", "🇩🇪🇨🇳"]
    others = ["🎉!", "7", "a", "好", "🎉" * 25, "😀\u200bx"]
    assert run(page, "formatting", "return cases.map(m.isOnlyEmoji)", large + others) == [True] * 4 + [False] * 6
