"""Lambda function `replay_batch`: one chunk of a replay's plan; claims, runs and settles its letters."""

from sluice.replay_wiring import replay_batch

handler = replay_batch()
