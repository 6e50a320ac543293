"""What the two users of the cache may do, as ACL strings: for ElastiCache's users, and for a test on a real server.

Imports nothing, so that whoever needs the strings does not need CDK. A string holds neither password nor `reset`, which
ElastiCache refuses. Commands are named one by one, never by category: what a new version of the server adds to one is
not allowed here. `AUTH` and `HELLO` are open to every user. `CLIENT SETINFO` is not sent, so it is not listed: Redis OSS
7.1 does not know it, and refuses a string that names it.
"""

from __future__ import annotations

from typing import Final

# Every key of Sluice holds a colon: records are `agent_id:timestamp`, internal keys `#name:…`. No other key is touched.
_KEYS: Final = "*:*"

# preprocess, and whatever replays. SET … NX GET EX claims and stores. EVAL keeps the index of an agent's newest records
# (ZADD, ZREMRANGEBYRANK, EXPIRE) and withdraws a claim that is still one's own (GET, DEL): a script may do what its user
# may. The last two are what redis-py asks for in cluster mode: where the nodes are, and where a command's key stands.
WRITER_ACCESS: Final = (
    f"on ~{_KEYS} -@all +set +get +del +eval +zadd +zremrangebyrank +expire +cluster|slots +command"
)

# lookup: one record, an agent's newest ones.
READER_ACCESS: Final = f"on %R~{_KEYS} -@all +get +zrange +cluster|slots +command"
