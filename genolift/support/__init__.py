"""What every room needs and that needs no room: errors, progress, memory budget, seeds."""
