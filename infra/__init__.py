"""What is deployed: the resources, the packaging of the functions, and the same resources on one machine."""
