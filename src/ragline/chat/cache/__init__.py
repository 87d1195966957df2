"""Answers that are given again: to the same question, or to nearly the same one."""
