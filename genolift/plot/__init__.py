"""Pictures of explanations: logos, the paper's figures 5 and 6, and the HTML report."""
