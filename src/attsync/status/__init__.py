"""The log in a form for people: for each school and day, two signs, the counts, a note and what to do."""
