"""The far side: a submission's kernel, what it is asked, and the messages between."""
