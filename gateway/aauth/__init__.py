"""AAuth: agents with signed identities, answers that come later, and questions in between."""
