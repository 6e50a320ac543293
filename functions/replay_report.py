"""Lambda function `replay_report`: a replay's totals, from what its letters say, and where the report lies."""

from sluice.replay_wiring import replay_report

handler = replay_report()
