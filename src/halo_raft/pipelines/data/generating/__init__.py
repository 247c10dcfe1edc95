"""`data generate`: tasks that a model writes, each judged before it is written.

- `topics`: what may be asked for; `asking`: the question, and what is taken of an answer
- `backends`: servers of OpenAI's protocol, and the engine of this machine
- `judge`: reference, cheats, near-duplicates, overlap; `command`: the loop, with what is on disk
"""
