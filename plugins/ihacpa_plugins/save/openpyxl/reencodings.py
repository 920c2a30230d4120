"""What differs between a workbook and openpyxl's copy of it without being lost, and why. Everything else counts.

Kinds are the last word of a part's content type (`tally.kind_of`); elements and attributes have the short prefixes of
`PREFIXES`. Sources: ECMA-376 part 1, 18 (SpreadsheetML), 20 and 21 (DrawingML), 22.2 (properties); [MS-XLSX] for the
extensions.
"""

from __future__ import annotations

from typing import Final

from ihacpa_plugins.save.openpyxl.schema_defaults import SCHEMA_DEFAULTS

PREFIXES: Final = {
    "http://schemas.openxmlformats.org/spreadsheetml/2006/main": "",
    "http://schemas.openxmlformats.org/officeDocument/2006/relationships": "r:",
    "http://schemas.openxmlformats.org/drawingml/2006/main": "a:",
    "http://schemas.openxmlformats.org/drawingml/2006/chart": "c:",
    "http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing": "xdr:",
    "http://schemas.openxmlformats.org/markup-compatibility/2006": "mc:",
    "http://schemas.microsoft.com/office/spreadsheetml/2009/9/main": "x14:",
    "http://schemas.microsoft.com/office/spreadsheetml/2010/11/main": "x15:",
    "http://schemas.microsoft.com/office/drawing/2007/8/2/chart": "c14:",
    "http://schemas.microsoft.com/office/drawing/2010/main": "a14:",
    "http://www.w3.org/XML/1998/namespace": "xml:",
    "urn:schemas-microsoft-com:vml": "v:",
    "urn:schemas-microsoft-com:office:excel": "x:",
}

IGNORED_KINDS: Final = frozenset({
    "relationships",  # how the parts hang together; what it leads to is counted where it is
    "theme",  # copied byte for byte; where there was none, Office's own comes in
})  # fmt: skip

IGNORED_NAMESPACES: Final = (
    # Ids for working on a file together (xr:uid and its like).
    "http://schemas.microsoft.com/office/spreadsheetml/2014/revision",
    "http://schemas.microsoft.com/office/spreadsheetml/2015/revision",
    "http://schemas.microsoft.com/office/spreadsheetml/2016/revision",
    "http://schemas.microsoft.com/office/spreadsheetml/2017/revision",
    "http://schemas.microsoft.com/office/spreadsheetml/2018/revision",
    # Row descents that Excel measures anew, and where the file lay when it was saved.
    "http://schemas.microsoft.com/office/spreadsheetml/2009/9/ac",
    "http://schemas.microsoft.com/office/spreadsheetml/2010/11/ac",
    # Which extensions a reader may skip; what is in them is counted.
    "http://schemas.openxmlformats.org/markup-compatibility/2006 Ignorable",
)  # fmt: skip

IGNORED_ELEMENTS: Final = {
    "workbook": frozenset({
        # The program that wrote the file and how it calculates; Excel fills them in.
        "fileVersion", "fileRecoveryPr", "calcPr", "calcFeatures", "x15:workbookPr",
        "extCalcPr",  # LibreOffice's; how it reads addresses that a formula puts together
    }),
    "worksheet": frozenset({
        "dimension",  # the rectangle that the cells span, measured anew
        "drawing", "legacyDrawing", "tableParts",  # references; the parts themselves are counted
        "phoneticPr",  # the font of furigana; the furigana themselves are counted
        "x14:id",  # ties a data bar to its extension, which is counted
    }),
    "chartsheet": frozenset({"drawing"}),
    "styles": frozenset({
        "numFmts", "dxfs",  # those in use are kept, the others are not written again
        "mruColors",  # the colours that the palette's menu showed last
    }),
    "drawing": frozenset({
        "xdr:xfrm", "a:graphicFrameLocks",  # for readers that know no anchors: a chart lies where its anchor says
        "creationId", "a14:useLocalDpi",  # ids, and a hint on resolution
    }),
    "chart": frozenset({
        "c:lang",  # of the program that made the chart
        "uniqueId", "creationId", "dataDisplayOptions16", "dispNaAsBlank",  # ids, and the defaults of new charts
        "c:pageMargins",  # for a chart that is printed by itself
    }),
}  # fmt: skip

TRANSPARENT: Final = frozenset({
    # Containers: what is in them counts, they do not.
    "extLst", "a:extLst", "c:extLst", "ext", "a:ext", "c:ext", "mc:AlternateContent", "mc:Choice", "headerFooter",
    "conditionalFormatting", "definedNames", "colors", "x14:slicerStyles", "x15:timelineStyles", "ignoredErrors",
    "protectedRanges", "a:avLst",
    "c:layout", "c:tx", "c:dLbl", "c:printSettings", "c:headerFooter", "c:pageSetup",
})  # fmt: skip

IGNORED_ATTRIBUTES: Final = frozenset({
    # Lengths of lists, keys of parts that are counted themselves, the white space of texts that are compared.
    ("*", "count"), ("*", "uniqueCount"), ("*", "r:id"), ("*", "r:embed"), ("*", "r:link"), ("*", "xml:space"),
    # What is in an extension is counted, its name is not.
    ("ext", "uri"), ("a:ext", "uri"), ("c:ext", "uri"), ("mc:Choice", "Requires"),
    # The deepest outline of the sheet; the level of each row and column is counted.
    ("sheetFormatPr", "outlineLevelRow"), ("sheetFormatPr", "outlineLevelCol"),
    # The theme that the file began with, and settings of the program.
    ("workbookPr", "defaultThemeVersion"), ("workbookPr", "filterPrivacy"), ("workbookPr", "dateCompatibility"),
    ("workbookPr", "autoCompressPictures"),
    # Whether a format overrides its named style; Excel shows the format either way.
    ("xf", "applyFont"), ("xf", "applyFill"), ("xf", "applyBorder"), ("xf", "applyAlignment"),
    ("xf", "applyNumberFormat"), ("xf", "applyProtection"),
    # How a header is set; the header itself is counted.
    ("headerFooter", "alignWithMargins"), ("headerFooter", "scaleWithDoc"), ("c:headerFooter", "alignWithMargins"),
    ("c:pageSetup", "paperSize"), ("c:pageSetup", "orientation"),
    # Which style the menus of slicers and time lines offer first.
    ("x14:slicerStyles", "defaultSlicerStyle"), ("x15:timelineStyles", "defaultTimelineStyle"),
})  # fmt: skip

TRUTHS: Final = {"true": "1", "false": "0"}
"""The two ways of writing a truth value (ECMA-376 part 1, 22.9.2.1, with XML Schema part 2, 3.2.2)."""

DEFAULT_ATTRIBUTES: Final = {
    # They say what is so without them.
    **SCHEMA_DEFAULTS,
    ("patternFill", "patternType"): "none",
    ("xdr:graphicFrame", "macro"): "",
    ("xdr:pic", "macro"): "",
    ("xdr:cNvPr", "descr"): "",
    ("a:gradFill", "flip"): "none",
    ("c:numFmt", "sourceLinked"): "0",
}

SAYS_NOTHING_ALONE: Final = frozenset({
    # Without an attribute that differs from its default, a child or a text, they say what is so without them.
    "alignment", "protection", "workbookProtection", "printOptions", "outlinePr", "pageSetUpPr", "sheetPr",
    "oddHeader", "oddFooter", "evenHeader", "evenFooter", "firstHeader", "firstFooter",
    "xdr:wsDr", "Properties",
})  # fmt: skip

DEFAULT_ELEMENTS: Final = frozenset({
    # Settings of a chart that say what is so without them.
    ("c:tickLblPos", "nextTo"), ("c:crosses", "autoZero"), ("c:auto", "1"), ("c:lblAlgn", "ctr"),
    ("c:lblOffset", "100"), ("c:delete", "0"), ("c:autoTitleDeleted", "0"), ("c:roundedCorners", "0"),
    ("c:noMultiLvlLbl", "0"), ("c:overlay", "0"), ("c:varyColors", "0"), ("c:invertIfNegative", "0"),
    ("c:smooth", "0"), ("c:style", "2"), ("c14:style", "102"),
})  # fmt: skip

FILTER_NAME: Final = "_xlnm._FilterDatabase"
"""The hidden name of an autofilter's range; the autofilter itself is counted."""

DOCUMENT_PROPERTIES: Final = frozenset({"Manager", "Company", "HyperlinkBase"})
"""What a person writes into docProps/app.xml; all else in it the saving program counts: titles of parts, versions."""

STAMPED_PROPERTIES: Final = frozenset({"modified", "created"})
"""Times in docProps/core.xml that every save sets."""

COMMENT_BOX_SIZES: Final = ((96.0, 55.5), (108.0, 59.25))
"""Points, width and height: what programs draw for a comment whose box nobody has resized."""

COMMENT_BOX_TOLERANCE: Final = 0.5
"""Points by which they differ from each other in it: each rounds to its own unit."""
