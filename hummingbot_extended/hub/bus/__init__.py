"""What carries frames between the processes of a hub, chosen by one URL."""
