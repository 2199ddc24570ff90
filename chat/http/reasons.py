"""The reasons of refusals in Chinese, by their English text. Names of headers and of HTTP statuses stay as they are."""

_CHINESE = {
    # of bodies
    "broken off, or badly chunked": "内容中断，或分块有误",
    "it is not complete": "内容不完整",
    "multipart": "不接受 multipart",
    "no multipart/form-data with a boundary": "不是带 boundary 的 multipart/form-data",
    "no object": "不是 JSON 对象",
    "no whole form": "表单不完整",
    "not JSON": "不是 JSON",
    "not UTF-8": "不是 UTF-8",
    "NUL or lone surrogate": "含有 NUL 或单独的代理字符",
    "too many values": "值过多",
    # of handshakes
    "no WebSocket here": "该地址不是 WebSocket",
    "not GET by HTTP/1.1": "不是 HTTP/1.1 的 GET",
    # of HTTP requests
    "Bad Request": "请求有误",
    "chunk": "分块有误",
    "header": "请求头有误",
    "the request line and headers may have 40 KiB together, 256 headers, and 8 KiB of Authorization": (
        "请求行与请求头合计最多 40 KiB、256 行，Authorization 最多 8 KiB"
    ),
    "HTTP/1.1 is spoken here": "此处使用 HTTP/1.1",
    "line ends": "行结束符有误",
    "method": "请求方法有误",
    "one valid Host header is needed": "需要一个有效的 Host 请求头",
    "request line": "请求行有误",
    "the request did not come whole in time": "请求未在规定时间内到齐",
    "the request ends before it is whole": "请求不完整",
    "this is not HTTP, which is spoken here, without TLS": "此处使用不加密的 HTTP，而这不是 HTTP",
    "trailer": "尾部字段有误",
}


def in_chinese(reason: str) -> str:
    """Return a reason in Chinese, also behind an HTTP status; as it is if it has only names."""
    status, colon, text = reason.rpartition(": ")
    return f"{status}{colon}{_CHINESE.get(text, text)}"
