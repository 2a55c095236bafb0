"""The systems under test: the product's pipeline and the baselines, behind one interface."""
