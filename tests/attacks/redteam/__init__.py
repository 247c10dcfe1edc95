"""The attack suite: hostile programs as a table, and what it takes to judge them and to look for damage.

`rows/` holds the table, one theme a file; `worker` judges it in one isolation tier as one user and
reports a JSON line per row; `naive` proves that the false passes would fool a simpler harness.
"""
