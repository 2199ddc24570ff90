import pytest

from chat.services.files import clean_filename


@pytest.mark.parametrize(
    ("given", "cleaned"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\照片.png", "照片.png"),
        ("a\r\nb\t\0.txt", "ab.txt"),
        ("\u202egnp.exe", "gnp.exe"),
        ("..", "file"),
        ("dir/", "file"),
        ("می\u200cخواهم.txt", "می\u200cخواهم.txt"),
        ("क्\u200dष.png", "क्\u200dष.png"),
        ("👨\u200d👩\u200d👧.jpg", "👨\u200d👩\u200d👧.jpg"),
        ("🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f.png",) * 2,
        ("\u200d\u200c", "file"),
        ("a\u200bb\u00ad.txt", "ab.txt"),
        (" . ", "file"),
        ("x" * 300 + ".pdf", "x" * 196 + ".pdf"),
        ("." + "x" * 300, "." + "x" * 199),
    ],
)
def test_filenames_are_cleaned(given: str, cleaned: str) -> None:
    assert clean_filename(given) == cleaned
