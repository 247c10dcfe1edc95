"""What the user sees, and what the shell gets back: lines, bars, log files, exit codes."""
