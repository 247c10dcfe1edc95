"""Judging compiled programs: `verifier` is what gcc, clang, mingw, rust and go build on.

A `toolchain_*` says how a compiler is found and called, a `driver_*` how a language's tests become a
program that reports values, a `report_*` what that program writes them with.
"""
