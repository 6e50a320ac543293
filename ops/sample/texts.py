# ruff: noqa: RUF001 -- odd characters are what this file is for
"""What agents write when nothing is wrong: prose, lists, code, tables, logs, tool calls."""

from __future__ import annotations

import json

from ops.sample.dice import Dice

_SUBJECTS = (
    "The booking agent", "The planner", "The retriever", "The customer", "The search tool", "The reviewer",
    "The scheduler", "Our model", "The pricing service", "The second attempt", "The cached answer", "The invoice",
)  # fmt: skip
_VERBS = (
    "found", "confirmed", "rejected", "summarised", "looked up", "compared", "repeated", "corrected", "postponed",
    "asked for", "returned", "ranked", "could not find",
)  # fmt: skip
_OBJECTS = (
    "the reservation", "three cheaper flights", "an open refund", "the failing test", "a missing column",
    "the latest report", "two conflicting addresses", "the user's last message", "a newer version of the package",
    "the httpd access log", "an http2 upgrade", "my_var_name in the second cell", "the quarterly figures",
)  # fmt: skip
_ENDINGS = (
    "before the deadline", "after the second retry", "with high confidence", "and stopped there", "in 1.2 seconds",
    "within the budget of 40 EUR", "as the policy demands", "for order 48213", "but asks for a human check",
    "— as expected", "(see step 4)", "on 3 of 5 pages", "in the Zürich office", "although the cache was cold",
)  # fmt: skip
_WORLD = (
    "Das Angebot gilt bis Freitag; die Rückfrage beim Kunden läuft.",
    "Le vol de 18 h 05 est annulé, un remboursement a été proposé à l’équipe.",
    "El reembolso se hará en cinco días — según la política.",
    "Клиент подтвердил новый адрес доставки.",
    "客户确认了新的送货地址，订单已更新。",
    "顧客は新しい配送先を確認しました。",
    "고객이 새 배송 주소를 확인했습니다.",
    "وافق العميل على العنوان الجديد.",
    "ग्राहक ने नए पते की पुष्टि की।",
    "Done ✅ — next step 🚀",
)
_CODE = (
    "def total(rows: list[dict]) -> float:\n    return sum(row['price'] * row['count'] for row in rows)\n",
    "if not path.exists():\n\traise FileNotFoundError(path)\n\nfor line in path.open():\n\tprint(line.strip())\n",
    "SELECT agent, count(*) FROM runs\nWHERE day >= '2026-01-01'\nGROUP BY agent\nORDER BY 2 DESC;\n",
    "#!/bin/sh\nset -eu\nfor f in *.csv; do\n  wc -l \"$f\" | awk '{print $1}'\ndone\n",
    "const ok = items.filter((i) => i.score > 0.5).map(({ id }) => id);\nconsole.log(`${ok.length} left`);\n",
)
_TOOLS = ("search_flights", "get_order", "run_sql", "send_email", "read_file", "calculate")


def sentence(dice: Dice) -> str:
    """Return one sentence of agent prose."""
    return f"{dice.pick(_SUBJECTS)} {dice.pick(_VERBS)} {dice.pick(_OBJECTS)} {dice.pick(_ENDINGS)}."


def prose(dice: Dice) -> str:
    """Return one to three paragraphs."""
    paragraphs = [
        " ".join(sentence(dice) for _ in range(dice.between(1, 4))) for _ in range(dice.between(1, 3))
    ]
    return "\n\n".join(paragraphs)


def world(dice: Dice) -> str:
    """Return sentences of several languages."""
    return " ".join(dice.pick(_WORLD) for _ in range(dice.between(1, 4)))


def bullets(dice: Dice) -> str:
    """Return a Markdown list under a heading."""
    items = "".join(
        f"\n- **{dice.pick(_OBJECTS)}**: {dice.pick(_ENDINGS)}" for _ in range(dice.between(3, 7))
    )
    return f"## Plan\n{sentence(dice)}\n{items}\n"


def code(dice: Dice) -> str:
    """Return an answer with a fenced block of code, indented by blanks or tabs."""
    return f"{sentence(dice)}\n\n```\n{dice.pick(_CODE)}```\n\n{sentence(dice)}"


def table(dice: Dice) -> str:
    """Return a Markdown table of figures."""
    rows = "".join(
        f"| {dice.pick(_TOOLS)} | {dice.between(1, 900)} | {dice.between(1, 99)} % |\n"
        for _ in range(dice.between(2, 6))
    )
    return f"| tool | calls | errors |\n|:-----|------:|-------:|\n{rows}"


def log(dice: Dice) -> str:
    """Return log lines."""
    return "\n".join(
        f"2026-01-05 08:{dice.below(60):02}:{dice.below(60):02},{dice.below(1000):03} "
        f"{dice.pick(('DEBUG', 'INFO', 'INFO', 'WARNING', 'ERROR'))} "
        f"tools.{dice.pick(_TOOLS)}: {dice.pick(_VERBS)} {dice.pick(_OBJECTS)} in {dice.between(1, 4000)} ms"
        for _ in range(dice.between(2, 6))
    )


def tool_call(dice: Dice) -> str:
    """Return a tool call as JSON, as text."""
    arguments = {
        "query": dice.pick(_OBJECTS),
        "limit": dice.between(1, 50),
        "flags": [True, None, dice.below(9) / 4],
    }
    call = {"name": dice.pick(_TOOLS), "arguments": arguments, "id": f"call_{dice.below(10**8):08}"}
    # Every third is double-encoded, as many client libraries do it.
    return json.dumps([call]) if dice.chance(2 / 3) else json.dumps(json.dumps(call))


# Weighted by repetition.
KINDS = (prose, prose, prose, prose, world, bullets, bullets, code, table, log, tool_call, tool_call)


def clean_text(dice: Dice) -> str:
    """Return a text of any kind."""
    return dice.pick(KINDS)(dice)
