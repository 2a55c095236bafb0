"""Commands of the program about earlier runs and saved questions; loaded only where one is named."""
