"""RTP of pages: packets (RFC 3550), payload types (RFC 3551), codecs. No I/O."""
