"""Judging Python functions by calling them from outside: the program and its tests never share a process.

`instrument` makes a task's tests report one by one, `names` and `terms` say what they use, `mode` where they stand.
`supervisor` runs in the worker, `candidate` in the program's box and `judge` in the judge's own; `wire` and `codec`
are what crosses between the two, `definitions`, `proxies` and `iterators` what stands for what does not.
"""
