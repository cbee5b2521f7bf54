"""What a run leaves behind: its folder, its record, its history. The source of truth.

Nothing heavy is imported here: a record can be read without torch, Lightning or W&B.
"""
