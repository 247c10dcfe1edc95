"""The rows of the table, one theme a file; each file has its rows in `ROWS`."""
