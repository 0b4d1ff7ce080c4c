"""What Doorbus services agree on: subjects, envelope, messages and the document of a door. No I/O here."""
