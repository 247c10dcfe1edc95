"""What runs inside: the zygote, which isolates itself, and the candidates that it forks.

This package is loaded in a bare interpreter (`-sSP`) without the rest of halo-raft, so its modules
import the standard library and each other alone, and nothing that is slow to import.
"""
