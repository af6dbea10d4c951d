"""The pages of the people: one module a page, each a route that loads, asks the views, renders.

Lives here: `page_routes`. Not here: the public newsroom (`web.newsroom`), the JSON interface (`web.api`), markup
(`web/templates`), any rule of the talks (the slices).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.routing import BaseRoute


def page_routes() -> list[BaseRoute]:
    """Every page of a delegate, and the doors to them."""
    # Here, since `context` reads this package's `frame` and `seal`, and every page reads `context`.
    from visavis.web.pages import (
        calendars,
        check,
        delegation,
        dialogue,
        founding,
        home,
        invitations,
        me,
        papers,
        press,
        quotes,
        record,
        review,
        room,
        talk,
        understanding,
    )

    modules = (
        home,
        founding,
        dialogue,
        invitations,
        talk,
        delegation,
        understanding,
        review,
        record,
        room,
        press,
        papers,
        quotes,
        check,
        calendars,
        me,
    )
    return [route for module in modules for route in module.routes]
