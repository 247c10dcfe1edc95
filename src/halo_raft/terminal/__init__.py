"""What the user sees, and what the shell gets back. The only room that prints.

- `console`: lines, lists, tables
- `parser`: help with defaults, words that the shell completes
- `progress`: bars on a terminal, lines elsewhere
- `pulse`: what is being done now, said again while it takes long
- `logs`: log messages on the terminal, and log files
- `exits`: from exceptions to exit codes
- `stopping`: from signals to a stop in time
"""
