"""Calls of servers that speak OpenAI's chat completions."""
