"""All that knows nbgrader: which of our classes take the place of which of its own, and these classes."""
