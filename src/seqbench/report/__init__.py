"""From records to a table, an answer and a page; reads nothing else and trains nothing."""
