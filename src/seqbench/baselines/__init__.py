"""What a network must beat to be worth its cost: classic classifiers, no Lightning."""
