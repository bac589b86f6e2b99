"""Layouts of files of questions, one a file."""
