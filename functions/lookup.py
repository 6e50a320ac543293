"""Lambda function `lookup`: `{"agent_id", "timestamp"}` or `{"agent_id", "latest": n}` → records of the cache."""

from sluice.lookup_wiring import lookup

handler = lookup()
