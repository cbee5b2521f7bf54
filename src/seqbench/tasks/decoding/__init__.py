"""From a model's distributions to text: how a token is chosen, and the next one after it."""
