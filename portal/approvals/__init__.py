"""Four eyes: tasks that wait until enough other people agree, and are then carried out once."""
