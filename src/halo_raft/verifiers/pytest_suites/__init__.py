"""Judging Python programs by pytest suites: outside of the program where the suite allows it, else beside it."""
