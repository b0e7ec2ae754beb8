"""What Doorstep costs: each module is one command that measures one thing and prints a table."""
