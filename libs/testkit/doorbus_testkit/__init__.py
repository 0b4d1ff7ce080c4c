"""Real NATS, a SIP phone, tones and a simulated chip for tests and the demo."""
