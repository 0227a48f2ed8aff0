"""Tables in a terminal."""


def plain_table(title: str, *columns: str, text: int = 1):
    """A rich table with few lines; the first `text` columns are aligned left."""
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, collapse_padding=True)
    for i, name in enumerate(columns):
        wide = 8 if i < text else None  # so that none is squeezed to nothing
        side = "left" if i < text else "right"
        table.add_column(name, justify=side, no_wrap=i >= text, min_width=wide, overflow="fold")  # no name is cut
    return table
