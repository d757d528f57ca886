"""The lines of golden histories: any record, there and back; and files all or nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from processors.core.golden import (
    COMMANDS_NAME,
    decode_line,
    encode_line,
    read_commands,
    write_lines,
)


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        (b"k", b'{"a": 1}', b'"key":"k","value":{"a": 1}}'),
        (None, b"5", b'"key":null,"value":5}'),
        ("käse".encode(), b'"\xc3\xa4"', '"key":"käse","value":"ä"}'.encode()),
        (b"", None, b'"key":"","value":null}'),
        (None, b"null", b'"key":null,"value":null,"value_base64":"bnVsbA=="}'),
        (None, b"", b'"key":null,"value":null,"value_base64":""}'),
        (None, b"{", b'"key":null,"value":null,"value_base64":"ew=="}'),
        (None, b"[1,\n2]", b'"key":null,"value":null,"value_base64":"WzEsCjJd"}'),
        (None, b" {}", b'"key":null,"value":null,"value_base64":"IHt9"}'),
        (None, b'"\xff"', b'"key":null,"value":null,"value_base64":"Iv8i"}'),
        (b"\xff", b"1", b'"key":null,"value":1,"key_base64":"/w=="}'),
    ],
)
def test_a_record_is_a_line(key: bytes | None, value: bytes | None, line: bytes) -> None:
    encoded = encode_line(3, 7, key, value)
    assert encoded == b'{"partition":3,"timestamp":7,' + line
    partition, record = decode_line(encoded)
    assert (partition, record.timestamp, record.key, record.value) == (3, 7, key, value)


@pytest.mark.parametrize(
    "line",
    [b"", b"{}", b'{"partition":0,"timestamp":1,"key":null,"value":1,"valu":2}', b"\xff",
     b'{"partition":0,"timestamp":1,"key":null,"value":null,"value_base64":"?"}'],
)  # fmt: skip
def test_what_is_no_line_is_told_by_its_number(tmp_path: Path, line: bytes) -> None:
    good = encode_line(0, 1, b"k", b"{}")
    write_lines(tmp_path / COMMANDS_NAME, [good, line, good])
    with pytest.raises(ValueError, match=r"commands\.jsonl:2: this is no command"):
        list(read_commands(tmp_path))


def test_what_fails_midway_leaves_the_old_file(tmp_path: Path) -> None:
    def fails() -> Iterator[bytes]:
        yield b"new"
        raise OSError("the disk is full")

    path = tmp_path / COMMANDS_NAME
    write_lines(path, [b"old"])
    with pytest.raises(OSError, match="the disk is full"):
        write_lines(path, fails())
    assert path.read_bytes() == b"old\n"
    assert list(tmp_path.iterdir()) == [path]
