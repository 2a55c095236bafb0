"""Docker: images, the database gateway, limits, live logs and the collection of results."""
