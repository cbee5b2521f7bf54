"""Studies: which runs there are, and executing every one of them."""
