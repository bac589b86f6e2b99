"""The leaderboard: which runs are comparable, their table, and the clips beside it."""
