"""Agents, sessions and messages: conversations over projects."""
