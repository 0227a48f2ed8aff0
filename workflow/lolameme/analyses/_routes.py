"""The routes by which a cell can recall what a program bound: names that reports share without loading torch."""

BIND, DIRECT, NOTHING, UNDEFINED = "bind, then look up", "direct", "no binding", "undefined"
ROUTES = (BIND, DIRECT, NOTHING, UNDEFINED)
