"""What the attributes of a workbook's parts mean when they are not there: the defaults of the standard's own schema.

Source: ECMA-376 part 1, 5th edition, annex A (sml.xsd), of the elements that workbooks, sheets, tables, comments and
formats are made of; truth values as 0 and 1. A program may write a default or leave it out, and it says the same.
"""

from __future__ import annotations

from typing import Final

_SCHEMA: Final = {
    # workbook
    "workbookPr": (
        "date1904=0 showObjects=all showBorderUnselectedTables=1 filterPrivacy=0 promptedSolutions=0 "
        "showInkAnnotation=1 backupFile=0 saveExternalLinkValues=1 updateLinks=userSet hidePivotFieldList=0 "
        "showPivotChartFilter=0 allowRefreshQuery=0 publishItems=0 checkCompatibility=0 "
        "autoCompressPictures=1 refreshAllConnections=0"
    ),
    "workbookProtection": "lockStructure=0 lockWindows=0 lockRevision=0",
    "workbookView": (
        "visibility=visible minimized=0 showHorizontalScroll=1 showVerticalScroll=1 showSheetTabs=1 "
        "tabRatio=600 firstSheet=0 activeTab=0 autoFilterDateGrouping=1"
    ),
    "customWorkbookView": (
        "autoUpdate=0 changesSavedWin=0 onlySync=0 personalView=0 includePrintSettings=1 "
        "includeHiddenRowCol=1 maximized=0 minimized=0 showHorizontalScroll=1 showVerticalScroll=1 "
        "showSheetTabs=1 xWindow=0 yWindow=0 tabRatio=600 showFormulaBar=1 showStatusbar=1 "
        "showComments=commIndicator showObjects=all"
    ),
    "fileSharing": "readOnlyRecommended=0",
    "sheet": "state=visible",
    "definedName": "hidden=0 function=0 vbProcedure=0 xlm=0 publishToServer=0 workbookParameter=0",
    # sheets
    "sheetPr": (
        "syncHorizontal=0 syncVertical=0 transitionEvaluation=0 transitionEntry=0 published=1 filterMode=0 "
        "enableFormatConditionsCalculation=1"
    ),
    "outlinePr": "applyStyles=0 summaryBelow=1 summaryRight=1 showOutlineSymbols=1",
    "pageSetUpPr": "autoPageBreaks=1 fitToPage=0",
    "sheetCalcPr": "fullCalcOnLoad=0",
    "sheetFormatPr": (
        "baseColWidth=8 customHeight=0 zeroHeight=0 thickTop=0 thickBottom=0 outlineLevelRow=0 outlineLevelCol=0"
    ),
    "sheetView": (
        "windowProtection=0 showFormulas=0 showGridLines=1 showRowColHeaders=1 showZeros=1 rightToLeft=0 "
        "tabSelected=0 showRuler=1 showOutlineSymbols=1 defaultGridColor=1 showWhiteSpace=1 view=normal "
        "colorId=64 zoomScale=100 zoomScaleNormal=0 zoomScaleSheetLayoutView=0 zoomScalePageLayoutView=0 "
        "zoomToFit=0"
    ),
    "pane": "xSplit=0 ySplit=0 activePane=topLeft state=split",
    "selection": "pane=topLeft activeCellId=0 sqref=A1",
    "customSheetView": (
        "scale=100 colorId=64 showPageBreaks=0 showFormulas=0 showGridLines=1 showRowCol=1 outlineSymbols=1 "
        "zeroValues=1 fitToPage=0 printArea=0 filter=0 showAutoFilter=0 hiddenRows=0 hiddenColumns=0 "
        "state=visible filterUnique=0 view=normal showRuler=1 zoomToFit=0"
    ),
    "sheetProtection": (
        "sheet=0 objects=0 scenarios=0 formatCells=1 formatColumns=1 formatRows=1 insertColumns=1 "
        "insertRows=1 insertHyperlinks=1 deleteColumns=1 deleteRows=1 selectLockedCells=0 sort=1 autoFilter=1 "
        "pivotTables=1 selectUnlockedCells=0 content=0"
    ),
    "scenario": "locked=0 hidden=0",
    "dataConsolidate": "function=sum startLabels=0 leftLabels=0 topLabels=0 link=0",
    "brk": "id=0 min=0 max=0 man=0 pt=0",
    "printOptions": "horizontalCentered=0 verticalCentered=0 headings=0 gridLines=0 gridLinesSet=1",
    "pageSetup": (
        "paperSize=1 scale=100 firstPageNumber=1 fitToWidth=1 fitToHeight=1 pageOrder=downThenOver "
        "orientation=default usePrinterDefaults=1 blackAndWhite=0 draft=0 cellComments=none "
        "useFirstPageNumber=0 errors=displayed horizontalDpi=600 verticalDpi=600 copies=1"
    ),
    "headerFooter": "differentOddEven=0 differentFirst=0 scaleWithDoc=1 alignWithMargins=1",
    "oleObject": "dvAspect=DVASPECT_CONTENT autoLoad=0",
    "objectPr": "locked=1 defaultSize=1 print=1 disabled=0 uiObject=0 autoFill=1 autoLine=1 autoPict=1 dde=0",
    "controlPr": (
        "locked=1 defaultSize=1 print=1 disabled=0 recalcAlways=0 uiObject=0 autoFill=1 autoLine=1 autoPict=1 cf=pict"
    ),
    "anchor": "moveWithCells=0 sizeWithCells=0",
    "ignoredError": (
        "evalError=0 twoDigitTextYear=0 numberStoredAsText=0 formula=0 formulaRange=0 unlockedFormula=0 "
        "emptyCellReference=0 listDataValidation=0 calculatedColumn=0"
    ),
    # filters and rules
    "filterColumn": "hiddenButton=0 showButton=1",
    "filters": "blank=0 calendarType=none count=0",
    "customFilters": "and=0",
    "customFilter": "operator=equal",
    "colorFilter": "cellColor=1",
    "top10": "top=1 percent=0",
    "sortState": "columnSort=0 caseSensitive=0 sortMethod=none",
    "sortCondition": "descending=0 sortBy=value iconSet=3Arrows",
    "dataValidations": "disablePrompts=0",
    "dataValidation": (
        "type=none errorStyle=stop imeMode=noControl operator=between allowBlank=0 showDropDown=0 "
        "showInputMessage=0 showErrorMessage=0"
    ),
    "conditionalFormatting": "pivot=0",
    "cfRule": "stopIfTrue=0 aboveAverage=1 percent=0 bottom=0 equalAverage=0",
    "cfvo": "gte=1",
    "dataBar": "minLength=10 maxLength=90 showValue=1",
    "iconSet": "iconSet=3TrafficLights1 showValue=1 percent=1 reverse=0",
    # tables and comments
    "table": (
        "tableType=worksheet headerRowCount=1 insertRow=0 insertRowShift=0 totalsRowCount=0 totalsRowShown=1 "
        "published=0"
    ),
    "tableColumn": "totalsRowFunction=none",
    "calculatedColumnFormula": "array=0",
    "totalsRowFormula": "array=0",
    "commentPr": (
        "locked=1 defaultSize=1 print=1 disabled=0 autoFill=1 autoLine=1 textHAlign=left textVAlign=top "
        "lockText=1 justLastX=0 autoScale=0"
    ),
    # formats
    "xf": "quotePrefix=0 pivotButton=0",
    "border": "outline=1",
    "left": "style=none",
    "right": "style=none",
    "top": "style=none",
    "bottom": "style=none",
    "diagonal": "style=none",
    "vertical": "style=none",
    "horizontal": "style=none",
    "start": "style=none",
    "end": "style=none",
    "gradientFill": "type=linear degree=0 left=0 right=0 top=0 bottom=0",
    "b": "val=1",
    "i": "val=1",
    "strike": "val=1",
    "outline": "val=1",
    "shadow": "val=1",
    "condense": "val=1",
    "extend": "val=1",
    "u": "val=single",
    "tableStyle": "pivot=1 table=1",
    "tableStyleElement": "size=1",
}

_FORMATS: Final = {
    # The schema leaves these open; 18.8.1, 18.8.4 and 18.8.33 say what a format is without them.
    "alignment": (
        "horizontal=general vertical=bottom textRotation=0 wrapText=0 indent=0 relativeIndent=0 justifyLastLine=0 "
        "shrinkToFit=0 readingOrder=0"
    ),
    "protection": "locked=1 hidden=0",
    "border": "diagonalUp=0 diagonalDown=0",
}

SCHEMA_DEFAULTS: Final[dict[tuple[str, str], str]] = {
    (element, attribute): value
    for table in (_SCHEMA, _FORMATS)
    for element, listed in table.items()
    for attribute, value in (item.split("=") for item in listed.split())
}
"""(element, attribute) to the value that it has without being written."""
