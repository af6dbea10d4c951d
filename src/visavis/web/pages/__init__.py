"""The pages of the people: one module a page, each a route that loads, asks the views, renders.

Lives here: `page_routes`. Not here: the public newsroom (`web.newsroom`), the JSON interface (`web.api`), markup
(`web/templates`), any rule of the talks (the slices).
"""
