"""The multicast service: pages over RTP multicast, their priorities, their sound."""
