"""The conversation: text in, Markdown out. Never loads torch."""
