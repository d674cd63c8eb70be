"""The hidden grader of the teaching kit; the README's tree says what each module is."""
