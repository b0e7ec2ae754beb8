"""What goes wrong: processes are killed, events come twice and in any order, the payment provider fails."""
