"""The two doors to the outside that several stages share: the model client and the database inspector."""
