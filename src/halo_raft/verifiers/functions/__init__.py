"""Judging Python functions by calling them from outside: the program and its tests never share a process.

`verifier` is what verifiers build on; `instrument` makes a task's tests report one by one. `supervisor` runs in
the worker, `candidate` in the program's box and `judge` in the judge's own; `wire` and `codec` are what crosses
between the two.
"""
