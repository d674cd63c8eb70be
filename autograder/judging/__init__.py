"""How an answer is judged: hidden tests, their truths, their inputs, and what they say."""
