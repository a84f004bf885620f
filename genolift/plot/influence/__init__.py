"""Pictures of influence: who taught a query, and what motifs they share."""
