"""The numbered requirements, the marks of the tests that prove them, and the table made of both."""
