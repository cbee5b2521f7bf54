"""What scores say over seeds, examples and tasks; each file is one idea."""
