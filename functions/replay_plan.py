"""Lambda function `replay_plan`: a replay's input in, its plan out; of a dry run, what the replay would do."""

from sluice.replay_wiring import replay_plan

handler = replay_plan()
