"""Where texts and labels come from: the built-in harvest, the Hugging Face hub, the user's own."""
