"""What is known of an agent's earlier records: read once a batch, written once it is acknowledged.

It leads to flags, tags and imputed values, never to an identity; where nothing is known, to nothing.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

NearPolicy = Literal[
    # near-duplicates are not looked for
    "off",
    # a near-duplicate is kept and names its original
    "tag",
    # a near-duplicate is dropped, if its original is sure to live on; else it is tagged
    "drop",
]
NEAR_POLICIES: Final[tuple[NearPolicy, ...]] = get_args(NearPolicy)
