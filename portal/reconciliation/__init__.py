"""Which bank line pays which document: proposed with a reason, decided by a person, undone until it is sent."""
