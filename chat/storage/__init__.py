"""The database: the engine's settings, transactions, and the queries of a room's timeline."""
