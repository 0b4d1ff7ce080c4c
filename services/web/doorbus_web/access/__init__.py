"""Who may do what: users, sessions, tokens, and what keeps guessers and forged requests out."""
