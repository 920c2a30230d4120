"""Workbooks that are made to exhaust or to mislead whoever opens them: what each does to a good one."""

from __future__ import annotations

import io
import re
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
SHEET, STRINGS, STYLES = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/styles.xml"
BOOK, BOOK_RELS, ROOT_RELS, TYPES = (
    "xl/workbook.xml",
    "xl/_rels/workbook.xml.rels",
    "_rels/.rels",
    "[Content_Types].xml",
)

Parts = dict[str, bytes]
Change = Callable[[Parts], None]

LAUGHS = (
    '<!DOCTYPE a [<!ENTITY l0 "lol">'
    + "".join(f'<!ENTITY l{at} "{f"&l{at - 1};" * 10}">' for at in range(1, 10))
    + "]>"
)
OUTSIDE = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
PARAMETER = '<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd">'


def parts_of(path: Path) -> Parts:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(path: Path, parts: Parts) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def with_shared_strings(parts: Parts) -> None:
    """The sheet's texts stand in the list of shared ones, as Excel writes them."""
    texts: list[bytes] = []

    def share(match: re.Match[bytes]) -> bytes:
        texts.append(match[1])
        return b't="s"><v>%d</v>' % (len(texts) - 1)

    parts[SHEET] = re.sub(rb't="inlineStr"><is><t>([^<]*)</t></is>', share, parts[SHEET])
    shared = b"".join(b"<si><t>%s</t></si>" % text for text in texts)
    parts[STRINGS] = b'<sst xmlns="%s">%s</sst>' % (MAIN.encode(), shared)
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    replaced(TYPES, "</Types>", f'<Override PartName="/{STRINGS}" ContentType="{kind}"/></Types>')(parts)
    relation = f'<Relationship Id="strings" Type="{RELS}/sharedStrings" Target="sharedStrings.xml"/></Relationships>'
    replaced(BOOK_RELS, "</Relationships>", relation)(parts)


# --- changes of parts -------------------------------------------------------------------------------------------------


def without(part: str) -> Change:
    """`part` is missing, though other parts name it."""
    return lambda parts: parts.pop(part)


def replaced(part: str, old: str, new: str) -> Change:
    def change(parts: Parts) -> None:
        assert old.encode() in parts[part], f"{part} lacks {old}"
        parts[part] = parts[part].replace(old.encode(), new.encode(), 1)

    return change


def with_doctype(part: str, doctype: str) -> Change:
    """`doctype` stands before the root of `part`."""

    def change(parts: Parts) -> None:
        declaration = re.match(rb"\s*<\?xml[^>]*\?>", parts[part])
        at = declaration.end() if declaration else 0
        parts[part] = parts[part][:at] + doctype.encode() + parts[part][at:]

    return change


def blown_up(part: str, megabytes: int) -> Change:
    """`part` holds so many megabytes of one letter."""

    def change(parts: Parts) -> None:
        end = parts[part].rindex(b"</")
        parts[part] = parts[part][:end] + b"<x>" + b"a" * (megabytes << 20) + b"</x>" + parts[part][end:]

    return change


def more_rows(text: str) -> Change:
    """`text` stands behind the last row of the sheet."""
    return replaced(SHEET, "</sheetData>", text + "</sheetData>")


def after_rows(text: str) -> Change:
    """`text` stands behind the sheet's rows, where merged ranges and links are."""
    return replaced(SHEET, "</sheetData>", "</sheetData>" + text)


def another_sheet(text: str, *, times: int = 1, part: str = "worksheets/other.xml") -> Change:
    """The workbook has `times` more sheets, all of them one part, which holds `text`."""

    def change(parts: Parts) -> None:
        parts[f"xl/{part}"] = f'<worksheet xmlns="{MAIN}">{text}</worksheet>'.encode()
        kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"
        replaced(TYPES, "</Types>", f'<Override PartName="/xl/{part}" ContentType="{kind}"/></Types>')(parts)
        relations = "".join(
            f'<Relationship Id="more{at}" Type="{RELS}/worksheet" Target="{part}"/>' for at in range(times)
        )
        replaced(BOOK_RELS, "</Relationships>", relations + "</Relationships>")(parts)
        sheets = "".join(
            f'<sheet xmlns:r="{RELS}" name="more {at}" sheetId="{at + 9}" r:id="more{at}"/>' for at in range(times)
        )
        replaced(BOOK, "</sheets>", sheets + "</sheets>")(parts)

    return change


# --- changes of bytes -------------------------------------------------------------------------------------------------


def cut(share: float) -> Callable[[bytes], bytes]:
    """Only the first bytes are left, as after a download that broke off."""
    return lambda data: data[: int(len(data) * share)]


def claiming(part: str, size: int) -> Callable[[bytes], bytes]:
    """The directory says that `part` has `size` bytes."""

    def change(data: bytes) -> bytes:
        changed = bytearray(data)
        at = changed.rindex(part.encode()) - 46
        assert changed[at : at + 4] == b"PK\x01\x02"
        struct.pack_into("<L", changed, at + 24, size)
        return bytes(changed)

    return change


def flipped(part: str) -> Callable[[bytes], bytes]:
    """A bit in the middle of what `part` is packed into is another one."""

    def change(data: bytes) -> bytes:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            info = archive.getinfo(part)
        changed = bytearray(data)
        changed[info.header_offset + 30 + len(info.filename) + info.compress_size // 2] ^= 0x10
        return bytes(changed)

    return change


def twice(part: str) -> Callable[[bytes], bytes]:
    """`part` is in the file twice, with other content the second time."""

    def change(data: bytes) -> bytes:
        stream = io.BytesIO(data)
        with zipfile.ZipFile(stream, "a") as archive:
            archive.writestr(zipfile.ZipInfo(part), "<worksheet/>")
        return stream.getvalue()

    return change
