"""The answer stage: questions about videos to answers with their evidence."""
