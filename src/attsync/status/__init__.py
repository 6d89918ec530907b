"""What the log means to a person: for each school and day, two signs, the counts, a note and what to do."""
