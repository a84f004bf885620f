"""Pictures of activation maximisation: one optimum, and all starts side by side."""
