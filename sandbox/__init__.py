"""Stand-in servers for the providers Koppelpoort talks to. They share no code with `portal`."""
