"""The rival's side of the rules: `table` writes the rules as zen's decision table; run as a script it evaluates them.

The script needs zen-engine and nothing of ours; it reads a job as JSON and writes µs an evaluation, a number a round.
"""

import json
import sys
import time
from itertools import pairwise
from typing import Any

Condition = dict[str, Any]


def table(rules: list[tuple[str, list[Condition]]]) -> dict[str, Any]:
    """A graph with one decision table that collects every row that holds. Each of two columns holds a condition."""
    columns = [{"id": f"c{place}", "name": f"condition {place}"} for place in range(2)]
    rows = [
        {"_id": rule_id, **{f"c{place}": _cell(one) for place, one in enumerate(conditions)}, "o": f'"{rule_id}"'}
        for rule_id, conditions in rules
    ]
    content = {
        "hitPolicy": "collect",
        "inputs": columns,
        "outputs": [{"id": "o", "name": "rule", "field": "rule"}],
        "rules": rows,
    }
    kinds = ("inputNode", "decisionTableNode", "outputNode")
    nodes = [{"id": kind, "name": kind, "type": kind, "position": {"x": 0, "y": 0}} for kind in kinds]
    nodes[1]["content"] = content
    edges = [
        {"id": f"{one}-{next_one}", "sourceId": one, "targetId": next_one, "type": "edge"}
        for one, next_one in pairwise(kinds)
    ]
    return {"contentType": "application/vnd.gorules.decision", "nodes": nodes, "edges": edges}


def _cell(condition: Condition) -> str:
    value = json.dumps(condition["value"])
    if condition["op"] == "contains":
        return f"contains({condition['field']}, {value})"
    return f"{condition['field']} {condition['op']} {value}"


def _run(job: dict[str, Any]) -> dict[str, list[float]]:
    import zen  # noqa: PLC0415  (only the script has it, `table` does not need it)

    decision = zen.ZenEngine().create_decision(json.dumps(job["table"]))
    varied, calls = job["facts"], job["calls"]
    took: dict[str, list[float]] = {"varied": [], "repeated": []}
    answer = decision.evaluate(varied[0], {"trace": True})
    assert answer["trace"], "no trace"
    for number in range(job["rounds"]):
        took["varied"].append(_each(decision, varied[number * calls : (number + 1) * calls], calls))
        took["repeated"].append(_each(decision, varied[:20], calls))
    return took


def _each(decision: Any, facts: list[dict[str, Any]], calls: int) -> float:
    began = time.perf_counter()
    for number in range(calls):
        decision.evaluate(facts[number % len(facts)], {"trace": True})
    return (time.perf_counter() - began) / calls * 1e6


if __name__ == "__main__":
    print(json.dumps(_run(json.loads(sys.stdin.read()))))
