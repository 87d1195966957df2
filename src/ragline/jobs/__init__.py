"""What users see of jobs: their state, progress, events and end."""
