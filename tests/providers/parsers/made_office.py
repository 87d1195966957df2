"""Office documents, books and messages made on the spot, by the programs' own libraries."""

import io
import zipfile
from email.message import EmailMessage

import openpyxl
import pptx
from odf import draw, presentation, style, table, text
from odf.namespaces import PRESENTATIONNS
from odf.opendocument import (
    OpenDocumentPresentation,
    OpenDocumentSpreadsheet,
    OpenDocumentText,
)


def slides(*contents):
    """Return a PPTX file; each slide is its title, its points and its notes."""
    deck = pptx.Presentation()
    for title, points, notes in contents:
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = title
        slide.placeholders[1].text = "\n".join(points)
        if notes:
            slide.notes_slide.notes_text_frame.text = notes
    return saved(deck)


def workbook(**sheets):
    """Return an XLSX file of sheets, each a list of rows."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    return saved(book)


def odt(*pages):
    """Return an ODT file; a heading stands above the words of each page."""
    document = OpenDocumentText()
    turned = style.Style(name="Turned", family="paragraph")
    turned.addElement(style.ParagraphProperties(breakbefore="page"))
    document.automaticstyles.addElement(turned)
    for number, (heading, words) in enumerate(pages):
        looks = {"stylename": turned} if number else {}
        document.text.addElement(text.H(outlinelevel=1, text=heading, **looks))
        document.text.addElement(text.P(text=words))
    return saved(document)


def ods(**sheets):
    """Return an ODS file of sheets, each a list of rows."""
    document = OpenDocumentSpreadsheet()
    for name, rows in sheets.items():
        document.spreadsheet.addElement(_odf_table(name, rows))
    return saved(document)


def odp(*contents):
    """Return an ODP file; each slide is its title, its words and its notes."""
    document = OpenDocumentPresentation()
    layout = style.PageLayout(name="layout")
    document.automaticstyles.addElement(layout)
    master = style.MasterPage(name="master", pagelayoutname=layout)
    document.masterstyles.addElement(master)
    for number, (title, words, notes) in enumerate(contents):
        page = draw.Page(name=f"slide{number}", masterpagename=master)
        page.addElement(_odf_box(title, kind="title"))
        page.addElement(_odf_box(words))
        noted = presentation.Notes()
        noted.addElement(_odf_box(notes, kind="notes"))
        page.addElement(noted)
        document.presentation.addElement(page)
    return saved(document)


def epub(*chapters):
    """Return an EPUB file; each chapter is the inside of a body."""
    container = (
        '<?xml version="1.0"?><container xmlns="urn:oasis:names:tc:opendocument:xmlns:container">'
        '<rootfiles><rootfile full-path="OEBPS/book.opf"/></rootfiles></container>'
    )
    numbers = range(len(chapters))
    # The files stand in another order than the book has.
    manifest = "".join(f'<item id="c{n}" href="ch%20{n}.xhtml"/>' for n in reversed(numbers))
    spine = "".join(f'<itemref idref="c{n}"/>' for n in numbers)
    outline = (
        '<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf">'
        f"<manifest>{manifest}</manifest><spine>{spine}</spine></package>"
    )
    parts = {
        "mimetype": b"application/epub+zip",
        "META-INF/container.xml": container.encode(),
        "OEBPS/book.opf": outline.encode(),
    }
    for number, body in enumerate(chapters):
        page = (
            '<?xml version="1.0"?><!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml">'
            f"<head><title>t</title></head><body>{body}</body></html>"
        )
        parts[f"OEBPS/ch {number}.xhtml"] = page.encode()
    return zipped(parts)


def eml(subject, body, *, html=None, attachments=()):
    """Return an e-mail with a plain and a rich body and some files."""
    message = EmailMessage()
    message["Subject"] = subject
    message["From"] = "Léa <lea@example.org>"
    message["To"] = "bob@example.org"
    message["Date"] = "Mon, 01 Jan 2024 10:00:00 +0000"
    message.set_content(body)
    if html:
        message.add_alternative(html, subtype="html")
    for name, content in attachments:
        message.add_attachment(
            content, maintype="application", subtype="octet-stream", filename=name
        )
    return message.as_bytes()


def rtf(body):
    """Return an RTF file of this body."""
    return b"{\\rtf1\\ansi\\ansicpg1252{\\fonttbl{\\f0 Arial;}}\\f0 " + body + b"}"


def saved(document):
    """Return the bytes of any library's document."""
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def zipped(parts):
    """Return the bytes of a ZIP file of these parts."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            kind = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            archive.writestr(name, content, kind)
    return buffer.getvalue()


def edited(data, part, change):
    """Return a zipped document with one part changed by a function of its bytes."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts[part] = change(parts[part])
    return zipped(parts)


def renamed(data, part, name):
    """Return a zipped document with one part under another name."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return zipped(
            {name if own == part else own: archive.read(own) for own in archive.namelist()}
        )


def extended(data, **parts):
    """Return a zipped document with further parts."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        own = {name: archive.read(name) for name in archive.namelist()}
    return zipped(own | parts)


def _odf_table(name, rows):
    made = table.Table(name=name)
    for values in rows:
        row = table.TableRow()
        for value in values:
            cell = table.TableCell(valuetype="string")
            cell.addElement(text.P(text=value))
            row.addElement(cell)
        made.addElement(row)
    return made


def _odf_box(words, *, kind=None):
    frame = draw.Frame(width="10cm", height="5cm")
    if kind:
        frame.setAttrNS(PRESENTATIONNS, "class", kind)
    box = draw.TextBox()
    box.addElement(text.P(text=words))
    frame.addElement(box)
    return frame
