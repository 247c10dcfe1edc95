"""Drafts in, judged samples on disk: generation and verification as one streaming flow.

- `flow`: one stage of samples through engines and verification workers
- `session`: Ray and the engines of one command, started when first needed
"""
