"""The annotate stage: texts of videos, one table a shard."""
