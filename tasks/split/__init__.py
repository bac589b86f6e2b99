"""The split stage: shots of a corpus as rows of another one."""
