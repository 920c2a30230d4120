"""A job of one's own on a sheet of one's own:

ihacpa run orders.xlsx --processor python:check_orders.py:check -o sheet.header_row=1 -o sheet.key=Order
"""

from __future__ import annotations

from ihacpa_core import Cell


def check(record):
    quantity, price = record["Quantity"], record["Unit price"]
    if not (isinstance(quantity, int) and isinstance(price, int | float)):
        return {"Check": Cell("quantity or price is no number", style="bad")}
    if quantity < 1:
        return {"Check": Cell("nothing ordered", style="warn")}
    return {"Total": quantity * price, "Check": Cell("ok", style="good")}
