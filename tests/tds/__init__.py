"""A SQL Server for the tests: Microsoft's own driver speaks TDS to it, and DuckDB answers its T-SQL."""
