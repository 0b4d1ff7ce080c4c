"""The contract and the runtime that all Doorbus services share."""
