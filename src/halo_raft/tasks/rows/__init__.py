"""What all forms of rows share: files, fields, cases, calls, limits, entry points."""
