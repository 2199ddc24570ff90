// Texts about searching and exporting: [English, Chinese], as in strings.js.

export const SEARCH_STRINGS = {
  "search.open": ["Search messages", "搜索消息"],
  "search.title": ["Search messages", "搜索消息"],
  "search.what": ["Words to find", "要查找的内容"],
  "search.hint": ['All words must be there. Put "a phrase" in quotes.', '须包含所有词；完整短语请加英文引号，如 "期末 考试"。'],
  "search.where": ["Where", "范围"],
  "search.all": ["All my rooms", "我的所有聊天室"],
  "search.submit": ["Search", "搜索"],
  "search.working": ["Searching…", "正在搜索…"],
  "error.FIELD_INVALID./chat/search": [
    "Search for one or more words, with at most 100 characters in all.",
    "请输入要查找的词，总共最多 100 个字符。",
  ],
  "search.none": ["No message found.", "没有找到消息。"],
  "search.found": ["{count} messages, newest first", "{count} 条消息，由新到旧"],
  "search.found.one": ["1 message", "1 条消息"],
  "search.more": ["Search older messages", "继续搜索更早的消息"],
  "search.back": ["Back to the results", "返回搜索结果"],
  "search.place": ["Messages around the one found", "该消息前后的消息"],
  "search.older": ["Earlier messages", "更早的消息"],
  "search.newer": ["Later messages", "更晚的消息"],
  "search.room": ["Open the room", "打开聊天室"],
  "site.keep": ["Keep messages for (days)", "消息保留天数"],
  "site.keep.title": ["Remove older messages?", "删除更早的消息？"],
  "site.keep.text": [
    "Messages, pictures and files older than {days} days are removed for good, in all rooms. They cannot be brought back.",
    "所有聊天室中早于 {days} 天的消息、图片和文件都会被彻底删除，无法恢复。",
  ],
  "site.keep.hint": ["0: for ever. Older messages, pictures and files are removed for good.", "0 表示一直保留。更早的消息、图片和文件会被彻底删除。"],
  "export.button": ["Download everything (ZIP)", "下载全部内容（ZIP）"],
};
