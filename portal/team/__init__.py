"""A firm's clients and people as they come and go: accounts made, taken over and moved, colleagues who leave."""
