"""Roles of tokens: of the assignments that a pair is about, of all other assignments, and of the query."""

ANSWER_SIGN = "answer sign"  # the last token before the answer; where a task writes no sign, the query's last one
ROLES = ("name", "sign", "value", "end", "others", "query", ANSWER_SIGN)
